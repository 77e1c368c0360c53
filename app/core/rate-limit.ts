// The one door of rate-limiter-flexible: how often a visitor may do a thing.
// Promises: fails closed. When the table of keys is full, new keys share one budget instead of having none to keep.
// Does not know what is counted.

import type { Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { AppError } from "./errors.ts";

export interface RateLimiter {
  /**
   * Takes `points` (default 1) from the key's budget. Rejects with AppError `rate_limited`, whose `retryAfterMs` is the
   * time until the budget is whole again. A refused request counts too, but does not lengthen the wait.
   */
  take(key: string, points?: number): Promise<void>;
}

export interface RateLimitOptions {
  /** Requests in one window. */
  readonly points: number;
  /** Length of the window; it begins with a key's first request. */
  readonly durationSeconds: number;
  /** Keeps the budgets of two limiters apart. */
  readonly keyPrefix: string;
  /** Keys that are told apart at one time; bounds memory against a flood of new addresses. */
  readonly maxKeys?: number;
}

const DEFAULT_MAX_KEYS = 100_000;
/** The budget of all keys for which there was no room. A space cannot stand in an address or an id. */
const OVERFLOW_KEY = "all others";

/** Counts in this process. */
export function createMemoryRateLimiter(options: RateLimitOptions): RateLimiter {
  const { points, durationSeconds: duration, keyPrefix } = options;
  const limiter = new RateLimiterMemory({ points, duration, keyPrefix });
  return limiterOver(() => limiter, options);
}

/**
 * Counts in Redis, for all instances together; while Redis is away each counts for itself: never not at all.
 * @param isUp whether Redis can be relied on: one that is silent is not waited for at every message
 */
export function createRedisRateLimiter(
  options: RateLimitOptions,
  client: Redis,
  isUp: () => boolean = () => true,
): RateLimiter {
  const { points, durationSeconds: duration, keyPrefix } = options;
  const insurance = new RateLimiterMemory({ points, duration, keyPrefix });
  const limiter = new RateLimiterRedis({
    storeClient: client,
    points,
    duration,
    keyPrefix: `parley:limit:${keyPrefix}`,
    // Without this the insurance waits for the client's own time-outs.
    rejectIfRedisNotReady: true,
    // Whoever is refused is remembered here: a flood is not carried on to Redis.
    inMemoryBlockOnConsumed: points + 1,
    insuranceLimiter: insurance,
  });
  return limiterOver(() => (isUp() ? limiter : insurance), options);
}

function limiterOver(
  limiter: () => RateLimiterMemory | RateLimiterRedis,
  options: RateLimitOptions,
): RateLimiter {
  const { points: limit, durationSeconds } = options;
  const keys = new KeyTable(options.maxKeys ?? DEFAULT_MAX_KEYS, durationSeconds * 1000);
  return {
    async take(key, points = 1) {
      try {
        await limiter().consume(keys.admit(key) ? key : OVERFLOW_KEY, points);
      } catch (refusal) {
        throw toLimitError(refusal, limit, durationSeconds);
      }
    },
  };
}

function toLimitError(refusal: unknown, limit: number, windowSeconds: number): AppError {
  if (!(refusal instanceof RateLimiterRes)) return new AppError("internal_error", { cause: refusal });
  return new AppError("rate_limited", {
    retryAfterMs: Math.max(1, Math.ceil(refusal.msBeforeNext)),
    details: { limit, windowSeconds },
  });
}

/** The keys whose window is open. All windows are equally long, so insertion order is the order of their ends. */
class KeyTable {
  readonly #endsAt = new Map<string, number>();
  readonly #maxKeys: number;
  readonly #windowMs: number;

  constructor(maxKeys: number, windowMs: number) {
    this.#maxKeys = maxKeys;
    this.#windowMs = windowMs;
  }

  /** Is there room to count this key on its own? */
  admit(key: string): boolean {
    const now = Date.now();
    for (const [oldKey, endsAt] of this.#endsAt) {
      if (endsAt > now) break;
      this.#endsAt.delete(oldKey);
    }
    if (this.#endsAt.has(key)) return true;
    if (this.#endsAt.size >= this.#maxKeys) return false;
    this.#endsAt.set(key, now + this.#windowMs);
    return true;
  }
}
