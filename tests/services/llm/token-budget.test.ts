// The day's tokens: never more than there are, however many replies ask at once; what was not spent comes back.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import {
  createMemoryTokenCounter,
  createTokenBudget,
  type TokenCounter,
} from "#app/services/llm/token-budget.ts";

const NOON = Date.UTC(2026, 10, 21, 12);
const DAY_MS = 24 * 60 * 60 * 1_000;

/** A counter far away: each answer takes a turn, and calls overlap. */
function createSlowCounter(): TokenCounter {
  const counter = createMemoryTokenCounter();
  return {
    async add(day, tokens) {
      await turn();
      const sum = await counter.add(day, tokens);
      await turn();
      return sum;
    },
  };
}

describe("a day's budget", () => {
  it("can be taken to the last token, and no further", async () => {
    const budget = createTokenBudget(100, createMemoryTokenCounter());
    assert.ok(await budget.reserve(60));
    assert.ok(await budget.reserve(40));
    assert.equal(await budget.reserve(1), undefined);
  });

  it("is not reduced by what was refused: who asks for less still gets it", async () => {
    const budget = createTokenBudget(100, createMemoryTokenCounter());
    assert.equal(await budget.reserve(101), undefined);
    assert.ok(await budget.reserve(100));
  });

  it("of nothing refuses everything that costs something", async () => {
    assert.equal(await createTokenBudget(0, createMemoryTokenCounter()).reserve(1), undefined);
  });

  it("gets back what was not spent, and pays what cost more", async () => {
    const budget = createTokenBudget(100, createMemoryTokenCounter());
    const [first, second] = [await budget.reserve(80), await budget.reserve(20)];
    await first?.settle(30);
    assert.ok(await budget.reserve(50));
    await second?.settle(21);
    assert.equal(await budget.reserve(1), undefined);
  });

  it("is whole again at midnight UTC, and what is settled afterwards is yesterday's", async () => {
    let now = NOON;
    const budget = createTokenBudget(100, createMemoryTokenCounter(), () => now);
    const late = await budget.reserve(100);
    now = NOON + DAY_MS / 2 - 1;
    assert.equal(await budget.reserve(1), undefined);
    now += 1;
    assert.ok(await budget.reserve(90));
    await late?.settle(0);
    assert.equal(await budget.reserve(11), undefined);
    assert.ok(await budget.reserve(10));
  });

  it("survives a clock that is set back: yesterday opens no second purse", async () => {
    let now = NOON;
    const budget = createTokenBudget(100, createMemoryTokenCounter(), () => now);
    assert.ok(await budget.reserve(100));
    now -= DAY_MS;
    assert.equal(await budget.reserve(1), undefined);
  });

  it("says that it cannot count by rejecting, and settles without a word", async () => {
    let isAway = false;
    const counter: TokenCounter = {
      add: (_day, tokens) => (isAway ? Promise.reject(new Error("away")) : Promise.resolve(tokens)),
    };
    const budget = createTokenBudget(100, counter);
    const reservation = await budget.reserve(10);
    isAway = true;
    await reservation?.settle(5);
    await assert.rejects(budget.reserve(10), /away/);
  });

  it("is never exceeded by reservations that overlap, and in the end holds exactly what was spent", async () => {
    const asked = fc.array(
      fc.record({ most: fc.integer({ min: 1, max: 60 }), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(asked, async (replies) => {
        const budget = createTokenBudget(100, createSlowCounter());
        let [reserved, spent] = [0, 0];
        await Promise.all(
          replies.map(async ({ most, share }) => {
            const reservation = await budget.reserve(most);
            if (!reservation) return;
            reserved += most;
            assert.ok(reserved <= 100, `${reserved} are reserved`);
            await turn();
            const cost = Math.floor(most * share);
            await reservation.settle(cost);
            reserved -= most - cost;
            spent += cost;
          }),
        );
        assert.equal(await budget.reserve(101 - spent), undefined);
        assert.ok(spent === 100 || (await budget.reserve(100 - spent)));
      }),
      { numRuns: 50 },
    );
  });
});
