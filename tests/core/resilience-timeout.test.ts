// The time-out of an attempt: it does not wait for work that ignores its signal, and tells apart who ended what.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { CallTimeoutError, resilient } from "#app/core/resilience.ts";
import { settle } from "../support/settle.ts";

const REASON = new Error("stopped");
const FAULT = new Error("ill");

describe("a time-out", () => {
  let stop: AbortController;
  beforeEach(() => {
    stop = new AbortController();
    mock.timers.enable({ apis: ["setTimeout"] });
  });
  afterEach(() => mock.timers.reset());

  /** The outcome once it is there, undefined before. */
  function start(work: (signal: AbortSignal) => Promise<string>) {
    const run: { outcome?: unknown; signal?: AbortSignal } = {};
    const settled = (outcome: unknown) => {
      run.outcome = outcome;
    };
    resilient(
      ({ signal }) => {
        run.signal = signal;
        return work(signal);
      },
      { timeoutMs: 1_000, signal: stop.signal },
    ).then(settled, settled);
    return run;
  }

  it("ends work that ignores its signal, in time and not before, and aborts the signal", async () => {
    const run = start(() => new Promise(() => undefined));
    mock.timers.tick(999);
    await settle();
    assert.ok(!("outcome" in run));
    assert.equal(run.signal?.aborted, false);
    mock.timers.tick(1);
    await settle();
    assert.ok(run.outcome instanceof CallTimeoutError);
    assert.equal(run.outcome.message, "no answer within 1000 ms");
    assert.equal(run.signal?.aborted, true);
  });

  it("says the same of work that heeds its signal, with what the work said as the cause", async () => {
    const heeding = (signal: AbortSignal) =>
      new Promise<string>((_, reject) => signal.addEventListener("abort", () => reject(FAULT)));
    const run = start(heeding);
    mock.timers.tick(1_000);
    await settle();
    assert.ok(run.outcome instanceof CallTimeoutError);
    assert.equal(run.outcome.cause, FAULT);
  });

  it("lets nothing escape of work that fails after its time", async () => {
    const late = Promise.withResolvers<string>();
    const run = start(() => late.promise);
    mock.timers.tick(1_000);
    await settle();
    late.reject(FAULT);
    // An unhandled rejection would fail this test.
    await settle();
    assert.ok(run.outcome instanceof CallTimeoutError);
  });

  it("hands results and errors through that come in time, and leaves no listener and no abort behind", async () => {
    for (const [work, outcome] of [
      [async () => "fine", "fine"],
      [() => Promise.reject(FAULT), FAULT],
    ] as const) {
      const run = start(work);
      await settle();
      assert.equal(run.outcome, outcome);
      mock.timers.tick(2_000);
      assert.equal(run.signal?.aborted, false);
      assert.equal(getEventListeners(stop.signal, "abort").length, 0);
    }
  });

  it("is not what a caller gets who leaves: he gets his own reason, and the work's signal aborts", async () => {
    const run = start(() => new Promise(() => undefined));
    stop.abort(REASON);
    await settle();
    assert.equal(run.outcome, REASON);
    assert.equal(run.signal?.aborted, true);
    assert.equal(getEventListeners(stop.signal, "abort").length, 0);
  });
});
