// Two instances on one Redis, four conversations in mid-reply, a tab of each on both instances; then a fault.

import type { TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { until } from "../support/until.ts";
import type { Instance } from "./instance.ts";
import { Meanings } from "./meanings.ts";
import { startTwoInstances, type TwoInstances } from "./two-instances.ts";
import { Visitor } from "./visitor.ts";
import { type Order, questionOf } from "./wordy-provider.ts";

export interface SceneConversation {
  /** On the instance that produces. */
  readonly here: Visitor;
  readonly there: Visitor;
  /** What was said; an order's name is its message's id. */
  readonly orders: Order[];
}

export interface Scene extends TwoInstances {
  readonly conversations: readonly SceneConversation[];
  readonly meanings: Meanings;
  /** Lets it happen, and meanwhile says something in every conversation. Returns when it began. */
  fault(happen: (scene: TwoInstances) => Promise<void>): Promise<number>;
  /** What every tab was told, a line each. */
  readonly account: () => string;
}

/** Milliseconds between two words. */
const PACE_MS = 50;
/** 7 s, which a long fault outlasts, and 25 s, which outlast it. */
const WORDS = [140, 140, 500, 500] as const;
const SAID_AFTER_MS = 1_000;

export async function openScene(
  test: TestContext,
  { persistent }: { readonly persistent: boolean },
): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  test.after(() => stack.disposeAsync());
  const { redis, instances } = await startTwoInstances(stack, { persistent });
  const [one, other] = instances;
  const meanings = new Meanings();
  const conversations = await Promise.all(
    WORDS.map((words, index) =>
      talk(index % 2 === 0 ? [one, other] : [other, one], meanings, {
        name: `reply-${index}`,
        words,
        paceMs: [PACE_MS, 5],
      }),
    ),
  );
  const visitors = conversations.flatMap(({ here, there }) => [here, there]);
  stack.defer(async () => {
    await Promise.all(visitors.map((visitor) => visitor.leave()));
  });
  const enough = (visitor: Visitor): boolean =>
    [...visitor.runs.values()].some(({ text }) => text.length > 200);
  await until("words in every tab", () => visitors.every(enough), 20_000);
  return {
    redis,
    instances,
    conversations,
    meanings,
    fault: async (happen) => {
      const faultAt = Date.now();
      const happening = happen({ redis, instances });
      await setTimeout(SAID_AFTER_MS);
      for (const [index, { here, orders }] of conversations.entries()) {
        const order = { name: `meanwhile-${index}`, words: 5, paceMs: [5] };
        orders.push(order);
        here.say(questionOf(order), order.name);
      }
      await happening;
      return faultAt;
    },
    account: () => visitors.map(accountOf).join("\n"),
  };
}

async function talk(
  [first, second]: readonly [Instance, Instance],
  meanings: Meanings,
  order: Order,
): Promise<SceneConversation> {
  const here = new Visitor(first, meanings);
  await until("a conversation", () => here.isJoined);
  here.say(questionOf(order), order.name);
  await until("that it was accepted", () => here.accepted.has(order.name));
  const there = new Visitor(second, meanings, here);
  await until("the other tab", () => there.isJoined);
  return { here, there, orders: [order] };
}

function accountOf(visitor: Visitor, index: number): string {
  const runs = [...visitor.runs.values()].map(({ messageId, outcome }) => `${messageId} ${outcome}`);
  const where = index % 2 === 0 ? "at the producer" : "at the other one";
  return `tab ${index >> 1} ${where}: ${visitor.told.join(", ")}; runs: ${runs.join(", ")}`;
}
