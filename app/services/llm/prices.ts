// What tokens cost, in millionths of whatever unit the prices are in.

import type { ModelPrices } from "#app/core/config-budgets.ts";

/** Digits that stay exact in a double; what lies beyond them is noise of the multiplication. */
const EXACT_DIGITS = 15;

/** Rounded up to a whole millionth: a budget is rather used up too early than too late. */
export function costMicrosOf(prices: ModelPrices, inputTokens: number, outputTokens: number): number {
  // The price of a million tokens is the price of one in millionths.
  const cost = inputTokens * prices.input + outputTokens * prices.output;
  return Math.ceil(Number(cost.toPrecision(EXACT_DIGITS)));
}

/** How many tokens of a reply fit into what is left after its prompt; Infinity where they cost nothing. */
export function outputTokensFor(prices: ModelPrices, inputTokens: number, leftMicros: number): number {
  const left = leftMicros - costMicrosOf(prices, inputTokens, 0);
  if (left < 0) return 0;
  return prices.output === 0
    ? Number.POSITIVE_INFINITY
    : Math.floor(Number((left / prices.output).toPrecision(EXACT_DIGITS)));
}
