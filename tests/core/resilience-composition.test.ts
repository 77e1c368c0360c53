// The composition of all policies: which one sees what, in which order, and that nothing is left when it is over.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { Bulkhead, BulkheadFullError } from "#app/core/bulkhead.ts";
import {
  CallTimeoutError,
  CircuitBreaker,
  CircuitOpenError,
  type Policies,
  type RetryOptions,
  resilient,
} from "#app/core/resilience.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { settle } from "../support/settle.ts";

const FAULT = new Error("ill");
const REASON = new Error("stopped");
const fail = () => Promise.reject(FAULT);
const hang = () => new Promise<string>(() => undefined);

describe("all policies together", () => {
  let breaker: CircuitBreaker;
  let bulkhead: Bulkhead;
  let stop: AbortController;
  let failed: unknown[];
  let retry: RetryOptions;
  beforeEach(() => {
    mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
    failed = [];
    stop = new AbortController();
    bulkhead = new Bulkhead({ name: "redis", maxRunning: 1, maxWaiting: 1 });
    breaker = new CircuitBreaker({
      name: "redis",
      failureThreshold: 5,
      recoveryMs: 60_000,
      isFailure: (error) => error === FAULT,
      logger: createRecordingLogger(),
    });
    retry = {
      maxAttempts: 3,
      waitMinMs: 100,
      waitMaxMs: 1_000,
      random: () => 0.5,
      isRetryable: () => true,
      onRetry: ({ error }) => failed.push(error),
    };
  });
  afterEach(() => mock.timers.reset());

  const policies = (): Policies => ({ breaker, bulkhead, retry, timeoutMs: 1_000, signal: stop.signal });
  const assertReleased = () => {
    assert.deepEqual(bulkhead.counts, { running: 0, waiting: 0 });
    assert.equal(getEventListeners(stop.signal, "abort").length, 0);
  };

  /** Runs to the end, with every pause and every time-out passed over. */
  async function outcomeOf(work: (attempt: number) => Promise<string>, given: Policies = policies()) {
    let calls = 0;
    let ended = false;
    const running = resilient(() => {
      calls += 1;
      return work(calls);
    }, given)
      .catch((error: unknown) => error)
      .finally(() => {
        ended = true;
      });
    while (!ended) {
      await settle(3);
      mock.timers.tick(50);
    }
    return { calls, outcome: await running };
  }

  it("hand a result through and leave nothing behind", async () => {
    assert.deepEqual(await outcomeOf(async () => "fine"), { calls: 1, outcome: "fine" });
    assertReleased();
  });

  it("count every attempt at the breaker, not every call", async () => {
    assert.deepEqual(await outcomeOf(fail), { calls: 3, outcome: FAULT });
    assert.equal(breaker.failures, 3);
    assertReleased();
  });

  it("never try an open breaker again, though the caller would: the attempt that opened it was the last", async () => {
    await outcomeOf(fail);
    failed.length = 0;
    const { calls, outcome } = await outcomeOf(fail);
    assert.equal(calls, 2);
    assert.ok(outcome instanceof CircuitOpenError);
    assert.deepEqual(failed, [FAULT, FAULT]);
    const refused = await outcomeOf(fail);
    assert.equal(refused.calls, 0);
    assert.ok(refused.outcome instanceof CircuitOpenError);
    assertReleased();
  });

  it("give each attempt its own time, and count a time-out although the caller does not know it", async () => {
    const { calls, outcome } = await outcomeOf(async (attempt) => (attempt < 3 ? await hang() : "fine"));
    assert.deepEqual([calls, outcome], [3, "fine"]);
    assert.equal(failed.length, 2);
    assert.ok(failed.every((error) => error instanceof CallTimeoutError));
    assert.equal(breaker.failures, 2);
    assertReleased();
  });

  it("hold one place through all attempts and the pauses between, so that a retry is never refused", async () => {
    const seen: number[] = [];
    const work = (attempt: number) => {
      seen.push(bulkhead.counts.running);
      // Others fill the line before the second attempt.
      if (attempt === 1) void bulkhead.run(async () => "next", stop.signal);
      return attempt < 3 ? fail() : Promise.resolve("fine");
    };
    assert.deepEqual(await outcomeOf(work), { calls: 3, outcome: "fine" });
    assert.deepEqual(seen, [1, 1, 1]);
    await settle();
    assertReleased();
  });

  it("neither count nor try again what the bulkhead refuses", async () => {
    const place = Promise.withResolvers<string>();
    const running = bulkhead.run(() => place.promise, stop.signal);
    const waiting = bulkhead.run(async () => "", stop.signal);
    const { calls, outcome } = await outcomeOf(fail);
    assert.equal(calls, 0);
    assert.ok(outcome instanceof BulkheadFullError);
    assert.deepEqual([failed.length, breaker.failures], [0, 0]);
    place.resolve("");
    await Promise.all([running, waiting]);
    assertReleased();
  });

  it("do not take the waiting for a place out of the attempt's time", async () => {
    const place = Promise.withResolvers<string>();
    const running = bulkhead.run(() => place.promise, stop.signal);
    const waiting = resilient(async () => "fine", policies());
    await settle();
    mock.timers.tick(5_000);
    place.resolve("");
    assert.equal(await waiting, "fine");
    await running;
    assertReleased();
  });

  for (const [where, work] of [
    ["while the work hangs and ignores it", hang],
    ["in a pause between two attempts", fail],
  ] as const) {
    it(`let a caller go at once ${where}, count nothing for it and give the place back`, async () => {
      const running = resilient(work, policies());
      await settle();
      const { failures } = breaker;
      stop.abort(REASON);
      await assert.rejects(running, (error) => error === REASON);
      assert.equal(breaker.failures, failures);
      mock.timers.tick(60_000);
      await settle();
      assertReleased();
    });
  }

  it("do nothing for a caller who had left before", async () => {
    stop.abort(REASON);
    assert.deepEqual(await outcomeOf(fail), { calls: 0, outcome: REASON });
    assertReleased();
  });

  it("let the others go at the first sign of life of a probe, with the time-out around it", async () => {
    await outcomeOf(fail);
    await outcomeOf(fail);
    assert.equal(breaker.state, "open");
    mock.timers.tick(60_000);
    const whole = Promise.withResolvers<string>();
    const { signal } = stop;
    const probe = resilient(
      ({ alive }) => {
        alive();
        return whole.promise;
      },
      { breaker, timeoutMs: 1_000, signal },
    );
    assert.equal(await resilient(async () => "let go", { breaker, signal }), "let go");
    assert.equal(breaker.state, "closed");
    mock.timers.tick(1_000);
    await assert.rejects(probe, CallTimeoutError);
    assert.equal(breaker.failures, 1);
  });
});

describe("a composition without policies", () => {
  it("is the work, and an abort that does not wait for it", async () => {
    const stop = new AbortController();
    assert.equal(await resilient(async () => "fine", { signal: stop.signal }), "fine");
    const thrown = () => {
      throw FAULT;
    };
    await assert.rejects(resilient(thrown, { signal: stop.signal }), (error) => error === FAULT);
    const running = resilient(hang, { signal: stop.signal });
    stop.abort(REASON);
    await assert.rejects(running, (error) => error === REASON);
    assert.equal(getEventListeners(stop.signal, "abort").length, 0);
  });
});
