// What the self-watch takes for bad: on both sides of each bound.

import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { describe, type TestContext, test } from "node:test";
import { createCircuits } from "#app/core/circuits.ts";
import { parseConfig } from "#app/core/config.ts";
import { MinuteHistory } from "#app/core/minute-history.ts";
import { StallWatch } from "#app/core/stall-watch.ts";
import { createChecks } from "#app/services/health/checks.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";

const MINUTE_MS = 60_000;

function setUp(t: TestContext) {
  const clock = { nowMs: Date.UTC(2026, 10, 21) };
  const history = new MinuteHistory({ retentionMinutes: 60, connections: () => 0, now: () => clock.nowMs });
  const settings = parseConfig({ CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1" }).circuits;
  const circuits = createCircuits({ settings, logger: createRecordingLogger() });
  t.after(() => circuits.close());
  const opened = { isDegraded: false, redis: undefined };
  const stalls = new StallWatch();
  const checks = createChecks({ circuits, opened, dataDir: tmpdir() }, { stalls, history });
  const read = async (name: string) => {
    const reading = await checks.find((check) => check.name === name)?.read();
    assert.ok(reading, name);
    return reading;
  };
  return { clock, history, circuits, opened, stalls, read };
}

describe("the checks of the self-watch", () => {
  test("find replies bad when more than half of at least ten in five minutes have failed", async (t) => {
    const { history, clock, read } = setUp(t);
    const run = (failed: boolean) => history.addRun({ failed, firstTokenMs: 1, tokens: 1 });
    for (let failed = 0; failed < 9; failed += 1) run(true);
    assert.equal((await read("error_rate")).isBad, false);
    run(true);
    assert.deepEqual(await read("error_rate"), {
      isBad: true,
      finding: "10 of 10 replies failed in 5 minutes",
    });
    for (let well = 0; well < 10; well += 1) run(false);
    assert.equal((await read("error_rate")).isBad, false);
    run(true);
    assert.equal((await read("error_rate")).isBad, true);
    clock.nowMs += 5 * MINUTE_MS;
    assert.deepEqual(await read("error_rate"), {
      isBad: false,
      finding: "0 of 0 replies failed in 5 minutes",
    });
  });

  test("find an open circuit bad, by its name, until it is closed", async (t) => {
    const { circuits, read } = setUp(t);
    assert.deepEqual(await read("circuits"), { isBad: false, finding: "closed" });
    const { signal } = new AbortController();
    await assert.rejects(circuits.get("llm").run(() => Promise.reject(new Error("ill")), signal));
    assert.deepEqual(await read("circuits"), { isBad: true, finding: "llm open" });
    circuits.reset("llm");
    assert.equal((await read("circuits")).isBad, false);
  });

  test("find the circuit of the fallback model bad no longer than its pause: nobody may call it for days", async (t) => {
    const { circuits, read } = setUp(t);
    const { signal } = new AbortController();
    await assert.rejects(circuits.get("fallback-llm").run(() => Promise.reject(new Error("ill")), signal));
    assert.deepEqual(await read("circuits"), { isBad: true, finding: "fallback-llm open" });
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() + MINUTE_MS });
    assert.equal(circuits.get("fallback-llm").state, "open");
    assert.equal((await read("circuits")).isBad, false);
  });

  test("leave the circuits of Redis and of mail to others: no visitor hears another model because of them", async (t) => {
    const { circuits, read } = setUp(t);
    const { signal } = new AbortController();
    for (const name of ["redis", "mail"] as const)
      await assert.rejects(circuits.get(name).run(() => Promise.reject(new Error("ill")), signal));
    assert.equal(circuits.get("redis").state, "open");
    assert.equal((await read("circuits")).isBad, false);
  });

  test("find a degraded storage bad", async (t) => {
    const { opened, read } = setUp(t);
    assert.equal((await read("storage")).isBad, false);
    opened.isDegraded = true;
    assert.equal((await read("storage")).isBad, true);
  });

  test("find a process that stands still for more than a second bad, and forget it with the reading", async (t) => {
    const { stalls, read } = setUp(t);
    stalls.start();
    t.after(() => stalls.stop());
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    const { isBad, finding } = await read("event_loop_lag");
    assert.ok(isBad, finding);
    assert.match(finding, /^longest stall \d{4,} ms of 1000 ms$/);
    assert.equal((await read("event_loop_lag")).isBad, false);
  });

  test("find this disk and this memory well, and say their figures", async (t) => {
    const { read } = setUp(t);
    assert.match((await read("disk")).finding, /^\d+ MiB free$/);
    const memory = await read("memory");
    assert.deepEqual(
      [memory.isBad, /^\d+ of \d+ MiB, heap \d+ of \d+ MiB$/.test(memory.finding)],
      [false, true],
    );
  });
});
