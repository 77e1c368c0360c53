// Counts the day's tokens in Redis, for all instances together; while Redis is away each instance counts for itself,
// and tells Redis when it is back.

import type { RedisConnection } from "#app/core/redis.ts";
import { createMemoryTokenCounter, type TokenCounter } from "./token-budget.ts";

/** Long enough that a reply which began before midnight still finds its day. */
const KEPT_SECONDS = 2 * 24 * 60 * 60;

/** Fails closed to memory: an outage of Redis does not open the purse. */
export function createRedisTokenCounter(connection: RedisConnection): TokenCounter {
  const own = createMemoryTokenCounter();
  /** What Redis has not been told, by day. */
  const untold = new Map<string, number>();
  return {
    async add(day, tokens) {
      // What this instance has counted is the floor of what all have: it goes on from there when Redis is lost.
      const ownSum = await own.add(day, tokens);
      const owed = tokens + (untold.get(day) ?? 0);
      if (!connection.isReady) {
        untold.set(day, owed);
        return ownSum;
      }
      untold.delete(day);
      const sum = await incremented(connection, day, owed);
      if (sum !== undefined) return Math.max(sum, ownSum);
      // Perhaps it was told and could not answer: spent twice is better than not at all, given back twice is not.
      if (owed > 0) untold.set(day, owed + (untold.get(day) ?? 0));
      return ownSum;
    },
  };
}

async function incremented(
  { client }: RedisConnection,
  day: string,
  tokens: number,
): Promise<number | undefined> {
  const key = `parley:tokens:${day}`;
  try {
    const sum = client.incrby(key, tokens);
    client.expire(key, KEPT_SECONDS).catch(() => 0);
    return await sum;
  } catch {
    return undefined;
  }
}
