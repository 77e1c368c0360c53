// The bounded reservoir of durations and its percentiles.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LatencyWindow } from "#app/core/latency-window.ts";

describe("a window of durations", () => {
  test("has nothing to say before the first one", () => {
    assert.deepEqual(new LatencyWindow().percentiles(), { count: 0, p50: null, p95: null, p99: null });
  });

  test("gives the nearest rank, in whatever order the durations came", () => {
    const window = new LatencyWindow();
    for (let ms = 100; ms >= 1; ms -= 1) window.add(ms);
    assert.deepEqual(window.percentiles(), { count: 100, p50: 50, p95: 95, p99: 99 });
  });

  test("of one duration is that one", () => {
    const window = new LatencyWindow();
    window.add(7);
    assert.deepEqual(window.percentiles(), { count: 1, p50: 7, p95: 7, p99: 7 });
  });

  test("keeps the last ones when it is full", () => {
    const window = new LatencyWindow(3);
    for (const ms of [1_000, 1_000, 1, 2, 3]) window.add(ms);
    assert.deepEqual(window.percentiles(), { count: 3, p50: 2, p95: 3, p99: 3 });
  });
});
