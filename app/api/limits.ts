// How often a visitor may do what costs something. Counted in Redis where there is one, so that a visitor has one
// allowance and not one for each instance.

import type { ChatLimits } from "#app/api/v1/endpoints/chat.ts";
import type { Config } from "#app/core/config.ts";
import { toAppError } from "#app/core/errors.ts";
import type { Metrics } from "#app/core/metrics.ts";
import {
  createMemoryRateLimiter,
  createRedisRateLimiter,
  type RateLimiter,
  type RateLimitOptions,
} from "#app/core/rate-limit.ts";
import type { RedisConnection } from "#app/core/redis.ts";

const MINUTE = { durationSeconds: 60 };
/** Twenty frames a second: far above any client, far below what would hurt. */
const FRAMES_PER_MINUTE = 1_200;

export function createChatLimits(
  config: Config,
  redis: RedisConnection | undefined,
  metrics: Metrics,
): ChatLimits {
  const shared = (options: RateLimitOptions): RateLimiter =>
    redis
      ? createRedisRateLimiter(options, redis.client, () => redis.watch.isUp)
      : createMemoryRateLimiter(options);
  const points = config.messagesPerMinute;
  const limits: ChatLimits = {
    message: shared({ ...MINUTE, points, keyPrefix: "message" }),
    // A visitor who opens conversations without ever saying something is as costly as one who talks.
    join: shared({ ...MINUTE, points, keyPrefix: "join" }),
    // A connection lives on one instance only.
    connectionMessage: createMemoryRateLimiter({
      ...MINUTE,
      points: config.messagesPerMinutePerConnection,
      keyPrefix: "connection",
    }),
    frame: createMemoryRateLimiter({ ...MINUTE, points: FRAMES_PER_MINUTE, keyPrefix: "frame" }),
  };
  return {
    message: counted("message", limits.message, metrics),
    join: counted("join", limits.join, metrics),
    connectionMessage: counted("connection-message", limits.connectionMessage, metrics),
    frame: counted("frame", limits.frame, metrics),
  };
}

/** Counts what the limit refuses, and not what went wrong with counting. */
function counted(limit: string, limiter: RateLimiter, metrics: Metrics): RateLimiter {
  return {
    async take(key, points) {
      try {
        await limiter.take(key, points);
      } catch (error) {
        if (toAppError(error).code === "rate_limited") metrics.count("limits_total", { limit });
        throw error;
      }
    },
  };
}
