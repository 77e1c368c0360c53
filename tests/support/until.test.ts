// Waiting for a condition: for as long as was said, and for as long as this process was held up.

import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "./until.ts";

/** Without working, as on a machine that stands still. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

it("what does not come in time is an error that names it", async () => {
  await assert.rejects(
    until("rain", () => false, 50),
    /^Error: rain: not within 50 ms$/,
  );
});

it("what a standstill has delayed is waited for, though the time is over", async () => {
  let isDone = false;
  const waiting = until("the end", () => isDone, 100);
  await pause(10);
  standStill(300);
  // What follows from it takes its time, too.
  setTimeout(() => {
    isDone = true;
  }, 100);
  await waiting;
});

it("what does not come after a standstill either is an error", async () => {
  const waiting = until("rain", () => false, 100);
  const refused = assert.rejects(waiting, /rain: not within 100 ms/);
  standStill(200);
  await refused;
});
