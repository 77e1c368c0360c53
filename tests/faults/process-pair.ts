// Two instances in processes of their own, as in production, on one real Redis, that share a model whose pace the test
// sets. To a test it is what the pair in one process is.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { RedisServer } from "../support/redis-server.ts";
import { startBookProvider } from "./book-provider.ts";
import { Instance } from "./instance.ts";
import { FAULT_EVENTS, type InstancePair, openPair, type PairOptions, restOf } from "./instance-pair.ts";
import { ReplyBook } from "./reply-book.ts";

export async function openProcessPair(
  test: TestContext,
  { env }: Pick<PairOptions, "env"> = {},
): Promise<InstancePair> {
  const stack = new AsyncDisposableStack();
  test.after(() => stack.disposeAsync());
  const redis = stack.use(await RedisServer.start());
  const book = new ReplyBook();
  const provider = stack.use(await startBookProvider(book));
  const settings = { REDIS_URL: redis.url, OPENAI_BASE_URL: provider.url, ...env };
  const instances = [
    stack.use(await Instance.start(settings)),
    stack.use(await Instance.start(settings)),
  ] as const;
  const logged: InstancePair["logged"] = (event) =>
    instances.flatMap((instance) => instance.logged(event)).map((fields) => ({ event, fields }));
  return {
    redisUrl: redis.url,
    book,
    places: instances,
    logged,
    assertAtRest: async () => {
      assert.deepEqual(FAULT_EVENTS.flatMap(logged), []);
      for (const { url } of instances) await restOf(url);
      assert.equal(book.active, 0);
      assert.deepEqual(
        instances.map(({ errors, isAlive }) => [errors, isAlive]),
        [
          ["", true],
          ["", true],
        ],
      );
    },
  };
}

/** Both kinds, for scenarios that are to hold on either. */
export const PAIRS = [
  { where: "in one process", open: openPair },
  { where: "in processes of their own", open: openProcessPair },
] as const;
