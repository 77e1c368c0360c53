// Which conversations may have a run that nobody works off any more: a sorted set by the time from which on that is so.
// A hint only, outside the conversations' own slots: the lease of each decides. Nothing here ever rejects.

import type { RedisConnection } from "#app/core/redis.ts";

const KEY = "parley:runs";
/** A message that was accepted is taken up at once; who has not done so by then never will. */
const TAKEN_UP_WITHIN_MS = 2_000;
const LOOKED_AT_ONCE = 100;

export class RedisRunHints {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  /** A message is about to be stored: somebody takes it up, or it is found here. A running run's own time stays. */
  expect(conversationId: string): Promise<void> {
    return this.#quietly((redis) => redis.zadd(KEY, "NX", Date.now() + TAKEN_UP_WITHIN_MS, conversationId));
  }

  /** A lease was taken or prolonged, for so long. */
  held(conversationId: string, lifeMs: number): Promise<void> {
    return this.#quietly((redis) => redis.zadd(KEY, Date.now() + lifeMs, conversationId));
  }

  /** The line was worked off; or it is left to whoever comes first. */
  released(conversationId: string, isDone: boolean): Promise<void> {
    return this.#quietly((redis) =>
      isDone ? redis.zrem(KEY, conversationId) : redis.zadd(KEY, Date.now(), conversationId),
    );
  }

  /** Conversations whose time is over. */
  async overdue(): Promise<string[]> {
    let ids: string[] = [];
    await this.#quietly(async (redis) => {
      ids = await redis.zrangebyscore(KEY, 0, Date.now(), "LIMIT", 0, LOOKED_AT_ONCE);
    });
    return ids;
  }

  async #quietly(work: (redis: RedisConnection["client"]) => Promise<unknown>): Promise<void> {
    if (!this.#connection.isReady) return;
    await work(this.#connection.client).catch(() => undefined);
  }
}
