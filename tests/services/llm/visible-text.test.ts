// What a visitor may see: thoughts never, half characters never, everything else byte for byte.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { VisibleText } from "#app/services/llm/visible-text.ts";

function see(deltas: readonly string[]): string[] {
  const visible = new VisibleText();
  return [...deltas.map((delta) => visible.push(delta)), visible.end()].filter((text) => text !== "");
}

/** The text cut into pieces of code units, surrogate pairs included. */
function cut(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
    text.slice(at * size, (at + 1) * size),
  );
}

describe("visible text", () => {
  for (const [text, seen] of [
    ["Hello", "Hello"],
    ["  Hello", "  Hello"],
    ["<think>hm</think>\n\nHello", "Hello"],
    [" \n<think>a < b </thin></think>Hello </think> there", "Hello </think> there"],
    ["<think></think>", ""],
    ["<think>never ended", ""],
    ["Hello <think>not a thought</think>", "Hello <think>not a thought</think>"],
    ["<thin air>", "<thin air>"],
    ["<thi", "<thi"],
    ["<THINK>x", "<THINK>x"],
    [" ", " "],
    ["", ""],
    ["😀 <b>👩‍🔬</b>", "😀 <b>👩‍🔬</b>"],
  ] as const) {
    it(`of ${JSON.stringify(text)} is ${JSON.stringify(seen)}, wherever it is cut`, () => {
      for (let size = 1; size <= text.length + 1; size += 1) {
        const deltas = see(cut(text, size));
        assert.equal(deltas.join(""), seen);
        assert.ok(deltas.every((delta) => delta.isWellFormed()));
      }
    });
  }

  it("hands a plain delta on as it is, at once", () => {
    assert.deepEqual(see(["Hel", "lo", " ", "there"]), ["Hel", "lo", " ", "there"]);
  });

  it("replaces halves of characters that never become whole", () => {
    assert.equal(see(["a\ud83d", "b"]).join(""), "a\uFFFDb");
    assert.equal(see(["a", "\ude00b"]).join(""), "a\uFFFDb");
    assert.equal(see(["a\ud83d"]).join(""), "a\uFFFD");
  });

  it("loses nothing of any text that does not begin with a thought", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 40 }),
        fc.integer({ min: 1, max: 5 }),
        (text, size) => {
          assert.equal(see(cut(text, size)).join(""), text.trimStart().startsWith("<think>") ? "" : text);
        },
      ),
    );
  });
});
