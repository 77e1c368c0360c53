// Chooses where conversations live: the one place that knows which keepers there are.
// A Redis that is away costs durability, not the service: what begins meanwhile lives in memory, and that is said.

import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { RetrySettings } from "#app/core/config-circuits.ts";
import type { Logger } from "#app/core/logging.ts";
import type { RedisConnection } from "#app/core/redis.ts";
import { tellDurability } from "#app/core/redis-durability.ts";
import type { CircuitBreaker } from "#app/core/resilience.ts";
import { createFallbackBundle, type LocalBundle } from "./fallback-bundle.ts";
import { LocalEventLog } from "./local-event-log.ts";
import { LocalConversationStore } from "./local-memory.ts";
import { LocalRunLease } from "./local-run-lease.ts";
import { LOCAL_STORAGE_LIMITS, LocalStorage } from "./local-storage.ts";
import { createRedisBundle, type RedisBundle, type RedisBundleOptions } from "./redis-bundle.ts";
import type { StorageBundle } from "./storage-bundle.ts";

export type { StorageBundle } from "./storage-bundle.ts";

const SWEEP_EVERY_MS = 60_000;
/** For so long a new attempt at Redis is begun at the start, and so long all of them take, but for a short last one. */
const REDIS_TRIED_MS = 1_500;
const REDIS_START_MS = 2_900;
const LAST_ATTEMPT_MS = 500;
const REDIS_PAUSE_MS = 200;

export interface OpenStorageOptions {
  readonly conversationTtlMs: number;
  /** Where Redis is; absent: conversations live in memory. */
  readonly redisUrl: string | undefined;
  readonly logger: Logger;
  /** Spares everybody the wait for a Redis that does not answer. */
  readonly breaker?: CircuitBreaker | undefined;
  /** For calls that Redis surely did not carry out. */
  readonly retry?: RetrySettings | undefined;
}

/** The storage, what Redis offers beside it, and whether that is less than what was asked for at this moment. */
export interface OpenedStorage {
  readonly storage: StorageBundle;
  readonly redis: RedisConnection | undefined;
  readonly isDegraded: boolean;
}

/** Opens Redis where it is configured, and memory for as long as it is away; else memory. Never rejects. */
export async function openStorage(options: OpenStorageOptions): Promise<OpenedStorage> {
  const { redisUrl, logger, conversationTtlMs, breaker, retry } = options;
  const local = createStorageBundle({ conversationTtlMs });
  if (redisUrl === undefined) return { storage: local, redis: undefined, isDegraded: false };
  try {
    const url = redisUrl;
    const redis = await openRedis({
      ...{ url, conversationTtlMs, instanceId: randomUUID() },
      ...{ logger, breaker, retry },
    });
    const { connection } = redis;
    tellDurability(connection, logger);
    if (!connection.watch.isUp)
      logger.error({ storage: "memory", err: connection.trouble }, "storage_degraded");
    connection.watch.onChange(({ isUp, downMs, reason }) => {
      if (isUp) logger.info({ storage: "redis", downMs }, "storage_recovered");
      else logger.error({ storage: "memory", reason }, "storage_degraded");
    });
    return {
      storage: createFallbackBundle(redis, local),
      redis: connection,
      get isDegraded() {
        return !connection.watch.isUp;
      },
    };
  } catch (error) {
    // What answers and is no Redis of ours: a wrong version, a URL that is none.
    logger.error({ err: error, storage: "memory" }, "storage_degraded");
    return { storage: local, redis: undefined, isDegraded: true };
  }
}

/** One answer that comes late shall not begin an outage; the last attempt leaves a connection that is waited for. */
async function openRedis(options: RedisBundleOptions): Promise<RedisBundle> {
  const startedAt = performance.now();
  for (;;) {
    const tookMs = performance.now() - startedAt;
    const isLast = tookMs > REDIS_TRIED_MS;
    // One that does not even take note of our leaving holds an attempt up for seconds.
    const withinMs = Math.max(REDIS_START_MS - tookMs, LAST_ATTEMPT_MS);
    try {
      return await createRedisBundle({ ...options, mayBeAway: isLast, withinMs });
    } catch (error) {
      if (isLast) throw error;
      await pause(REDIS_PAUSE_MS);
    }
  }
}

/** The in-memory bundle; its three keepers share one bounded shelf, so that a conversation leaves as a whole. */
export function createStorageBundle(options: { conversationTtlMs: number }): LocalBundle {
  const storage = new LocalStorage({
    ...LOCAL_STORAGE_LIMITS,
    ttlMs: options.conversationTtlMs,
    now: Date.now,
  });
  const sweeper = setInterval(() => storage.sweep(), SWEEP_EVERY_MS);
  sweeper.unref();
  return {
    kind: "memory",
    kindOf: () => "memory",
    has: (id) => storage.has(id),
    instanceId: randomUUID(),
    store: new LocalConversationStore(storage),
    log: new LocalEventLog(storage),
    lease: new LocalRunLease(storage),
    // No other instance shares this storage.
    onWake: () => undefined,
    whisper: async () => undefined,
    onWhisper: () => undefined,
    onAvailability: () => undefined,
    close: async () => clearInterval(sweeper),
  };
}
