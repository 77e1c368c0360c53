// The breaker's memory: how many failures of how many outcomes fill it, and what it forgets.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { FailureWindow } from "#app/core/failure-window.ts";

describe("a failure window", () => {
  let window: FailureWindow;
  beforeEach(() => {
    mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
    window = new FailureWindow(3, 10_000);
  });
  afterEach(() => mock.timers.reset());
  const add = (...outcomes: boolean[]) => {
    for (const failed of outcomes) window.add(failed);
  };

  it("is full at the threshold, not before", () => {
    add(true, true);
    assert.equal(window.isFull, false);
    add(true);
    assert.equal(window.isFull, true);
  });

  it("is filled by every second failure, never by every third", () => {
    for (let round = 0; round < 10; round += 1) add(true, false, false);
    assert.equal(window.isFull, false);
    add(true, false, true, false, true);
    assert.equal(window.isFull, true);
  });

  it("looks at the last six outcomes only", () => {
    add(true, true, false, false, false, false, true);
    assert.equal(window.failures, 2);
  });

  it("forgets what is older than its time", () => {
    add(true, true);
    mock.timers.setTime(1_009_999);
    assert.equal(window.failures, 2);
    mock.timers.setTime(1_010_000);
    assert.equal(window.failures, 0);
  });

  it("forgets everything when it is cleared", () => {
    add(true, true, true);
    window.clear();
    assert.equal(window.failures, 0);
    assert.equal(window.isFull, false);
  });
});
