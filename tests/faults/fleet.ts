// Several instances on one Redis and one provider, all real processes, for one scenario; gone with the test.

import type { TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { RedisServer } from "../support/redis-server.ts";
import { until } from "../support/until.ts";
import { Instance } from "./instance.ts";
import { startWordyProvider, type WordyProvider } from "./wordy-provider.ts";

export interface Fleet {
  readonly redis: RedisServer;
  readonly provider: WordyProvider;
  /** One more instance; with settings of its own, such as its port. */
  start(own?: Readonly<Record<string, string>>): Promise<Instance>;
  /** Resolves when the first call for that reply was left before it was whole. */
  leftBy(name: string, timeoutMs: number): Promise<void>;
  /** Lets time pass: that is the fault. */
  pause(durationMs: number): Promise<void>;
}

export async function openFleet(
  test: TestContext,
  env: Readonly<Record<string, string>> = {},
): Promise<Fleet> {
  const stack = new AsyncDisposableStack();
  test.after(() => stack.disposeAsync());
  const redis = stack.use(await RedisServer.start());
  const provider = stack.use(await startWordyProvider());
  const settings = { REDIS_URL: redis.url, OPENAI_BASE_URL: provider.url, ...env };
  return {
    redis,
    provider,
    start: async (own) => stack.use(await Instance.start({ ...settings, ...own })),
    leftBy: (name, timeoutMs) =>
      until(
        `the end of the call for ${name}`,
        () => provider.calls.find((call) => call.name === name)?.leftAt !== undefined,
        timeoutMs,
      ),
    pause: (durationMs) => setTimeout(durationMs),
  };
}
