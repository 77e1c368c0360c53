// What tokens cost: whole millionths, rounded up, and without the noise of floating point.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { costMicrosOf, outputTokensFor } from "#app/services/llm/prices.ts";

describe("the cost of tokens", () => {
  for (const [input, output, inputTokens, outputTokens, micros] of [
    [0, 0, 1_000_000, 1_000_000, 0],
    [2.5, 10, 1_000_000, 0, 2_500_000],
    [2.5, 10, 0, 1_000_000, 10_000_000],
    [0.15, 0.6, 1_000, 500, 450],
    // 3 × 0.1 is 0.30000000000000004 in floating point: one millionth all the same, and 30 × 0.1 three, not four.
    [0.1, 0, 3, 0, 1],
    [0.1, 0, 30, 0, 3],
    [0.000001, 0, 1, 0, 1],
    [999_999_999, 0, 1_000_000, 0, 999_999_999_000_000],
  ] as const)
    it(`at ${input} and ${output} a million, ${inputTokens} and ${outputTokens} are ${micros} millionths`, () => {
      assert.equal(costMicrosOf({ input, output }, inputTokens, outputTokens), micros);
    });
});

describe("the tokens that money buys", () => {
  it("are none where the prompt alone costs more, and without end where they cost nothing", () => {
    assert.equal(outputTokensFor({ input: 1, output: 1 }, 100, 99), 0);
    assert.equal(outputTokensFor({ input: 1, output: 0 }, 100, 100), Number.POSITIVE_INFINITY);
    assert.equal(outputTokensFor({ input: 1, output: 0 }, 100, 99), 0);
  });

  it("cost with their prompt no more than there is, and one more would", () => {
    const price = fc.integer({ min: 1, max: 50_000_000 }).map((millionths) => millionths / 1_000_000);
    const tokens = fc.integer({ min: 0, max: 100_000 });
    fc.assert(
      fc.property(price, price, tokens, fc.integer({ min: 1, max: 1e9 }), (input, output, prompt, left) => {
        const prices = { input, output };
        const bought = outputTokensFor(prices, prompt, left);
        if (bought === 0) return;
        assert.ok(costMicrosOf(prices, prompt, bought) <= left + 1);
        assert.ok(costMicrosOf(prices, prompt, bought + 1) >= left);
      }),
    );
  });
});
