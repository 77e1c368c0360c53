// The self-watch: three bad readings in a row, recovery, snapshots, and checks that fail or hang.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type HealthCheck, type Reading, SelfWatch } from "#app/core/self-watch.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { until } from "../support/until.ts";

const GOOD: Reading = { isBad: false, finding: "fine" };
const BAD: Reading = { isBad: true, finding: "awful" };

/** A watch over checks of a test, and what it told. */
function createWatch(checks: readonly HealthCheck[], more: { intervalMs?: number; readingMs?: number } = {}) {
  const told: string[] = [];
  const logger = createRecordingLogger();
  const watch = new SelfWatch({
    checks,
    intervalMs: 30_000,
    logger,
    onDegraded: (check, finding, isNew) => void told.push(`${check} ${finding}${isNew ? " new" : ""}`),
    onRecovered: (check, finding) => void told.push(`${check} ${finding} again`),
    ...more,
  });
  return { watch, told, logger };
}

function scripted(name: string, readings: readonly Reading[]): HealthCheck {
  let index = 0;
  return {
    name,
    read() {
      const reading = readings[Math.min(index, readings.length - 1)] ?? GOOD;
      index += 1;
      return reading;
    },
  };
}

describe("the self-watch", () => {
  test("speaks up at the third bad reading in a row, goes on saying so, and tells of the first good one", async () => {
    const { watch, told } = createWatch([
      scripted("memory", [BAD, BAD, GOOD, BAD, BAD, BAD, BAD, GOOD, GOOD]),
    ]);
    for (let look = 0; look < 5; look += 1) await watch.look();
    assert.deepEqual(told, []);
    assert.deepEqual(watch.degraded, []);
    await watch.look();
    assert.deepEqual(told, ["memory awful new"]);
    assert.deepEqual(watch.degraded, ["memory"]);
    await watch.look();
    await watch.look();
    assert.deepEqual(told, ["memory awful new", "memory awful", "memory fine again"]);
    assert.deepEqual(watch.degraded, []);
    await watch.look();
    assert.equal(told.length, 3);
  });

  test("counts each check on its own", async () => {
    const { watch, told } = createWatch([
      scripted("disk", [GOOD, BAD, BAD, BAD]),
      scripted("memory", [BAD, BAD, BAD, GOOD]),
    ]);
    for (let look = 0; look < 4; look += 1) await watch.look();
    assert.deepEqual(told, ["memory awful new", "disk awful new", "memory fine again"]);
  });

  test("takes a check that throws, rejects or hangs for bad, and still reads the others", async () => {
    const { watch, told, logger } = createWatch(
      [
        { name: "throws", read: () => assert.fail("secret") },
        { name: "rejects", read: () => Promise.reject(new Error("secret")) },
        { name: "hangs", read: () => new Promise(() => undefined) },
        scripted("works", [GOOD]),
      ],
      { readingMs: 20 },
    );
    for (let look = 0; look < 3; look += 1) await watch.look();
    assert.deepEqual(told.toSorted(), [
      "hangs it could not be read new",
      "rejects it could not be read new",
      "throws it could not be read new",
    ]);
    assert.equal(logger.named("health_check_failed").length, 9);
    assert.deepEqual(watch.snapshots[0]?.readings.works, GOOD);
    assert.doesNotMatch(JSON.stringify(watch.snapshots), /secret/);
  });

  test("never looks twice at once", async () => {
    const gate = Promise.withResolvers<Reading>();
    let reads = 0;
    const { watch } = createWatch([
      {
        name: "slow",
        read() {
          reads += 1;
          return gate.promise;
        },
      },
    ]);
    const first = watch.look();
    await watch.look();
    gate.resolve(GOOD);
    await first;
    assert.equal(reads, 1);
    assert.equal(watch.snapshots.length, 1);
  });

  test("keeps the snapshots of an hour, newest first", async () => {
    let count = 0;
    const next = () => {
      count += 1;
      return count;
    };
    const check = { name: "n", read: () => ({ isBad: false, finding: String(next()) }) };
    const { watch } = createWatch([check], { intervalMs: 60_000 });
    for (let look = 0; look < 70; look += 1) await watch.look();
    assert.equal(watch.snapshots.length, 60);
    assert.deepEqual(
      [watch.snapshots[0]?.readings.n?.finding, watch.snapshots[59]?.readings.n?.finding],
      ["70", "11"],
    );
  });

  test("looks by itself once it is started, and no more when it is stopped", async (t: TestContext) => {
    const { watch, told } = createWatch([scripted("memory", [BAD])], { intervalMs: 5 });
    t.after(() => watch.stop());
    watch.start();
    await until("three looks", () => told.length > 0);
    watch.stop();
    await watch.look();
    const taken = watch.snapshots.length;
    await new Promise<void>((resolve) => setImmediate(resolve));
    assert.equal(watch.snapshots.length, taken);
  });
});
