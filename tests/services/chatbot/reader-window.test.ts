// A reader that costs only itself: never more than its window under way, closed when nothing moves for 30 s.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { READER_WINDOW_BYTES } from "#app/services/chatbot/reader.ts";
import { settle } from "../../support/settle.ts";
import { startReading } from "./reading.ts";

const KIB = 1024;
/** Events in a window, of 16 KiB each. */
const WINDOW_EVENTS = READER_WINDOW_BYTES / (16 * KIB);
const STALL_MS = 30_000;

/** A client that acknowledges, level at event 1. */
async function startAcknowledging(test: TestContext) {
  const reading = await startReading(test, { eventBytes: 16 * KIB });
  reading.start(0);
  await reading.publish(1);
  await settle();
  reading.reader.acknowledge(1);
  return reading;
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

describe("the window of a client that acknowledges", () => {
  it("is full after 256 KiB that were not acknowledged, and open again with the next acknowledgement", async (test) => {
    const { reader, publish, shown } = await startAcknowledging(test);
    for (let count = 0; count < 40; count += 1) await publish(1);
    assert.deepEqual(shown.seqs, upTo(1 + WINDOW_EVENTS));
    reader.acknowledge(3);
    await settle();
    assert.deepEqual(shown.seqs, upTo(3 + WINDOW_EVENTS));
    for (const seq of [3 + WINDOW_EVENTS, 3 + 2 * WINDOW_EVENTS, 41]) {
      reader.acknowledge(seq);
      await settle();
    }
    assert.deepEqual(shown.seqs, upTo(41));
    await publish(1);
    assert.deepEqual(shown.seqs, upTo(42), "it is level again");
  });

  it("holds while it catches up as well", async (test) => {
    const { reader, append, publish, shown } = await startAcknowledging(test);
    await append(60);
    await publish(1);
    await settle();
    assert.deepEqual(shown.seqs, upTo(1 + WINDOW_EVENTS));
    for (let acknowledged = 1; acknowledged < 62; acknowledged += 7) {
      reader.acknowledge(acknowledged);
      await settle();
      assert.ok(shown.sent.length <= acknowledged + WINDOW_EVENTS);
    }
    assert.deepEqual(shown.seqs, upTo(62));
  });

  it("does not open for what was never sent, nor for what was acknowledged before", async (test) => {
    const { reader, publish, shown } = await startAcknowledging(test);
    await publish(40);
    for (const seq of [1, 0, 1_000_000, Number.MAX_SAFE_INTEGER]) reader.acknowledge(seq);
    await settle();
    assert.deepEqual(shown.seqs, upTo(1 + WINDOW_EVENTS));
  });
});

describe("the window of a client that never acknowledges", () => {
  it("is full when its socket holds 256 KiB, and open again when that has taken them", async (test) => {
    const { start, publish, shown } = await startReading(test);
    start(0);
    await settle();
    shown.bufferedBytes = READER_WINDOW_BYTES;
    await publish(1);
    await publish(5);
    assert.deepEqual(shown.seqs, [1]);
    shown.drain();
    await settle();
    assert.deepEqual(shown.seqs, upTo(6));
    await publish(1);
    assert.deepEqual(shown.seqs, upTo(7));
  });

  it("opens with its first acknowledgement, whatever that is of", async (test) => {
    const { reader, start, publish, shown } = await startReading(test);
    start(0);
    await settle();
    shown.bufferedBytes = READER_WINDOW_BYTES;
    await publish(1);
    await publish(5);
    reader.acknowledge(0);
    await settle();
    assert.deepEqual(shown.seqs, upTo(6));
  });

  it("keeps a reader that catches up from filling a socket without end", async (test) => {
    const { start, publish, shown } = await startReading(test, { eventBytes: 16 * KIB });
    await publish(200);
    shown.onSend = (frame) => {
      shown.bufferedBytes += frame.length;
    };
    start(0);
    for (let round = 1; round <= 12; round += 1) {
      await settle();
      assert.equal(shown.sent.length, WINDOW_EVENTS * round);
      shown.drain();
    }
    await settle();
    assert.deepEqual(shown.seqs, upTo(200));
  });
});

describe("a reader whose window stays full", () => {
  /** Timers are the test's from here on. */
  async function startFull(test: TestContext) {
    const reading = await startAcknowledging(test);
    test.mock.timers.enable({ apis: ["setTimeout"] });
    await reading.publish(40);
    return { ...reading, tick: (ms: number) => test.mock.timers.tick(ms) };
  }

  it("is closed with 4001 after 30 s without progress, once", async (test) => {
    const { shown, tick } = await startFull(test);
    tick(STALL_MS - 1);
    assert.deepEqual(shown.closedWith, []);
    tick(1);
    assert.deepEqual(shown.closedWith, ["slowReader"]);
    tick(10 * STALL_MS);
    assert.deepEqual(shown.closedWith, ["slowReader"]);
  });

  it("has another 30 s after each progress, and none without", async (test) => {
    const { reader, append, shown, tick } = await startFull(test);
    await append(100);
    for (const seq of [2, 3, 4]) {
      tick(STALL_MS - 1);
      reader.acknowledge(seq);
      await settle();
    }
    assert.deepEqual(shown.closedWith, []);
    tick(STALL_MS - 1);
    // Nothing new has been read: to say the same again is no progress.
    for (const seq of [4, 3, 0, 9_999]) reader.acknowledge(seq);
    tick(1);
    assert.deepEqual(shown.closedWith, ["slowReader"]);
  });

  it("is not closed when it has caught up, nor after it was stopped", async (test) => {
    const { reader, shown, tick } = await startFull(test);
    for (const seq of [1 + WINDOW_EVENTS, 1 + 2 * WINDOW_EVENTS]) {
      reader.acknowledge(seq);
      await settle();
    }
    tick(2 * STALL_MS);
    assert.deepEqual(shown.closedWith, []);
    reader.stop();
    tick(2 * STALL_MS);
    assert.deepEqual(shown.closedWith, []);
  });

  it("is not closed while its socket takes bytes, however slowly", async (test) => {
    const { start, publish, shown } = await startReading(test);
    start(0);
    await settle();
    test.mock.timers.enable({ apis: ["setTimeout"] });
    shown.bufferedBytes = 10 * READER_WINDOW_BYTES;
    await publish(3);
    for (let round = 0; round < 5; round += 1) {
      shown.bufferedBytes -= KIB;
      test.mock.timers.tick(STALL_MS);
    }
    assert.deepEqual(shown.closedWith, []);
    test.mock.timers.tick(STALL_MS);
    assert.deepEqual(shown.closedWith, ["slowReader"]);
  });
});

describe("whatever happens in whatever order", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("publish" as const), count: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ do: fc.constant("append" as const), count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant("acknowledge" as const), back: fc.integer({ min: -3, max: 40 }) }),
    fc.record({ do: fc.constantFrom("hold-read", "let-read-go", "fill-socket", "drain-socket", "turn") }),
  );

  it("each event comes once and in order, and all of them in the end", async (test) => {
    const run = async (
      steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[],
      after: number,
    ) => {
      const reading = await startReading(test, { eventBytes: 20 * KIB });
      const { reader, shown, storage } = reading;
      let held = Promise.withResolvers<void>();
      await reading.publish(3);
      reading.start(after);
      for (const action of steps) {
        if (action.do === "publish") await reading.publishAtOnce(action.count);
        else if (action.do === "append") await reading.append(action.count);
        else if (action.do === "acknowledge") reader.acknowledge(after + shown.sent.length - action.back);
        else if (action.do === "hold-read") storage.afterNext("read", () => held.promise);
        else if (action.do === "fill-socket") shown.bufferedBytes = READER_WINDOW_BYTES;
        else if (action.do === "drain-socket") shown.drain();
        else if (action.do === "let-read-go") {
          held.resolve();
          held = Promise.withResolvers();
        } else await settle(1);
      }
      held.resolve();
      shown.drain();
      // What only the log has is found with the next event of the line.
      await reading.publish(1);
      const { lastSeq } = await reading.head();
      for (let round = 0; round < 60 && after + shown.sent.length < lastSeq; round += 1) {
        await settle(2);
        shown.drain();
        reader.acknowledge(after + shown.sent.length);
      }
      assert.deepEqual(shown.seqs, upTo(lastSeq).slice(after));
      assert.deepEqual(reading.lost, []);
      assert.equal(reading.levels.length, 1);
      reader.stop();
    };
    const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer({ min: 0, max: 3 }), run);
    await fc.assert(property, { numRuns: 60 });
  });
});
