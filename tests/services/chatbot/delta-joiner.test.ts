// The joining of a model's deltas: nothing lost, nothing empty, no half character, at most one piece every 40 ms.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { createDeltaJoiner, JOIN_MS } from "#app/services/chatbot/delta-joiner.ts";

/** A joiner whose timers the test winds on, and what it let out. */
function startJoiner(test: TestContext, joinMs?: number) {
  test.mock.timers.enable({ apis: ["setTimeout"] });
  const pieces: string[] = [];
  const joiner = createDeltaJoiner((piece) => pieces.push(piece), joinMs);
  return { joiner, pieces, tick: (ms: number) => test.mock.timers.tick(ms) };
}

describe("the delta joiner", () => {
  it("lets the first delta out at once", (test) => {
    const { joiner, pieces } = startJoiner(test);
    joiner.push("Good");
    assert.deepEqual(pieces, ["Good"]);
  });

  it("joins what arrives within 40 ms of the last piece, and starts anew then", (test) => {
    const { joiner, pieces, tick } = startJoiner(test);
    for (const delta of ["Good", " day", ",", " I"]) joiner.push(delta);
    assert.deepEqual(pieces, ["Good"]);
    tick(JOIN_MS);
    assert.deepEqual(pieces, ["Good", " day, I"]);
    joiner.push(" am");
    assert.equal(pieces.length, 2, "40 ms count from the last piece, not from the first");
    tick(JOIN_MS);
    assert.deepEqual(pieces, ["Good", " day, I", " am"]);
  });

  it("lets a delta out at once that comes after a pause", (test) => {
    const { joiner, pieces } = startJoiner(test, 0);
    for (const delta of ["a", "b", "c"]) joiner.push(delta);
    assert.deepEqual(pieces, ["a", "b", "c"]);
  });

  it("lets out what waits when it is closed, and nothing after", (test) => {
    const { joiner, pieces, tick } = startJoiner(test);
    joiner.push("a");
    joiner.push("b");
    joiner.close();
    assert.deepEqual(pieces, ["a", "b"]);
    joiner.push("c");
    joiner.close();
    tick(10 * JOIN_MS);
    assert.deepEqual(pieces, ["a", "b"]);
  });

  it("says nothing of itself: empty deltas and an empty reply make no piece", (test) => {
    const { joiner, pieces, tick } = startJoiner(test);
    joiner.push("");
    tick(JOIN_MS);
    joiner.close();
    assert.deepEqual(pieces, []);
  });

  it("drops what waits when it is told to, and takes nothing after", (test) => {
    const { joiner, pieces, tick } = startJoiner(test);
    joiner.push("a");
    joiner.push("b");
    joiner.drop();
    joiner.push("c");
    tick(JOIN_MS);
    joiner.close();
    assert.deepEqual(pieces, ["a"]);
  });

  it("never parts an emoji, wherever the provider has cut", (test) => {
    const text = "a😀b👩‍🔬🇹🇷c";
    for (let cut = 0; cut <= text.length; cut += 1) {
      const pieces: string[] = [];
      const joiner = createDeltaJoiner((piece) => pieces.push(piece), 0);
      joiner.push(text.slice(0, cut));
      joiner.push(text.slice(cut));
      joiner.close();
      assert.equal(pieces.join(""), text, `cut at ${cut}`);
      for (const piece of pieces) assert.ok(piece !== "" && piece.isWellFormed(), `cut at ${cut}`);
    }
    test.diagnostic(`${text.length + 1} cuts`);
  });

  it("holds half an emoji back over the pause, and lets the whole out with its other half", (test) => {
    const { joiner, pieces, tick } = startJoiner(test);
    joiner.push("a");
    joiner.push("b\ud83d");
    tick(JOIN_MS);
    assert.deepEqual(pieces, ["a", "b"]);
    joiner.push("\ude00");
    tick(JOIN_MS);
    assert.deepEqual(pieces, ["a", "b", "😀"]);
  });

  for (const [what, deltas, expected] of [
    ["a first half alone", ["\ud83d"], "\ufffd"],
    ["a second half alone", ["\ude00"], "\ufffd"],
    ["halves in the wrong order", ["\ude00", "\ud83d"], "\ufffd\ufffd"],
    ["two first halves", ["x\ud83d", "\ud83d", "\ude00"], "x\ufffd😀"],
  ] as const) {
    it(`replaces ${what} by the replacement character`, () => {
      const pieces: string[] = [];
      const joiner = createDeltaJoiner((piece) => pieces.push(piece), 0);
      for (const delta of deltas) joiner.push(delta);
      joiner.close();
      assert.equal(pieces.join(""), expected);
    });
  }

  it("lets out the well-formed text of any input, however it is cut and whenever the clock strikes", (test) => {
    test.mock.timers.enable({ apis: ["setTimeout"] });
    const unit = fc.constantFrom("a", "ç", "\ud83d", "\ude00", "😀", "\u200d", "\n", "");
    const delta = fc.array(unit, { maxLength: 4 }).map((units) => units.join(""));
    const step = fc.record({ delta, pauseMs: fc.constantFrom(0, 1, 20, JOIN_MS) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const pieces: string[] = [];
        const joiner = createDeltaJoiner((piece) => pieces.push(piece));
        for (const { delta, pauseMs } of steps) {
          joiner.push(delta);
          test.mock.timers.tick(pauseMs);
        }
        joiner.close();
        assert.equal(
          pieces.join(""),
          steps
            .map((step) => step.delta)
            .join("")
            .toWellFormed(),
        );
        assert.ok(pieces.every((piece) => piece !== "" && piece.isWellFormed()));
      }),
      { numRuns: 500 },
    );
  });
});
