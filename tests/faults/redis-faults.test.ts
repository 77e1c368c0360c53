// Redis is emptied, restarted and frozen in mid-reply, with two instances and tabs on both. Held against the page's
// promises: no number with two meanings, nobody left in silence, every accepted message answered once or its end told.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { assertWithin } from "../support/held-up.ts";
import { until } from "../support/until.ts";
import { comeWhileAway, type Newcomer } from "./newcomer.ts";
import { openScene, type Scene } from "./redis-scene.ts";
import { type ReadRun, Visitor } from "./visitor.ts";
import { tellVisitorReplies } from "./visitor-replies.ts";
import { questionOf, replyTo } from "./wordy-provider.ts";

/** 1.6 lives of a lease. */
const FROZEN_MS = 16_000;
const AWAY_MS = 3_000;
/** A lease's life, the longest pause between two attempts to reach Redis, and what a loaded machine takes. */
const SILENCE_MS = 10_000 + 5_000 + 5_000;
const ANSWERED_WITHIN_MS = 60_000;
/** One second, and what a loaded machine takes. */
const TOLD_WITHIN_MS = 1_500;
const ANEW = { name: "anew", words: 5, paceMs: [5] };

describe("Redis in mid-reply", { concurrency: 2 }, () => {
  it("restarted with what it had: every accepted message is answered once", async (test) => {
    const scene = await openScene(test, { persistent: true });
    const faultAt = await scene.fault(async ({ redis }) => {
      await redis.kill();
      await setTimeout(AWAY_MS);
      await redis.restart();
    });
    await assertGoesOn(test, scene, faultAt);
  });

  it("frozen for longer than a lease lives: every accepted message is answered once", async (test) => {
    const scene = await openScene(test, { persistent: false });
    const [first] = scene.conversations;
    assert.ok(first);
    let newcomer: Newcomer | undefined;
    let whileFrozen: readonly ReadRun[] = [];
    const timedFrom = performance.now();
    const faultAt = await scene.fault(async ({ redis, instances: [instance] }) => {
      redis.pause();
      const coming = comeWhileAway(instance, first.here.key, ANEW);
      await setTimeout(FROZEN_MS);
      newcomer = await coming;
      whileFrozen = scene.conversations.flatMap(({ here }) =>
        [...here.runs.values()].map((run) => ({ ...run })),
      );
      redis.resume();
    });
    await assertGoesOn(test, scene, faultAt);
    test.diagnostic(`who came while it was frozen: ${JSON.stringify(newcomer)}`);
    await test.test("who comes to an old conversation meanwhile is told to try again, within 1 s", () => {
      assert.equal(newcomer?.toExisting.what, "storage_unavailable");
      assertWithin("the answer", newcomer.toExisting.afterMs, TOLD_WITHIN_MS, timedFrom);
    });
    await test.test("who opens a new one is served from memory", () => {
      assert.deepEqual([newcomer?.toNew.what, newcomer?.storage], ["joined", "memory"]);
      assert.equal(newcomer?.reply, replyTo(ANEW));
    });
    await test.test("a running reply finishes meanwhile, before its reader", () => {
      // Those of 7 s; the others are still under way.
      for (const name of ["reply-0", "reply-1"]) {
        const run = whileFrozen.findLast(({ messageId }) => messageId === name);
        assert.equal(run?.outcome, "success", name);
      }
    });
    await test.test("nobody is left without a word for longer", () => {
      const visitors = scene.conversations.flatMap(({ here, there }) => [here, there]);
      const silences = visitors.map((visitor) =>
        visitor.longestSilence(faultAt, visitor.lastTold ?? Date.now()),
      );
      assertWithin(`silences of ${silences.join(", ")} ms`, Math.max(...silences), 10_000, timedFrom);
    });
  });

  it("emptied: everyone is told what became of the conversation, and a new one works", async (test) => {
    const scene = await openScene(test, { persistent: false });
    const faultAt = await scene.fault(async ({ redis }) => {
      await redis.command("FLUSHALL");
    });
    await assertStartsAnew(test, scene, faultAt);
  });

  it("restarted with nothing: everyone is told what became of the conversation, and a new one works", async (test) => {
    const scene = await openScene(test, { persistent: false });
    const faultAt = await scene.fault(async ({ redis }) => {
      await redis.kill();
      await setTimeout(AWAY_MS);
      await redis.restart();
    });
    await assertStartsAnew(test, scene, faultAt);
  });
});

