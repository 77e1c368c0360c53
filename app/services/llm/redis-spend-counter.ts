// Counts what has been spent in Redis, for all instances together; while Redis is away each instance counts for itself,
// and tells Redis when it is back. Promises: each sum changes atomically; an outage of Redis does not open the purse.

import type { RedisConnection } from "#app/core/redis.ts";
import { type OwnSum, OwnSums, type SpendChange, type SpendCounter } from "./spend-counter.ts";

/** Plain increments, not a script: the sums of one reply lie in different slots of a cluster. */
export function createRedisSpendCounter(connection: RedisConnection): SpendCounter {
  const own = new OwnSums();
  return {
    async add(changes) {
      return await Promise.all(
        changes.map((change) => {
          // What this instance has counted is the floor of what all have: it goes on from there when Redis is lost.
          const sum = own.add(change);
          return told(connection, change, sum);
        }),
      );
    },
  };
}

/** Tells Redis of the change and of what it missed; resolves with the sum of all, or with our own. */
async function told(connection: RedisConnection, change: SpendChange, own: OwnSum): Promise<number> {
  const owed = change.by + own.untold;
  const ownSum = own.sum;
  // One that answers too late carries out what it is told: told again with every reply, the sums would grow and grow.
  if (!connection.isReady || !connection.watch.isUp) {
    own.untold = owed;
    return ownSum;
  }
  own.untold = 0;
  try {
    const sum = connection.client.incrby(change.key, owed);
    connection.client.expire(change.key, change.keptSeconds).catch(() => 0);
    return Math.max(await sum, ownSum);
  } catch {
    // Perhaps it was told and could not answer: spent twice is better than not at all, given back twice is not.
    if (owed > 0) own.untold += owed;
    return ownSum;
  }
}
