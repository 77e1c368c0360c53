// Retry: when it tries again, how long it waits, and that an abort ends the waiting.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { CircuitOpenError, type RetryOptions, retrying } from "#app/core/resilience.ts";

const NEVER = new AbortController().signal;
const FAULT = new Error("ill");
const REFUSAL = new Error("refused");

const succeed = async () => "fine";
const fail = () => Promise.reject(FAULT);

function turns(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("retrying", () => {
  const delays: number[] = [];
  const options: RetryOptions = {
    maxAttempts: 3,
    waitMinMs: 1_000,
    waitMaxMs: 10_000,
    isRetryable: (error) => error === FAULT,
    onRetry: ({ delayMs }) => delays.push(delayMs),
    random: () => 0.5,
  };
  beforeEach(() => {
    delays.length = 0;
    mock.timers.enable({ apis: ["setTimeout"] });
  });
  afterEach(() => mock.timers.reset());

  /** Runs to the end, with every pause passed over. */
  async function attempts(given: Partial<RetryOptions>, work: (attempt: number) => Promise<string> = fail) {
    let calls = 0;
    let ended = false;
    const attempt = () => {
      calls += 1;
      return work(calls);
    };
    const result = retrying(attempt, { ...options, ...given }, NEVER)
      .catch((error: unknown) => error)
      .finally(() => {
        ended = true;
      });
    while (!ended) {
      await turns();
      mock.timers.tick(60_000);
    }
    return { calls, result: await result };
  }

  it("calls once when that succeeds", async () => {
    assert.deepEqual(await attempts({}, succeed), { calls: 1, result: "fine" });
  });

  it("tries three times in all, after pauses that double, and then gives the last error", async () => {
    assert.deepEqual(await attempts({}), { calls: 3, result: FAULT });
    assert.deepEqual(delays, [1_000, 2_000]);
    await attempts({ maxAttempts: 6, waitMaxMs: 5_000 });
    assert.deepEqual(delays.slice(2), [1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  it("gives the result of the attempt that succeeded", async () => {
    const work = (attempt: number) => (attempt < 3 ? fail() : succeed());
    assert.deepEqual(await attempts({}, work), { calls: 3, result: "fine" });
  });

  it("spreads its pauses by a quarter to either side", async () => {
    await attempts({ random: () => 0 });
    await attempts({ random: () => 0.999_999 });
    assert.deepEqual(delays, [750, 1_500, 1_250, 2_500]);
  });

  it("waits at least as long as it was asked to", async () => {
    await attempts({ retryAfterMsOf: () => 7_000, random: () => 0 });
    assert.deepEqual(delays, [7_000, 7_000]);
  });

  it("does not try again what is not worth it, nor with one attempt allowed", async () => {
    assert.deepEqual(await attempts({}, () => Promise.reject(REFUSAL)), { calls: 1, result: REFUSAL });
    assert.deepEqual(await attempts({ maxAttempts: 1 }), { calls: 1, result: FAULT });
  });

  it("never tries an open breaker again, whatever the caller thinks of it", async () => {
    const refused = new CircuitOpenError("llm", 60_000);
    const given = { isRetryable: () => true };
    assert.deepEqual(await attempts(given, () => Promise.reject(refused)), { calls: 1, result: refused });
  });

  it("ends a pause at once when it is aborted, with the reason, and calls no more", async () => {
    const stop = new AbortController();
    const reason = new Error("stopped");
    let calls = 0;
    const running = retrying(
      () => {
        calls += 1;
        return fail();
      },
      options,
      stop.signal,
    );
    await turns();
    stop.abort(reason);
    await assert.rejects(running, (error) => error === reason);
    mock.timers.tick(60_000);
    await turns();
    assert.equal(calls, 1);
  });

  it("calls nothing when it was aborted before", async () => {
    const reason = new Error("stopped early");
    let calls = 0;
    const work = async () => {
      calls += 1;
    };
    await assert.rejects(retrying(work, options, AbortSignal.abort(reason)), (error) => error === reason);
    await turns();
    assert.equal(calls, 0);
  });
});
