// The purses of a reply: never more out of them than is in them, however many replies ask at once; what was not spent
// comes back; each purse has its owner, its unit and its period.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import type { BudgetSettings } from "#app/core/config-budgets.ts";
import { type Amount, createBudgets } from "#app/services/llm/budgets.ts";
import type { Payer } from "#app/services/llm/client.ts";
import { createMemorySpendCounter, OwnSums, type SpendCounter } from "#app/services/llm/spend-counter.ts";
import { budgetSettings } from "../../support/ladder-scene.ts";

const NOON = Date.UTC(2026, 10, 21, 12);
const DAY_MS = 24 * 60 * 60 * 1_000;
const PAYER: Payer = { conversationId: "c1", visitor: "v1" };

const tokens = (count: number): Amount => ({ tokens: count, costMicros: 0 });
const money = (micros: number): Amount => ({ tokens: 0, costMicros: micros });
const dayOf = (count: number) => ({ day: { tokens: count, costMicros: 0 } });

function open(
  settings: Partial<BudgetSettings>,
  options: { counter?: SpendCounter; now?: () => number } = {},
) {
  const { counter = createMemorySpendCounter(), now = () => NOON } = options;
  const budgets = createBudgets({
    settings: budgetSettings(settings),
    counter,
    conversationTtlMs: 30 * DAY_MS,
    now,
  });
  return {
    reserve: (amount: Amount, payer = PAYER) => budgets.reserve(payer, amount),
    /** The scope that refuses; undefined where the amount is to be had (and is taken). */
    refusedBy: async (amount: Amount, payer = PAYER) => {
      const answer = await budgets.reserve(payer, amount);
      return answer.type === "refused" ? answer.scope : undefined;
    },
    take: async (amount: Amount, payer = PAYER) => {
      const answer = await budgets.reserve(payer, amount);
      assert.ok(answer.type === "reserved", "refused");
      return answer;
    },
  };
}

/** A counter far away: each answer takes a turn, and calls overlap. */
function createSlowCounter(): SpendCounter {
  const counter = createMemorySpendCounter();
  return {
    async add(changes) {
      await turn();
      const sums = await counter.add(changes);
      await turn();
      return sums;
    },
  };
}

