// The estimate of tokens: rather too high than too low, and monotonic, so that a budget can rely on it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { estimateTokens } from "#app/services/chatbot/token-estimate.ts";

describe("the token estimate", () => {
  for (const [text, expected] of [
    ["", 0],
    ["a", 1],
    ["abcd", 1],
    ["abcde", 2],
    ["ç", 1],
    ["çok güzel", 4],
    ["日本語", 2],
    ["😀", 2],
  ] as const) {
    it(`takes ${expected} for ${JSON.stringify(text)}`, () => assert.equal(estimateTokens(text), expected));
  }

  it("is a whole number that never shrinks when a text grows, for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (text, more) => {
        const tokens = estimateTokens(text);
        assert.ok(Number.isInteger(tokens) && tokens >= 0);
        assert.ok(estimateTokens(text + more) >= tokens);
        assert.ok(text === "" || tokens > 0, "nothing costs nothing");
      }),
    );
  });

  it("estimates a megabyte without a stack or a copy of it", () => {
    assert.equal(estimateTokens("x".repeat(1 << 20)), 1 << 18);
  });
});