/** Nothing was lost: each message of each conversation has its whole answer, once, in the history of both instances. */
async function assertGoesOn(test: TestContext, scene: Scene, faultAt: number): Promise<void> {
  await untilAllTold(scene, ({ outcome }) => outcome !== "run_interrupted");
  assertNeverSilent(test, scene, faultAt, Date.now());
  await sayOneMore(scene);
  for (const { here, there, orders } of scene.conversations) {
    const [history, same] = [await here.history(), await there.history()];
    assert.deepEqual(history, same, "both instances show the same history");
    for (const order of orders) {
      const count = (text: string) => history?.filter((content) => content === text).length;
      assert.equal(count(questionOf(order)), 1, `${order.name} stands once`);
      assert.equal(count(replyTo(order)), 1, `${order.name} is answered once: ${scene.account()}`);
      for (const tab of [here, there])
        assert.ok(tab.runOf(order.name)?.text === replyTo(order), `${order.name} was read byte for byte`);
    }
    assert.equal(history?.length, orders.length * 2, "and nothing else is there");
  }
  await assertSound(test, scene);
}

/** What was lost was told: the reply ended with an event, or the conversation is not found. */
async function assertStartsAnew(test: TestContext, scene: Scene, faultAt: number): Promise<void> {
  await untilAllTold(scene, () => true);
  assertNeverSilent(test, scene, faultAt, Date.now());
  await sayOneMore(scene);
  for (const { here, there, orders } of scene.conversations)
    for (const visitor of [here, there]) {
      const history = (await visitor.history()) ?? [];
      for (const order of orders) {
        const count = history.filter((content) => content === replyTo(order)).length;
        assert.ok(count <= 1, `${order.name} was answered ${count} times`);
      }
    }
  for (const instance of scene.instances) {
    const visitor = new Visitor(instance, scene.meanings);
    visitor.say(questionOf(ANEW), "anew");
    await until(
      "an answer in a new conversation",
      () => visitor.runOf("anew")?.outcome !== undefined,
      10_000,
    );
    assert.deepEqual(visitor.runOf("anew"), { messageId: "anew", text: replyTo(ANEW), outcome: "success" });
    await visitor.leave();
  }
  await assertSound(test, scene);
}

/** Every tab knows what became of every accepted message. */
async function untilAllTold(
  { conversations, account }: Scene,
  isEnd: (run: { outcome: string }) => boolean,
): Promise<void> {
  const isTold = (visitor: Visitor, messageId: string): boolean => {
    const outcome = visitor.runOf(messageId)?.outcome;
    return visitor.isGone || (outcome !== undefined && isEnd({ outcome }));
  };
  const allTold = (): boolean =>
    conversations.every(({ here, there, orders }) =>
      orders.every(({ name }) => {
        const wasAccepted = here.accepted.has(name);
        return [here, there].every((tab) => (wasAccepted ? isTold(tab, name) : tab.isGone));
      }),
    );
  try {
    await until("word of every message", allTold, ANSWERED_WITHIN_MS);
  } catch (cause) {
    throw new Error(`not everyone was told:\n${account()}`, { cause });
  }
}

function assertNeverSilent(test: TestContext, scene: Scene, since: number, now: number): void {
  const visitors = scene.conversations.flatMap(({ here, there }) => [here, there]);
  const silences = visitors.map((visitor) => visitor.longestSilence(since, visitor.lastTold ?? now));
  const epochs = scene.conversations.map(({ here }) => scene.meanings.epochsOf(here.key.conversationId));
  test.diagnostic(
    `longest silence ${Math.max(...silences)} ms; all told ${now - since} ms after the fault; ${scene.meanings.count} numbers in ${epochs.join("+")} epochs, one meaning each`,
  );
  for (const line of scene.account().split("\n")) test.diagnostic(line);
  for (const silence of silences) assert.ok(silence < SILENCE_MS, `silence of ${silence} ms`);
}

/** The old connections are of use, or have said that they are not. */
async function sayOneMore({ conversations, account }: Scene): Promise<void> {
  for (const [index, { here, there, orders }] of conversations.entries()) {
    const order = { name: `more-${index}`, words: 5, paceMs: [5] };
    here.say(questionOf(order), order.name);
    const hasEnd = (tab: Visitor): boolean => tab.isGone || tab.runOf(order.name)?.outcome !== undefined;
    const isTold = (): boolean => here.isGone || (hasEnd(here) && hasEnd(there));
    await until("an answer to one more message", isTold, 15_000).catch((cause: unknown) => {
      throw new Error(`one more message:\n${account()}`, { cause });
    });
    if (!here.isGone) orders.push(order);
  }
}

async function assertSound(test: TestContext, { conversations, instances }: Scene): Promise<void> {
  const visits = conversations.map(({ here, there, orders }) => ({ visitor: here, beside: there, orders }));
  await tellVisitorReplies(test, "Redis in mid-reply", visits);
  for (const { here, there } of conversations)
    for (const visitor of [here, there]) {
      await visitor.leave();
      visitor.assertSound();
    }
  for (const instance of instances) {
    assert.equal(instance.isAlive, true);
    assert.equal(instance.errors, "");
  }
}
