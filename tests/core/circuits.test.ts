// The predefined breakers: their names and settings, that they are apart from each other, and the line a minute.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { BulkheadFullError } from "#app/core/bulkhead.ts";
import { type Circuits, createCircuits } from "#app/core/circuits.ts";
import { parseConfig } from "#app/core/config.ts";
import { CircuitOpenError } from "#app/core/resilience.ts";
import { createRecordingLogger, type RecordingLogger } from "../support/recording-logger.ts";

const NEVER = new AbortController().signal;
const FAULT = new Error("ill");
const NAMES = ["llm", "fallback-llm", "redis", "mail"] as const;
const CLOSED = NAMES.map((name) => ({ name, state: "closed", failures: 0 }));

describe("the circuits of the process", () => {
  let logger: RecordingLogger;
  let circuits: Circuits;
  beforeEach(() => {
    mock.timers.enable({ apis: ["Date", "setInterval"], now: 1_000_000 });
    logger = createRecordingLogger();
    circuits = createCircuits({
      settings: parseConfig({ MAIL_CIRCUIT_BREAKER_FAILURE_THRESHOLD: "2" }).circuits,
      isFailure: { llm: (error) => error === FAULT },
      logger,
    });
  });
  afterEach(() => {
    circuits.close();
    mock.timers.reset();
  });

  const run = (name: (typeof NAMES)[number], error: unknown = FAULT) =>
    circuits
      .get(name)
      .run(() => Promise.reject(error), NEVER)
      .catch(() => undefined);
  const open = async (name: (typeof NAMES)[number]) => {
    for (let calls = 0; calls < 5; calls += 1) await run(name);
    assert.equal(circuits.get(name).state, "open");
  };

  it("are four, closed, one of each name however often it is asked for", () => {
    assert.deepEqual(circuits.list(), CLOSED);
    for (const name of NAMES) {
      assert.equal(circuits.get(name).name, name);
      assert.equal(circuits.get(name), circuits.get(name));
    }
  });

  it("are listed with when they opened and when a call may try", async () => {
    await open("llm");
    mock.timers.setTime(1_020_000);
    const [llm, ...others] = circuits.list();
    const opened = { name: "llm", state: "open", failures: 5, openedAtMs: 1_000_000 };
    assert.deepEqual(llm, { ...opened, retryAfterMs: 40_000 });
    assert.deepEqual(others, CLOSED.slice(1));
    mock.timers.setTime(1_060_000);
    assert.deepEqual(circuits.list()[0], { ...opened, retryAfterMs: 0 });
  });

  it("have settings of their own: Redis is tried again after five seconds, mail opens at two failures", async () => {
    await open("redis");
    assert.equal(circuits.get("redis").status.retryAfterMs, 5_000);
    await run("mail");
    assert.equal(circuits.get("mail").state, "closed");
    await run("mail");
    assert.equal(circuits.get("mail").status.retryAfterMs, 60_000);
    assert.deepEqual(
      logger.named("circuit_breaker_opened").map(({ fields }) => [fields.circuit, fields.failures]),
      [
        ["redis", 5],
        ["mail", 2],
      ],
    );
  });

  it("count what their users call a failure, and otherwise everything but our own refusals", async () => {
    await run("llm", new Error("refused"));
    assert.equal(circuits.get("llm").failures, 0);
    await run("redis", new Error("refused"));
    assert.equal(circuits.get("redis").failures, 1);
    await run("redis", new CircuitOpenError("mail", 1));
    await run("redis", new BulkheadFullError({ name: "redis", maxRunning: 1, maxWaiting: 0 }));
    assert.equal(circuits.get("redis").failures, 1);
  });

  it("are closed by hand one by one; an unknown name is nothing", async () => {
    await open("llm");
    await open("redis");
    assert.deepEqual(circuits.reset("llm"), CLOSED[0]);
    assert.equal(circuits.get("redis").state, "open");
    assert.equal(await circuits.get("llm").run(async () => "fine", NEVER), "fine");
    for (const name of ["LLM", "", "constructor", "__proto__"]) assert.equal(circuits.reset(name), undefined);
  });

  it("are logged every minute, until they are closed", async () => {
    mock.timers.tick(59_999);
    assert.deepEqual(logger.lines, []);
    mock.timers.tick(1);
    assert.deepEqual(logger.lines, [
      { level: "info", event: "circuit_monitor", fields: { circuits: CLOSED } },
    ]);
    await open("mail");
    mock.timers.tick(60_000);
    const second = logger.named("circuit_monitor")[1]?.fields.circuits;
    assert.deepEqual(second, circuits.list());
    assert.equal(circuits.get("mail").state, "open");
    circuits.close();
    mock.timers.tick(300_000);
    assert.equal(logger.named("circuit_monitor").length, 2);
    assert.equal(await circuits.get("llm").run(async () => "fine", NEVER), "fine");
  });
});
