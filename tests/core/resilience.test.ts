// The circuit breaker: when it refuses, whom it lets wait, and what it never counts.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { CircuitBreaker, CircuitOpenError } from "#app/core/resilience.ts";
import { createRecordingLogger, type RecordingLogger } from "../support/recording-logger.ts";

const NEVER = new AbortController().signal;
const FAULT = new Error("ill");
const REFUSAL = new Error("refused");
const RECOVERY_MS = 60_000;

const succeed = async () => "fine";
const fail = () => Promise.reject(FAULT);

function turns(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("a circuit breaker", () => {
  let logger: RecordingLogger;
  let breaker: CircuitBreaker;
  beforeEach(() => {
    mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
    logger = createRecordingLogger();
    breaker = new CircuitBreaker({
      name: "llm",
      failureThreshold: 5,
      recoveryMs: RECOVERY_MS,
      isFailure: (error) => error === FAULT,
      logger,
    });
  });
  afterEach(() => mock.timers.reset());

  const run = (work: (alive: () => void) => Promise<string>, signal = NEVER) =>
    breaker.run(work, signal).catch((error: unknown) => error);
  const open = async () => {
    for (let failures = 0; failures < 5; failures += 1) await run(fail);
    assert.equal(breaker.state, "open");
  };
  const events = () => logger.lines.map(({ event }) => event);

  it("hands results and errors through while it is closed", async () => {
    assert.equal(await run(succeed), "fine");
    assert.equal(await run(fail), FAULT);
    assert.equal(breaker.state, "closed");
    assert.equal(breaker.failures, 1);
  });

  it("opens at the fifth failure, says so once, and then calls nothing", async () => {
    await open();
    let called = false;
    const refused = await run(async () => {
      called = true;
      return "";
    });
    assert.ok(refused instanceof CircuitOpenError);
    assert.equal(refused.retryAfterMs, RECOVERY_MS);
    assert.equal(called, false);
    assert.deepEqual(logger.named("circuit_breaker_opened"), [
      {
        level: "warn",
        event: "circuit_breaker_opened",
        fields: { circuit: "llm", failures: 5, recoveryMs: RECOVERY_MS },
      },
    ]);
  });

  it("opens when every second call fails, and not when every third does", async () => {
    for (let calls = 0; calls < 30; calls += 1) await run(calls % 3 === 0 ? fail : succeed);
    assert.equal(breaker.state, "closed");
    for (let calls = 0; calls < 10; calls += 1) await run(calls % 2 === 0 ? fail : succeed);
    assert.equal(breaker.state, "open");
  });

  it("forgets failures that are old", async () => {
    for (let failures = 0; failures < 4; failures += 1) await run(fail);
    mock.timers.setTime(1_000_000 + 300_001);
    await run(fail);
    assert.equal(breaker.state, "closed");
    assert.equal(breaker.failures, 1);
  });

  it("never counts a refusal, however many there are", async () => {
    for (let calls = 0; calls < 100; calls += 1) await run(() => Promise.reject(REFUSAL));
    assert.equal(breaker.state, "closed");
    assert.equal(breaker.failures, 0);
  });

  it("never counts a caller who leaves, even when the work fails because of it", async () => {
    for (let calls = 0; calls < 100; calls += 1) {
      const stop = new AbortController();
      const left = new Error("left");
      const running = run(
        () => new Promise((_, reject) => stop.signal.addEventListener("abort", () => reject(FAULT))),
        stop.signal,
      );
      await turns();
      stop.abort(left);
      assert.equal(await running, left);
    }
    assert.equal(breaker.state, "closed");
  });

  it("lets one call probe after the pause, and closes when it succeeds", async () => {
    await open();
    mock.timers.setTime(1_000_000 + RECOVERY_MS);
    assert.equal(await run(succeed), "fine");
    assert.equal(breaker.state, "closed");
    assert.equal(breaker.failures, 0);
    assert.deepEqual(events(), [
      "circuit_breaker_opened",
      "circuit_breaker_half_open",
      "circuit_breaker_closed",
    ]);
  });

  it("opens again for as long when the probe fails", async () => {
    await open();
    mock.timers.setTime(1_000_000 + RECOVERY_MS);
    assert.equal(await run(fail), FAULT);
    assert.equal(breaker.state, "open");
    mock.timers.setTime(1_000_000 + 2 * RECOVERY_MS - 1);
    assert.ok((await run(succeed)) instanceof CircuitOpenError);
    mock.timers.setTime(1_000_000 + 2 * RECOVERY_MS);
    assert.equal(await run(succeed), "fine");
  });

  it("lets the others go as soon as the probe shows life, not when its stream is through", async () => {
    await open();
    mock.timers.setTime(1_000_000 + RECOVERY_MS);
    const whole = Promise.withResolvers<string>();
    let showLife: () => void = () => assert.fail("no probe");
    const probe = run((alive) => {
      showLife = alive;
      return whole.promise;
    });
    const others: string[] = [];
    const waiting = [1, 2].map(() => run(async () => `${others.push("called")}`));
    await turns();
    assert.equal(breaker.state, "half-open");
    assert.deepEqual(others, []);
    showLife();
    assert.deepEqual(await Promise.all(waiting), ["1", "2"]);
    assert.equal(breaker.state, "closed");
    whole.resolve("whole");
    assert.equal(await probe, "whole");
  });

  it("counts a probe that dies after it has shown life", async () => {
    await open();
    mock.timers.setTime(1_000_000 + RECOVERY_MS);
    const died = await run(async (alive) => {
      alive();
      await turns();
      throw FAULT;
    });
    assert.equal(died, FAULT);
    assert.equal(breaker.state, "closed");
    assert.equal(breaker.failures, 1);
  });

  it("takes no verdict from a probe whose caller leaves: the next call probes at once", async () => {
    await open();
    mock.timers.setTime(1_000_000 + RECOVERY_MS);
    const stop = new AbortController();
    const left = new Error("left");
    const hang = () =>
      new Promise<string>((_, reject) => stop.signal.addEventListener("abort", () => reject(FAULT)));
    const probe = run(hang, stop.signal);
    const next = run(succeed);
    await turns();
    stop.abort(left);
    assert.equal(await probe, left);
    assert.equal(await next, "fine");
    assert.equal(breaker.state, "closed");
    assert.equal(logger.named("circuit_breaker_opened").length, 1);
  });

  it("lets a caller leave who waits behind a probe, at once and without calling for them", async () => {
    await open();
    mock.timers.setTime(1_000_000 + RECOVERY_MS);
    const whole = Promise.withResolvers<string>();
    const probe = run(() => whole.promise);
    const stop = new AbortController();
    const left = new Error("left");
    let called = false;
    const waiting = run(async () => {
      called = true;
      return "";
    }, stop.signal);
    await turns();
    stop.abort(left);
    assert.equal(await waiting, left);
    whole.resolve("fine");
    await probe;
    await turns();
    assert.equal(called, false);
    assert.equal(breaker.state, "closed");
  });

  it("tells its state, and while it is not closed since when and for how long", async () => {
    const [name, openedAtMs] = ["llm", 1_000_000];
    assert.deepEqual(breaker.status, { name, state: "closed", failures: 0 });
    await open();
    mock.timers.setTime(1_000_000 + 20_000);
    const status = { name, failures: 5, openedAtMs };
    assert.deepEqual(breaker.status, { ...status, state: "open", retryAfterMs: 40_000 });
    mock.timers.setTime(1_000_000 + RECOVERY_MS);
    const whole = Promise.withResolvers<string>();
    const probe = run(() => whole.promise);
    assert.deepEqual(breaker.status, { ...status, state: "half-open", retryAfterMs: 0 });
    whole.resolve("fine");
    await probe;
    assert.deepEqual(breaker.status, { name, state: "closed", failures: 0 });
  });

  it("is closed by hand while a probe is out: those who wait go, and the probe's failure counts once", async () => {
    await open();
    mock.timers.setTime(1_000_000 + RECOVERY_MS);
    const whole = Promise.withResolvers<string>();
    const probe = run(() => whole.promise);
    const waiting = run(succeed);
    await turns();
    breaker.reset();
    assert.equal(await waiting, "fine");
    whole.reject(FAULT);
    assert.equal(await probe, FAULT);
    assert.equal(breaker.state, "closed");
    assert.ok(breaker.failures <= 1);
  });

  it("says nothing of a reset that changes nothing, and forgets the failures all the same", async () => {
    await run(fail);
    breaker.reset();
    assert.equal(breaker.failures, 0);
    assert.deepEqual(logger.lines, []);
  });

  it("opens again after a reset, at as many failures as before", async () => {
    await open();
    breaker.reset();
    for (let failures = 0; failures < 4; failures += 1) await run(fail);
    assert.equal(breaker.state, "closed");
    await run(fail);
    assert.equal(breaker.state, "open");
    assert.equal(logger.named("circuit_breaker_opened").length, 2);
  });

  it("is closed by hand, with its failures forgotten", async () => {
    await open();
    breaker.reset();
    assert.equal(breaker.state, "closed");
    assert.equal(breaker.failures, 0);
    assert.equal(await run(succeed), "fine");
    assert.equal(logger.named("circuit_breaker_closed").length, 1);
  });
});
