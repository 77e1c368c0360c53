// Whether this process itself stood still: a stall is seen once, whenever it began.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { StallWatch } from "#app/core/stall-watch.ts";
import { assertWithin } from "../support/held-up.ts";

/** Stops this process without using the processor. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function startWatch(t: TestContext): StallWatch {
  const watch = new StallWatch();
  watch.start();
  t.after(() => watch.stop());
  return watch;
}

test("a stall that has only just ended is seen", (t) => {
  const watch = startWatch(t);
  stall(600);
  assert.ok(watch.takeLongestMs() >= 340);
});

test("a stall that ended some time ago is seen, whenever it began", async (t) => {
  const watch = startWatch(t);
  watch.takeLongestMs();
  stall(600);
  await pause(300);
  assert.ok(watch.takeLongestMs() >= 340);
});

test("a stall is reported once", (t) => {
  const watch = startWatch(t);
  stall(600);
  watch.takeLongestMs();
  assert.ok(watch.takeLongestMs() <= 0);
});

test("a process that runs freely has no stall worth a word", async (t) => {
  const startedAt = performance.now();
  const watch = startWatch(t);
  await pause(600);
  assertWithin("the longest stall", watch.takeLongestMs(), 200, startedAt);
});
