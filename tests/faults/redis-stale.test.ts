// Redis is killed and comes back with what it had saved before: real processes, tabs on two instances, in mid-reply and
// at rest. What was accepted after the save and not answered yet is answered all the same; what was finished after it is
// forgotten, and everybody is told so.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { Talk } from "../support/conversation.ts";
import { openSocket } from "../support/socket-client.ts";
import type { Instance } from "./instance.ts";
import type { Meanings } from "./meanings.ts";
import { assertNothingLost, openStaleScene, type StaleScene } from "./stale-scene.ts";
import { type Order, questionOf, replyTo } from "./wordy-provider.ts";

const AWAY_MS = 3_000;
/** Characters. */
const WHOLE = Number.POSITIVE_INFINITY;
const NOTICED_WITHIN_MS = 10_000;
const RETRY_MS = 100;
/** Longer than a lease lives. */
const LONG_AWAY_MS = 12_000;
const ATTEMPTS = 5;
const RETRY_UNTOLD_MS = 1_000;
const refusalSchema = z.object({
  code: z.literal("storage_unavailable"),
  retryable: z.literal(true),
  retryAfterMs: z.number().optional(),
});
const SETTLED: Order = { name: "settled", words: 5, paceMs: [5] };
/** 7 s at the first attempt. */
const LONG: Order = { name: "long", words: 140, paceMs: [50, 5] };
const BEHIND: Order = { name: "behind", words: 30, paceMs: [20, 5] };
const ANEW: Order = { name: "anew", words: 8, paceMs: [5] };
const LAST: Order = { name: "last", words: 5, paceMs: [5] };

/** Dies now, and comes back with what was saved. @returns when it died */
async function comeBackStale({ redis }: StaleScene, awayMs: number): Promise<number> {
  const faultAt = Date.now();
  await redis.kill();
  await pause(awayMs);
  await redis.restart();
  return faultAt;
}

describe("Redis comes back with an older state in mid-reply", { concurrency: 2 }, () => {
  for (const { saved, awayMs } of [
    { saved: "before anything was said", awayMs: AWAY_MS },
    { saved: "before anything was said", awayMs: 0 },
  ])
    it(`saved ${saved}, away for ${awayMs} ms: what was accepted since is answered once`, async (test) => {
      const scene = await openStaleScene(test);
      await scene.redis.command("SAVE");
      await scene.say(LONG);
      await scene.read(LONG, 200);
      const faultAt = await comeBackStale(scene, awayMs);
      await scene.say(LAST, "there");
      await assertNothingLost(test, scene, faultAt);
    });

  it("saved between two answers: what was accepted since is answered once", async (test) => {
    const scene = await openStaleScene(test);
    await scene.say(SETTLED);
    await scene.read(SETTLED, WHOLE);
    await scene.redis.command("SAVE");
    await scene.say(LONG, "there");
    await scene.read(LONG, 200);
    const faultAt = await comeBackStale(scene, AWAY_MS);
    await scene.say(LAST);
    await assertNothingLost(test, scene, faultAt);
  });

  for (const awayMs of [0, AWAY_MS, LONG_AWAY_MS])
    it(`saved in the midst of an answer, away for ${awayMs} ms: it is answered once`, async (test) => {
      const scene = await openStaleScene(test);
      await scene.say(LONG);
      await scene.read(LONG, 200);
      await scene.redis.command("SAVE");
      await scene.read(LONG, 600);
      const faultAt = await comeBackStale(scene, awayMs);
      await scene.say(LAST, "there");
      await assertNothingLost(test, scene, faultAt);
    });

  for (const { tab, where } of [
    { tab: "here", where: "on the instance that answers" },
    { tab: "there", where: "on the other instance" },
  ] as const)
    for (const { saved, isAmid } of [
      { saved: "before both", isAmid: false },
      { saved: "in the midst of the one before it", isAmid: true },
    ])
      it(`saved ${saved}: what waits in line, said ${where}, is answered once`, async (test) => {
        const scene = await openStaleScene(test);
        if (!isAmid) await scene.redis.command("SAVE");
        await scene.say(LONG);
        await scene.read(LONG, 200);
        if (isAmid) await scene.redis.command("SAVE");
        await scene.say(BEHIND, tab);
        await scene.read(LONG, 600);
        const faultAt = await comeBackStale(scene, AWAY_MS);
        await assertNothingLost(test, scene, faultAt);
      });

  it("saved in the midst of an answer, the next one already under way: both are answered once", async (test) => {
    const scene = await openStaleScene(test);
    const first: Order = { name: "first", words: 40, paceMs: [50, 5] };
    await scene.say(first);
    await scene.read(first, 100);
    await scene.redis.command("SAVE");
    await scene.say(LONG);
    await scene.read(LONG, 200);
    const faultAt = await comeBackStale(scene, AWAY_MS);
    await assertNothingLost(test, scene, faultAt);
  });
});