describe("a day's budget", () => {
  it("can be taken to the last token, and no further", async () => {
    const { take, refusedBy } = open(dayOf(100));
    await take(tokens(60));
    await take(tokens(40));
    assert.equal(await refusedBy(tokens(1)), "day");
  });

  it("is not reduced by what was refused: who asks for less still gets it", async () => {
    const { take, refusedBy } = open(dayOf(100));
    assert.equal(await refusedBy(tokens(101)), "day");
    await take(tokens(100));
  });

  it("of 0 is no limit, and then nobody is asked", async () => {
    const counter: SpendCounter = { add: () => assert.fail("something was counted") };
    const { take } = open({}, { counter });
    await (await take(tokens(1e12))).settle(tokens(1e12));
  });

  it("gets back what was not spent, and pays what cost more", async () => {
    const { take, refusedBy } = open(dayOf(100));
    const [first, second] = [await take(tokens(80)), await take(tokens(20))];
    await first.settle(tokens(30));
    await take(tokens(50));
    await second.settle(tokens(21));
    assert.equal(await refusedBy(tokens(1)), "day");
  });

  it("is whole again at midnight UTC, and what is settled afterwards is yesterday's", async () => {
    let now = NOON;
    const { take, refusedBy } = open(dayOf(100), { now: () => now });
    const late = await take(tokens(100));
    now = NOON + DAY_MS / 2 - 1;
    assert.equal(await refusedBy(tokens(1)), "day");
    now += 1;
    await take(tokens(90));
    await late.settle(tokens(0));
    assert.equal(await refusedBy(tokens(11)), "day");
    await take(tokens(10));
  });

  it("survives a clock that is set back: yesterday opens no second purse", async () => {
    let now = NOON;
    const { take, refusedBy } = open(dayOf(100), { now: () => now });
    await take(tokens(100));
    now -= DAY_MS;
    assert.equal(await refusedBy(tokens(1)), "day");
  });

  it("that cannot be counted counts as used up, and settles without a word", async () => {
    let isAway = false;
    const counter: SpendCounter = {
      add: (changes) =>
        isAway ? Promise.reject(new Error("away")) : Promise.resolve(changes.map(({ by }) => by)),
    };
    const { take, refusedBy } = open(dayOf(100), { counter });
    const reservation = await take(tokens(10));
    isAway = true;
    await reservation.settle(tokens(5));
    assert.equal(await refusedBy(tokens(10)), "day");
  });

  it("is never exceeded by reservations that overlap, and in the end holds exactly what was spent", async () => {
    const asked = fc.array(
      fc.record({ most: fc.integer({ min: 1, max: 60 }), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(asked, async (replies) => {
        const { reserve, take, refusedBy } = open(dayOf(100), { counter: createSlowCounter() });
        let [reserved, spent] = [0, 0];
        await Promise.all(
          replies.map(async ({ most, share }) => {
            const reservation = await reserve(tokens(most));
            if (reservation.type === "refused") return;
            reserved += most;
            assert.ok(reserved <= 100, `${reserved} are reserved`);
            await turn();
            const cost = Math.floor(most * share);
            await reservation.settle(tokens(cost));
            reserved -= most - cost;
            spent += cost;
          }),
        );
        assert.equal(await refusedBy(tokens(101 - spent)), "day");
        if (spent < 100) await take(tokens(100 - spent));
      }),
      { numRuns: 50 },
    );
  });
});

describe("the purses", () => {
  const limits = { tokens: 100, costMicros: 0 };

  for (const [scope, other] of [
    ["conversation", { ...PAYER, conversationId: "c2" }],
    ["visitor", { ...PAYER, visitor: "v2" }],
    ["organisation", { ...PAYER, organisation: "o2" }],
  ] as const) {
    it(`of each ${scope} are their own`, async () => {
      const { take, refusedBy } = open({ [scope]: limits });
      await take(tokens(100));
      assert.equal(await refusedBy(tokens(1)), scope);
      await take(tokens(100), other);
    });

    it(`of a ${scope} are taken from together with the day's, or not at all`, async () => {
      const { take, refusedBy } = open({ [scope]: limits, ...dayOf(150) });
      await take(tokens(60));
      assert.equal(await refusedBy(tokens(50)), scope);
      // Had the refused 50 stayed taken from the day, these 90 would not be there.
      await take(tokens(90), other);
      assert.equal(await refusedBy(tokens(1)), "day");
    });
  }

  it("of money and of tokens are two: whichever is empty first refuses", async () => {
    const { take, refusedBy } = open({ day: { tokens: 10, costMicros: 1_000 } });
    await take({ tokens: 1, costMicros: 999 });
    assert.equal(await refusedBy(money(2)), "day");
    await take({ tokens: 9, costMicros: 1 });
    assert.equal(await refusedBy(tokens(1)), "day");
  });

  it("belong to the configured organisation where nobody says otherwise", async () => {
    const { take, refusedBy } = open({ organisation: limits, organisationId: "acme" });
    await take(tokens(100), { ...PAYER, organisation: "acme" });
    assert.equal(await refusedBy(tokens(1)), "organisation");
  });

  it("that have no owner are not asked: a stateless request has no conversation", async () => {
    const { take } = open({ conversation: limits, visitor: limits });
    await take(tokens(1_000), {});
  });

  it("are whole again in their own time: the visitor's tomorrow, the organisation's next month, the conversation's not while it lives", async () => {
    let now = NOON;
    const every = { conversation: { tokens: 300, costMicros: 0 }, visitor: limits };
    const { take, refusedBy } = open(
      { ...every, organisation: { tokens: 200, costMicros: 0 } },
      {
        now: () => now,
        counter: createMemorySpendCounter(new OwnSums(100, () => now)),
      },
    );
    await take(tokens(100));
    assert.equal(await refusedBy(tokens(1)), "visitor");
    now += DAY_MS;
    await take(tokens(100));
    now += DAY_MS;
    assert.equal(await refusedBy(tokens(1)), "organisation");
    now = Date.UTC(2026, 11, 1);
    assert.equal(await refusedBy(tokens(101), { conversationId: "c1" }), "conversation");
    await take(tokens(100), { conversationId: "c1" });
  });
});

describe("the sums in memory", () => {
  const change = (key: string, by: number) => ({ key, by, keptSeconds: 10 });

  it("are bounded: the one that was used least recently leaves, the one in use stays", () => {
    const sums = new OwnSums(3);
    for (const key of ["a", "b", "a", "c", "a", "d"]) sums.add(change(key, 1));
    assert.deepEqual([sums.add(change("a", 0)).sum, sums.add(change("b", 0)).sum], [3, 0]);
  });

  it("begin anew when their time is over, and not before", () => {
    let now = 0;
    const sums = new OwnSums(3, () => now);
    sums.add(change("a", 5));
    now = 10_000;
    assert.equal(sums.add(change("a", 1)).sum, 6);
    now = 20_001;
    assert.equal(sums.add(change("a", 1)).sum, 1);
  });
});
