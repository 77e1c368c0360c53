// Two instances of the real app on one Redis: a visitor may be connected to either, and sees one conversation.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ownPair, Talk } from "../support/conversation.ts";
import { assertWithin } from "../support/held-up.ts";
import { RedisServer, type RedisServerOptions } from "../support/redis-server.ts";
import { type RunningApp, startApp } from "../support/running-app.ts";
import { createScriptedModel, type ScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { joinDeltas } from "../support/wire-invariants.ts";

interface Instance {
  readonly app: RunningApp;
  readonly model: ScriptedModel;
  /** A tab on this instance, in the conversation. */
  tab(fields?: object): Promise<Talk>;
}

async function startInstance(t: TestContext, url: string, pair: object): Promise<Instance> {
  const model = createScriptedModel();
  const app = await startApp(t, { model, registry: createSmallRegistry() }, { REDIS_URL: url });
  return {
    app,
    model,
    tab: async (fields = {}) => {
      const talk = new Talk(await app.connect());
      await talk.join({ ...pair, ...fields });
      return talk;
    },
  };
}

/** A Redis, two instances on it, and a conversation that has begun on the first one. */
async function startFleet(t: TestContext, options: RedisServerOptions = {}) {
  const server = await RedisServer.start(options);
  const pair = ownPair();
  const a = await startInstance(t, server.url, pair);
  const b = await startInstance(t, server.url, pair);
  const atA = await a.tab({ create: true });
  t.after(() => server[Symbol.asyncDispose]());
  return { server, pair, a, b, atA, atB: await b.tab() };
}

/** The numbered events, as they came. */
const numbered = (talk: Talk) => talk.events().map((frame) => JSON.stringify(frame));
const isLevel = (talk: Talk) => talk.custom("replayed");

describe("two instances on one Redis", () => {
  it("show a reply of one live on the other, the same bytes in the same order", async (t) => {
    const { a, atA, atB } = await startFleet(t);
    const gate = Promise.withResolvers<void>();
    const words = ["Good ", "day 😀 ", "Şimdi ", "\u0000\r\n"];
    a.model.script(...words, { until: gate.promise }, "and the end");
    const { runId } = await atA.say("Hello");
    await atB.heard(words.join(""));
    gate.resolve();
    const [seenAtA, seenAtB] = await Promise.all([atA.run(runId), atB.run(runId)]);
    assert.equal(seenAtB.text, `${words.join("")}and the end`);
    assert.deepEqual(seenAtB.frames, seenAtA.frames);
    assert.deepEqual(numbered(atB), numbered(atA));
  });

  it("answer a message that comes in on one where the other runs the conversation", async (t) => {
    const { a, b, atA, atB } = await startFleet(t);
    const gate = Promise.withResolvers<void>();
    a.model.script({ until: gate.promise }, "one");
    a.model.script("two");
    const first = await atA.say("first");
    await atB.client.next(({ type }) => type === "RUN_STARTED");
    const second = await atB.say("second");
    assert.deepEqual([second.position, second.state], [1, "waiting"]);
    for (const tab of [atA, atB]) {
      const waiting = Object(await tab.custom("message.accepted"));
      assert.deepEqual([waiting.runId, waiting.text], [second.runId, "second"]);
    }
    gate.resolve();
    assert.equal((await atB.run(first.runId)).text, "one");
    assert.equal((await atB.run(second.runId)).text, "two");
    await atA.run(second.runId);
    assert.deepEqual(numbered(atB), numbered(atA));
    assert.deepEqual([a.model.calls.length, b.model.calls.length], [2, 0]);
  });

  it("answer at once wherever the next message comes in, once the line is empty", async (t) => {
    const { a, b, atA, atB } = await startFleet(t);
    for (const [index, tab] of [atB, atA, atB, atB, atA].entries()) {
      const startedAt = performance.now();
      const { runId } = await tab.say(`Question ${index}`);
      for (const other of [atA, atB]) assert.equal((await other.run(runId)).outcome, "success");
      // Nobody waits for a lease to lapse.
      assertWithin(`answer ${index}`, performance.now() - startedAt, 2_000, startedAt);
    }
    assert.deepEqual(numbered(atB), numbered(atA));
    // Whoever still has the lease of the last reply answers the next one too.
    assert.equal(a.model.calls.length + b.model.calls.length, 5);
  });

  it("end a run of one within 250 ms of a stop that comes in on the other", async (t) => {
    const { a, atA, atB } = await startFleet(t);
    a.model.script("Good", { until: new Promise(() => undefined) });
    const { runId } = await atA.say("Hello");
    await atB.heard("Good");
    const startedAt = performance.now();
    atB.client.send({ type: "stop", runId });
    const [seen] = await Promise.all([atB.run(runId), atA.run(runId)]);
    assertWithin("the end on both", performance.now() - startedAt, 250, startedAt);
    assert.deepEqual([seen.outcome, seen.text], ["cancelled", "Good"]);
    assert.equal(a.model.active, 0);
    const { messages } = await atB.history();
    assert.deepEqual([messages[1]?.content, messages[1]?.metadata.partial], ["Good", true]);
  });

  it("show a tab that joins on the other in mid-reply all of it, from its own start", async (t) => {
    const { a, b, atA } = await startFleet(t);
    await atA.ask("before");
    const gate = Promise.withResolvers<void>();
    a.model.script("so far, ", { until: gate.promise }, "and on");
    const { runId } = await atA.say("Hello");
    await atA.heard("so far");
    const late = await b.tab();
    assert.deepEqual(
      (await late.snapshot()).messages.map(({ content }) => content),
      ["before", "ok"],
    );
    await isLevel(late);
    await late.heard("so far");
    gate.resolve();
    const [seenLate, seenAtA] = await Promise.all([late.run(runId), atA.run(runId)]);
    assert.equal(seenLate.text, "so far, and on");
    assert.deepEqual(seenLate.frames, seenAtA.frames);
  });

  it("go on after a position that was read on the other, without a gap or a repeat", async (t) => {
    const { a, b, atA, pair } = await startFleet(t);
    const gate = Promise.withResolvers<void>();
    a.model.script("one ", { until: gate.promise }, "two");
    const { runId } = await atA.say("Hello");
    await atA.heard("one");
    const after = Number(atA.events().at(-1)?.seq);
    const moved = new Talk(await b.app.connect());
    const { epoch } = await new Talk(await b.app.connect()).join(pair);
    assert.equal((await moved.join({ ...pair, epoch, after })).recovered, true);
    gate.resolve();
    await Promise.all([moved.client.next((frame) => frame.type === "RUN_FINISHED"), atA.run(runId)]);
    assert.deepEqual(numbered(moved), numbered(atA).slice(after));
    assert.equal(joinDeltas(moved.client.frames), "two");
  });

  it("show the readers of the producing instance nothing twice, and ask Redis for none of it", async (t) => {
    const { server, a, atA } = await startFleet(t);
    const second = await a.tab();
    const words = Array.from({ length: 200 }, (_, index) => `${index} `);
    // It ends only when the next one waits: in between, this instance would listen to the other one, too.
    const said = Promise.withResolvers<void>();
    a.model.script(...words, { until: said.promise });
    // Its own words do not come back to it: nothing but the other instance listens.
    const gate = Promise.withResolvers<void>();
    a.model.script({ until: gate.promise }, "late");
    const { runId } = await atA.say("Count");
    const next = await atA.say("And then?");
    said.resolve();
    for (const tab of [atA, second]) assert.equal((await tab.run(runId)).text, words.join(""));
    assert.equal(
      await server.command("PUBSUB", "SHARDCHANNELS").then((names) => names.split("live").length - 1),
      1,
    );
    gate.resolve();
    await Promise.all([atA.run(next.runId), second.run(next.runId)]);
    assert.deepEqual(numbered(second), numbered(atA));
  });

  it("let the one who answers be changed on either", async (t) => {
    const { a, atA, atB } = await startFleet(t);
    a.model.script("Good", { until: new Promise(() => undefined) });
    const { runId } = await atA.say("Hello");
    await atB.heard("Good");
    atB.client.send({ type: "persona", persona: "engineer" });
    assert.equal((await atB.run(runId)).outcome, "cancelled");
    for (const tab of [atA, atB]) assert.equal(Object(await tab.custom("persona.changed")).id, "engineer");
    const { runId: next } = await atA.say("Who are you?");
    const [started] = (await atB.run(next)).frames;
    assert.equal(Object(started?.metadata).persona.id, "engineer");
  });

  it("are one conversation for a message that is sent to both at the same time", async (t) => {
    const { a, b, atA, atB } = await startFleet(t);
    const fields = { id: "the-same" };
    const [one, other] = await Promise.all([atA.say("Hello", fields), atB.say("Hello", fields)]);
    assert.equal(one.runId, other.runId);
    assert.equal([one, other].filter(({ duplicate }) => duplicate).length, 1);
    await Promise.all([atA.run(one.runId), atB.run(one.runId)]);
    assert.equal(a.model.calls.length + b.model.calls.length, 1);
    assert.equal((await atA.history()).messages.length, 2);
  });

  it("answer everything in one order when both are spoken to at once", async (t) => {
    const { atA, atB } = await startFleet(t);
    for (let round = 0; round < 10; round += 1) {
      const said = await Promise.all([atA.say(`a${round}`), atB.say(`b${round}`)]);
      for (const { runId } of said) {
        for (const tab of [atA, atB]) assert.equal((await tab.run(runId)).outcome, "success");
      }
    }
    assert.deepEqual(numbered(atB), numbered(atA));
    const { messages } = await atB.history({ limit: 100 });
    assert.equal(messages.length, 40);
  });
});

describe("a conversation in Redis", () => {
  it("goes on after both instances were stopped and others started", async (t) => {
    const { server, pair, a, b, atA } = await startFleet(t);
    await atA.ask("What is the mill?");
    const seq = Number(atA.events().at(-1)?.seq);
    const { epoch } = await new Talk(await b.app.connect()).join(pair);
    await Promise.all([a.app.close(), b.app.close()]);
    const c = await startInstance(t, server.url, pair);
    const tab = new Talk(await c.app.connect());
    const joined = await tab.join({ ...pair, epoch, after: seq });
    assert.deepEqual([joined.recovered, joined.storage, joined.new], [true, "redis", false]);
    const run = await tab.ask("And then?");
    assert.equal(run.frames[0]?.seq, seq + 1);
    assert.deepEqual(
      (await tab.history()).messages.map(({ content }) => content),
      ["What is the mill?", "ok", "And then?", "ok"],
    );
    assert.ok(c.model.calls[0]?.messages.some(({ content }) => content === "What is the mill?"));
  });

  it("is live again on both after a restart of Redis while nobody spoke", async (t) => {
    const { server, atA, atB } = await startFleet(t, { persistent: true });
    await atA.ask("before");
    await server.restart();
    // A refusal says that it can be tried again; a client does so under the same id.
    const say = async (tab: Talk, text: string) => {
      const deadline = performance.now() + 15_000;
      for (let attempt = 0; ; attempt += 1) {
        const commandId = `${text}-${attempt}`;
        tab.client.send({ type: "message", text, id: text, commandId });
        // Errors that answer nothing tell readers that the others cannot be heard yet.
        const answer = await tab.client.next(({ value }) => Object(value).commandId === commandId);
        const value = Object(answer.value);
        if (answer.name === "accepted") return String(value.runId);
        const isInTime = performance.now() < deadline;
        assert.deepEqual([value.code, value.retryable, isInTime], ["storage_unavailable", true, true]);
        await pause(Math.min(Number(value.retryAfterMs ?? 100), 100));
      }
    };
    for (const [tab, other] of [
      [atA, atB],
      [atB, atA],
    ] as const) {
      const runId = await say(tab, tab === atA ? "after" : "and-again");
      assert.equal((await tab.run(runId)).outcome, "success");
      assert.equal((await other.run(runId)).outcome, "success");
    }
    assert.equal((await atB.history()).messages.length, 6);
  });

  it("is begun in memory where Redis is away at the start, and health says so", async (t) => {
    const model = createScriptedModel();
    const startedAt = performance.now();
    const app = await startApp(
      t,
      { model, registry: createSmallRegistry() },
      { REDIS_URL: "redis://127.0.0.1:1" },
    );
    assertWithin("the start", performance.now() - startedAt, 5_000, startedAt);
    const talk = new Talk(await app.connect());
    assert.equal((await talk.join()).storage, "memory");
    assert.equal((await talk.ask("Hello")).outcome, "success");
    const health = await fetch(`${app.url}/health`);
    const report = Object(await health.json());
    assert.deepEqual([health.status, report.status, report.storage], [200, "degraded", "memory"]);
    assert.equal((await fetch(`${app.url}/health/ready`)).status, 200);
    assert.equal(app.log.named("storage_degraded").length, 1);
  });
});
