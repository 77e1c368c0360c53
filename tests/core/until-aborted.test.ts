// Waiting that an abort ends, and that leaves nothing behind.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it } from "node:test";
import { untilAborted } from "#app/core/until-aborted.ts";

const REASON = new Error("stopped");
const isReason = (error: unknown) => error === REASON;

describe("waiting until an abort", () => {
  it("hands the result through and takes its listener away", async () => {
    const { signal } = new AbortController();
    assert.equal(await untilAborted(Promise.resolve("fine"), signal), "fine");
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });

  it("ends with the reason although the work never ends", async () => {
    const stop = new AbortController();
    const waiting = untilAborted(new Promise(() => undefined), stop.signal);
    stop.abort(REASON);
    await assert.rejects(waiting, isReason);
    assert.equal(getEventListeners(stop.signal, "abort").length, 0);
  });

  it("ends with the reason where the work fails because of the abort", async () => {
    const stop = new AbortController();
    stop.signal.addEventListener("abort", () => work.reject(new Error("socket closed")));
    const work = Promise.withResolvers<string>();
    const waiting = untilAborted(work.promise, stop.signal);
    stop.abort(REASON);
    await assert.rejects(waiting, isReason);
  });

  it("ends at once where the abort came before", async () => {
    await assert.rejects(untilAborted(Promise.resolve("late"), AbortSignal.abort(REASON)), isReason);
  });
});
