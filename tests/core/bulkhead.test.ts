// The bulkhead: who runs, who waits, who is refused, and that every place comes back.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { beforeEach, describe, it } from "node:test";
import { Bulkhead, BulkheadFullError } from "#app/core/bulkhead.ts";
import { settle } from "../support/settle.ts";

const NEVER = new AbortController().signal;
const LEFT = new Error("left");

describe("a bulkhead of two places and two in line", () => {
  let bulkhead: Bulkhead;
  let started: string[];
  beforeEach(() => {
    bulkhead = new Bulkhead({ name: "mail", maxRunning: 2, maxWaiting: 2 });
    started = [];
  });

  /** A call that runs until it is told to end. */
  function call(name: string, signal = NEVER) {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const work = () => {
      started.push(name);
      return promise;
    };
    const ended = bulkhead.run(work, signal).catch((error: unknown) => error);
    return { ended, end: () => resolve(name), fail: reject };
  }

  it("runs two at once and the others in the order they came", async () => {
    const [a, b, c, d] = [call("a"), call("b"), call("c"), call("d")];
    await settle();
    assert.deepEqual(started, ["a", "b"]);
    assert.deepEqual(bulkhead.counts, { running: 2, waiting: 2 });
    b.end();
    await settle();
    assert.deepEqual(started, ["a", "b", "c"]);
    a.end();
    await settle();
    assert.deepEqual(started, ["a", "b", "c", "d"]);
    c.end();
    d.end();
    assert.deepEqual(await Promise.all([a, b, c, d].map(({ ended }) => ended)), ["a", "b", "c", "d"]);
    assert.deepEqual(bulkhead.counts, { running: 0, waiting: 0 });
  });

  it("refuses the fifth at once, without calling for it, and says what to do", async () => {
    for (const name of ["a", "b", "c", "d"]) call(name);
    const error = await call("e").ended;
    assert.ok(error instanceof BulkheadFullError);
    assert.match(error.message, /"mail" is full, with 2 calls running and 2 waiting: try again later/);
    assert.deepEqual(started, ["a", "b"]);
  });

  it("gives the place of one who leaves the line to the next at once, and never calls for him", async () => {
    const stop = new AbortController();
    const a = call("a");
    call("b");
    const c = call("c", stop.signal);
    call("d");
    stop.abort(LEFT);
    assert.equal(await c.ended, LEFT);
    assert.equal(getEventListeners(stop.signal, "abort").length, 0);
    call("e");
    assert.deepEqual(bulkhead.counts, { running: 2, waiting: 2 });
    a.end();
    await settle();
    assert.deepEqual(started, ["a", "b", "d"]);
  });

  it("lets no newcomer overtake the one whose turn it is", async () => {
    const [a] = [call("a"), call("b"), call("c"), call("d")];
    a.end();
    // The newcomer asks in the very moment in which the place is handed on.
    const newcomer = a.ended.then(() => call("e").ended);
    await settle();
    assert.deepEqual(started, ["a", "b", "c"]);
    assert.deepEqual(bulkhead.counts, { running: 2, waiting: 2 });
    void newcomer;
  });

  it("gives the place back when the work throws, in whatever way", async () => {
    const fault = new Error("ill");
    const a = call("a");
    a.fail(fault);
    assert.equal(await a.ended, fault);
    const thrown = () => {
      throw fault;
    };
    await assert.rejects(bulkhead.run(thrown, NEVER), (error) => error === fault);
    assert.deepEqual(bulkhead.counts, { running: 0, waiting: 0 });
  });

  it("never calls for one who leaves in the moment his turn comes, and gives his place back", async () => {
    for (let turns = 0; turns < 8; turns += 1) {
      const stop = new AbortController();
      const [a, b] = [call("a"), call("b")];
      const c = call("c", stop.signal);
      a.end();
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      const wasCalled = started.includes("c");
      stop.abort(LEFT);
      await settle();
      assert.equal(started.includes("c"), wasCalled, `after ${turns} turns`);
      b.end();
      c.end();
      await Promise.all([b.ended, c.ended]);
      assert.deepEqual(bulkhead.counts, { running: 0, waiting: 0 });
      started.length = 0;
    }
  });

  it("leaves no listener behind on the signal of one who waited and ran", async () => {
    const { signal } = new AbortController();
    const [a, b, c] = [call("a"), call("b"), call("c", signal)];
    a.end();
    await settle();
    assert.deepEqual(started, ["a", "b", "c"]);
    assert.equal(getEventListeners(signal, "abort").length, 0);
    b.end();
    c.end();
    await c.ended;
  });

  it("takes nobody in who had left before", async () => {
    assert.equal(await call("a", AbortSignal.abort(LEFT)).ended, LEFT);
    assert.deepEqual(started, []);
    assert.deepEqual(bulkhead.counts, { running: 0, waiting: 0 });
  });
});

describe("a bulkhead without a line", () => {
  it("refuses whatever cannot start at once", async () => {
    const bulkhead = new Bulkhead({ name: "mail", maxRunning: 1, maxWaiting: 0 });
    const { promise, resolve } = Promise.withResolvers<void>();
    const running = bulkhead.run(() => promise, NEVER);
    await assert.rejects(
      bulkhead.run(async () => undefined, NEVER),
      BulkheadFullError,
    );
    resolve();
    await running;
    assert.equal(await bulkhead.run(async () => "fine", NEVER), "fine");
  });
});
