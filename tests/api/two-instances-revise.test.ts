// Two instances of the real app on one Redis: a revision, and whoever is typing, from either side.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { conversationKey } from "#app/services/chatbot/redis-keys.ts";
import { ownPair, Talk } from "../support/conversation.ts";
import { assertWithin } from "../support/held-up.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { RedisServer } from "../support/redis-server.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

async function startInstance(t: TestContext, url: string, pair: object) {
  const model = createScriptedModel();
  const app = await startApp(t, { model, registry: createSmallRegistry() }, { REDIS_URL: url });
  const tab = async (fields: object = {}): Promise<Talk> => {
    const talk = new Talk(await app.connect());
    await talk.join({ ...pair, ...fields });
    return talk;
  };
  return { model, tab };
}

/** A conversation with one answered message, with a tab on each of two instances. */
async function startPair(t: TestContext) {
  const server = await RedisServer.start();
  t.after(() => server[Symbol.asyncDispose]());
  const pair = ownPair();
  const [a, b] = [await startInstance(t, server.url, pair), await startInstance(t, server.url, pair)];
  const atA = await a.tab({ create: true });
  await atA.run((await atA.say("one", { id: "one" })).runId);
  const atB = await b.tab();
  await atB.custom("replayed");
  const key = conversationKey(pair.conversationId, "lease");
  /** While a producer gives the lease back, it hears others by two ways, and may show a moment twice. */
  const isAtRest = async (): Promise<void> => {
    const isHeld = async () => !(await server.command("HGET", key, "untilMs")).endsWith("\n0");
    for (let look = 0; await isHeld(); look += 1) assert.ok(look < 1_000, "the lease was given back");
  };
  return { a, b, atA, atB, isAtRest };
}

type Pair = Awaited<ReturnType<typeof startPair>>;

/** A reply that A produces, so far as its first words. */
async function produceAtA({ a, atA, atB }: Pair) {
  const script = createPacedScript("half of it ", "the rest");
  a.model.script(...script.steps);
  const { runId } = await atA.say("two", { id: "two" });
  for (const tab of [atA, atB]) await tab.heard("half of it ");
  return { runId, script };
}

const numbered = (talk: Talk) => talk.events().map((frame) => JSON.stringify(frame));
const typingOf = ({ client }: Talk) => client.frames.filter(({ name }) => name === "typing");

async function tellsTyping(from: Talk, others: readonly Talk[]): Promise<void> {
  for (const state of ["start", "stop"] as const) {
    const before = others.map((other) => typingOf(other).length);
    from.client.send({ type: "typing", state });
    for (const other of others) assert.equal(Object(await other.custom("typing")).state, state);
    // A second copy would have come by the same way before the answers to these.
    for (const other of others) await other.caughtUp();
    assert.deepEqual(
      others.map((other) => typingOf(other).length),
      before.map((count) => count + 1),
    );
  }
}

describe("a revision on one of two instances", () => {
  for (const [name, send] of [
    ["an edit", (tab: Talk) => tab.edit("two", "deux")],
    ["a regeneration", (tab: Talk) => tab.regenerate()],
    ["an edit of an older message", (tab: Talk) => tab.edit("one", "uno")],
  ] as const) {
    it(`ends within 250 ms what the other one produces, and is answered there: ${name}`, async (t) => {
      const both = await startPair(t);
      const { atA, atB } = both;
      const { runId } = await produceAtA(both);
      const startedAt = performance.now();
      const accepted = await send(atB);
      assert.equal((await atB.run(runId)).outcome, "cancelled");
      assertWithin("the end", performance.now() - startedAt, 250, startedAt);
      for (const tab of [atA, atB]) assert.equal((await tab.run(accepted.runId)).outcome, "success");
      assert.deepEqual(numbered(atA).slice(-numbered(atB).length), numbered(atB));
      assert.deepEqual(await atA.contents(), await atB.contents());
      const expected = accepted.messageId === "one" ? 2 : 4;
      assert.equal((await atB.contents()).length, expected);
    });
  }

  it("is answered at once where nobody produces, on either", async (t) => {
    const { atA, atB } = await startPair(t);
    for (const [index, tab] of [atB, atA, atB].entries()) {
      const { runId } = await tab.edit("one", `text ${index}`);
      for (const each of [atA, atB]) assert.equal((await each.run(runId)).outcome, "success");
      assert.deepEqual(await atA.contents(), [`text ${index}`, "ok"]);
    }
  });

  it("from both at once leaves one conversation", async (t) => {
    const both = await startPair(t);
    const { atA, atB } = both;
    await produceAtA(both);
    const [mine, theirs] = await Promise.all([atA.edit("one", "mine"), atB.edit("one", "theirs")]);
    for (const { runId } of [mine, theirs]) for (const tab of [atA, atB]) await tab.run(runId);
    assert.deepEqual(await atA.contents(), await atB.contents());
    assert.equal((await atA.contents()).length, 2);
  });
});

describe("typing on one of two instances", () => {
  it("is shown once to every tab of the other and to the others of its own, while nobody produces", async (t) => {
    const { a, b, atA, atB, isAtRest } = await startPair(t);
    await isAtRest();
    const [alsoA, alsoB] = [await a.tab(), await b.tab()];
    for (const tab of [alsoA, alsoB]) await tab.custom("replayed");
    await tellsTyping(atB, [atA, alsoA, alsoB]);
    await tellsTyping(atA, [alsoA, atB, alsoB]);
    for (const tab of [atA, atB]) await tab.caughtUp();
  });

  it("is shown once to every tab while the one or the other produces", async (t) => {
    const both = await startPair(t);
    const { a, b, atA, atB, isAtRest } = both;
    const [alsoA, alsoB] = [await a.tab(), await b.tab()];
    for (const tab of [alsoA, alsoB]) await tab.custom("replayed");
    const { runId, script } = await produceAtA(both);
    await tellsTyping(atB, [atA, alsoA, alsoB]);
    await tellsTyping(atA, [alsoA, atB, alsoB]);
    script.finish();
    for (const tab of [atA, atB]) assert.equal((await tab.run(runId)).text, "half of it the rest");
    await isAtRest();
    await tellsTyping(atB, [atA, alsoA, alsoB]);
    await tellsTyping(atA, [alsoA, atB, alsoB]);
  });

  it("ends on the other one when its connection is cut", async (t) => {
    const { b, atA } = await startPair(t);
    const other = await b.tab();
    other.client.send({ type: "typing", state: "start" });
    assert.equal(Object(await atA.custom("typing")).state, "start");
    other.client.terminate();
    assert.equal(Object(await atA.custom("typing")).state, "stop");
  });

  it("is not heard in another conversation", async (t) => {
    const { b, atA, atB } = await startPair(t);
    const stranger = await b.tab({ ...ownPair(), create: true });
    atA.client.send({ type: "typing", state: "start" });
    await atB.custom("typing");
    await stranger.caughtUp();
    assert.deepEqual(typingOf(stranger), []);
  });
});

describe("feedback on one of two instances", () => {
  it("is there on the other", async (t) => {
    const { atA, atB } = await startPair(t);
    const replyId = (await atB.history()).messages[1]?.id;
    const comment = "İyi\n😀";
    atB.client.send({ type: "feedback", messageId: replyId, rating: "down", comment });
    await atB.custom("feedback.saved");
    assert.deepEqual((await atA.history()).messages[1]?.metadata.feedback, { rating: "down", comment });
  });
});
