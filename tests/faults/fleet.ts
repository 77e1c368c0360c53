// Several instances on one Redis and one provider, all real processes, for one scenario; gone with the test.

import assert from "node:assert/strict";
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
  /** Nobody who was away came back to another life of the log, unless an instance says that it went on without Redis. */
  assertOneLife(tabs: readonly { readonly cameToAnotherLife: boolean }[]): void;
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
  const instances: Instance[] = [];
  const settings = { REDIS_URL: redis.url, OPENAI_BASE_URL: provider.url, ...env };
  return {
    redis,
    provider,
    async start(own) {
      const instance = stack.use(await Instance.start({ ...settings, ...own }));
      instances.push(instance);
      return instance;
    },
    leftBy: (name, timeoutMs) =>
      until(
        `the end of the call for ${name}`,
        () => provider.calls.find((call) => call.name === name)?.leftAt !== undefined,
        timeoutMs,
      ),
    assertOneLife(tabs) {
      const moved = tabs.filter(({ cameToAnotherLife }) => cameToAnotherLife).length;
      const wentOn = instances.some((instance) => instance.logged("run_reattached").length > 0);
      assert.ok(moved === 0 || wentOn, `${moved} tabs came back to another life of the log`);
    },
    pause: (durationMs) => setTimeout(durationMs),
  };
}