describe("Redis comes back with an older state at rest", { concurrency: 2 }, () => {
  for (const { who, comesFirst } of [
    { who: "somebody who comes back", comesFirst: true },
    { who: "a tab that has stayed", comesFirst: false },
  ])
    it(`noticed by ${who}: no lost position is continued, and what is left is shown`, async (test) => {
      const scene = await openStaleScene(test, 1);
      const [conversation] = scene.conversations;
      assert.ok(conversation);
      const { key } = conversation.here.visitor;
      const come = (instance: Instance, position: object = {}) =>
        comeIn(instance, scene.meanings, { ...key, ...position });
      const [one, other] = scene.instances;
      await ask(scene, SETTLED);
      const { lastSeq: keptSeq } = await come(one);
      await scene.redis.command("SAVE");
      for (const order of [BEHIND, LAST]) await ask(scene, order);
      const before = await come(one);
      const faultAt = await comeBackStale(scene, 0);
      // Finished after the save: how much of that may be forgotten is the operator's setting of Redis.
      conversation.orders.splice(1);

      const assertPositionsOfBefore = async (): Promise<void> => {
        const texts = conversation.orders.flatMap((order) => [questionOf(order), replyTo(order)]);
        for (const instance of [other, one])
          for (let after = 0; after <= before.lastSeq; after += 1) {
            const late = await come(instance, { epoch: before.epoch, after });
            // What both lives have is gone on from, under the new name; above it a number will be given again.
            const expected = after <= keptSeq ? [true, undefined] : [false, texts];
            assert.deepEqual([late.recovered, late.shown], expected, `from ${after}, kept to ${keptSeq}`);
            assert.notEqual(late.epoch, before.epoch);
          }
      };
      if (comesFirst) {
        await eventually("an answer of both", () => Promise.all([come(one), come(other)]));
        await assertPositionsOfBefore();
      }
      await ask(scene, ANEW, "there");
      await assertPositionsOfBefore();

      const now = await come(one);
      const seen = await come(other, { epoch: now.epoch, after: now.lastSeq - 3 });
      assert.deepEqual([seen.recovered, seen.epoch, seen.events], [true, now.epoch, 3]);
      await assertNothingLost(test, scene, faultAt);
    });
});

async function ask(scene: StaleScene, order: Order, tab?: "here" | "there"): Promise<void> {
  await scene.say(order, tab);
  await scene.read(order, WHOLE);
}

/** What a connection gets that comes in with that frame, until it is level; it asks again where it is told that this helps. */
async function comeIn(instance: Instance, meanings: Meanings, frame: { readonly conversationId: string }) {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await comeOnce(instance, meanings, frame);
    if ("epoch" in answer) return answer;
    assert.ok(attempt < ATTEMPTS, answer.code);
    await pause(answer.retryAfterMs ?? RETRY_UNTOLD_MS);
  }
}

async function comeOnce(instance: Instance, meanings: Meanings, frame: { readonly conversationId: string }) {
  const talk = new Talk(await openSocket(instance.socketUrl));
  try {
    const refused = talk.client
      .next(({ name }) => name === "error")
      .then(({ value }) => refusalSchema.parse(value));
    const answer = await Promise.race([talk.join(frame), refused]);
    if ("code" in answer) return answer;
    const { epoch, lastSeq, recovered } = answer;
    const shown = recovered ? undefined : (await talk.snapshot()).messages.map(({ content }) => content);
    await talk.custom("replayed");
    const events = talk.events();
    for (const event of events) meanings.note(frame.conversationId, epoch, event);
    return { epoch, lastSeq, recovered, shown, events: events.length };
  } finally {
    talk.client.terminate();
  }
}

/** Redis is back; that an instance has noticed takes it a moment. */
async function eventually(what: string, attempt: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + NOTICED_WITHIN_MS;
  for (;;) {
    const error = await attempt().then(
      () => undefined,
      (cause: unknown) => new Error(what, { cause }),
    );
    if (!error) return;
    if (performance.now() > deadline) throw error;
    await pause(RETRY_MS);
  }
}
