// Chat sessions whose conversations are kept by a real Redis, of which a second instance knows, too.

import type { TestContext } from "node:test";
import { type RedisInstances, startInstances } from "../../support/redis-harness.ts";
import { until } from "../../support/until.ts";
import { startJoined } from "./talking.ts";

export type Scene = Awaited<ReturnType<typeof startJoined>>;
export type Client = Scene["client"];

/** What begins on a Redis of its own, which is gone with the test, and after everything that has begun there. */
export async function onRedis<T>(test: TestContext, begin: (both: RedisInstances) => Promise<T>): Promise<T> {
  const both = await startInstances();
  try {
    return await begin(both);
  } finally {
    // Hooks are called in the order in which they were named.
    test.after(() => both[Symbol.asyncDispose]());
  }
}

/** What {@link startJoined} gives, on Redis. */
export function startJoinedOnRedis(test: TestContext): Promise<Scene & { readonly both: RedisInstances }> {
  return onRedis(test, async (both) => ({ both, ...(await startJoined(test, { storage: both.here })) }));
}

/** Says what is its own id. */
export function say({ session }: Client, id: string): Promise<void> {
  return session.handle({ type: "message", id, text: id });
}

/** Resolves when so many runs have been finished before this client's eyes. */
export function finished({ shown }: Client, runs: number): Promise<void> {
  return until(`${runs} replies`, () => shown.named("RUN_FINISHED").length >= runs);
}

/** Resolves when this instance has nothing to answer. */
export function atRest({ core }: Pick<Scene, "core">): Promise<void> {
  return until("nothing is worked on", () => core.conversations.counts.running === 0);
}
