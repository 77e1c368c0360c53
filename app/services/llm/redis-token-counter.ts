// Counts the day's tokens in Redis, for all instances together; while Redis is away each instance counts for itself.

import type { RedisConnection } from "#app/core/redis.ts";
import { createMemoryTokenCounter, type TokenCounter } from "./token-budget.ts";

/** Long enough that a reply which began before midnight still finds its day. */
const KEPT_SECONDS = 2 * 24 * 60 * 60;

/** Fails closed to memory: an outage of Redis does not open the purse. */
export function createRedisTokenCounter(connection: RedisConnection): TokenCounter {
  const own = createMemoryTokenCounter();
  return {
    async add(day, tokens) {
      // What this instance has counted is the floor of what all have: it goes on from there when Redis is lost.
      const ownSum = await own.add(day, tokens);
      if (!connection.isReady) return ownSum;
      try {
        const key = `parley:tokens:${day}`;
        const [sum] = await Promise.all([
          connection.client.incrby(key, tokens),
          connection.client.expire(key, KEPT_SECONDS),
        ]);
        return Math.max(sum, ownSum);
      } catch {
        return ownSum;
      }
    },
  };
}
