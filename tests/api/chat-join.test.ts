// Who may open a conversation, and what a client that opens it is told first.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { ownPair, Talk } from "../support/conversation.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

async function start(t: TestContext) {
  const model = createScriptedModel();
  const app = await startApp(t, { model, registry: createSmallRegistry() });
  return { app, model, open: async (query = "") => new Talk(await app.connect(query)) };
}

describe("joining", () => {
  it("makes a new conversation, and hands its token out once", async (t) => {
    const { open } = await start(t);
    const first = await open();
    const made = await first.join({ commandId: "j1" });
    assert.partialDeepStrictEqual(made, { new: true, lastSeq: 0, storage: "memory", commandId: "j1" });
    assert.match(made.resumeToken ?? "", /^[\w-]{22}$/);
    assert.equal(made.recovered, undefined);
    const { conversationId, resumeToken } = made;
    const back = await (await open()).join({ conversationId, resumeToken });
    assert.partialDeepStrictEqual(back, { conversationId, new: false, epoch: made.epoch });
    assert.equal(back.resumeToken, undefined);
  });

  it("makes another conversation for every socket that asks for one", async (t) => {
    const { open } = await start(t);
    const made = await Promise.all([1, 2, 3].map(async () => (await open()).join()));
    assert.equal(new Set(made.map(({ conversationId }) => conversationId)).size, 3);
    assert.equal(new Set(made.map(({ resumeToken }) => resumeToken)).size, 3);
  });

  it("takes a client's own id and token; the same pair again is the same conversation", async (t) => {
    const { open } = await start(t);
    const pair = ownPair();
    const first = await open();
    assert.partialDeepStrictEqual(await first.join({ ...pair, create: true }), { ...pair, new: true });
    const run = await first.ask("hello");
    const second = await open();
    const again = await second.join({ ...pair, create: true });
    assert.partialDeepStrictEqual(again, { conversationId: pair.conversationId, new: false });
    const { messages } = await second.snapshot();
    assert.deepEqual(
      messages.map(({ content }) => content),
      ["hello", run.text],
    );
  });

  it("makes one conversation of a pair that comes on ten sockets at once", async (t) => {
    const { open } = await start(t);
    const pair = ownPair();
    const talks = await Promise.all(Array.from({ length: 10 }, () => open()));
    const joins = await Promise.all(talks.map((talk) => talk.join({ ...pair, create: true })));
    assert.equal(joins.filter((joined) => joined.new).length, 1);
    assert.equal(new Set(joins.map(({ epoch }) => epoch)).size, 1);
    const { runId } = await (talks[3] ?? assert.fail()).say("to all of you");
    const texts = await Promise.all(talks.map(async (talk) => (await talk.run(runId)).text));
    assert.deepEqual(texts, Array(10).fill("ok"));
  });

  it("does not tell a wrong token from an unknown conversation", async (t) => {
    const { open } = await start(t);
    const { conversationId } = await (await open()).join();
    const stranger = await open();
    const answers: unknown[] = [];
    for (const frame of [
      { conversationId, resumeToken: ownPair().resumeToken },
      ownPair(),
      { conversationId, resumeToken: ownPair().resumeToken, create: true },
      { conversationId, resumeToken: ownPair().resumeToken, epoch: "x", after: 0 },
    ]) {
      stranger.client.send({ type: "join", ...frame });
      const { requestId: _, ...answer } = await stranger.refused();
      answers.push(answer);
    }
    const [first, ...others] = answers;
    assert.partialDeepStrictEqual(first, { code: "conversation_not_found", retryable: false });
    for (const other of others) assert.deepEqual(other, first);
    assert.equal(
      stranger.client.frames.some(({ name }) => name === "joined"),
      false,
    );
    assert.equal((await stranger.join()).new, true);
  });

  it("keeps the conversation a socket has when the next one cannot be opened", async (t) => {
    const { open } = await start(t);
    const talk = await open();
    const { conversationId } = await talk.join();
    talk.client.send({ type: "join", ...ownPair() });
    assert.equal((await talk.refused()).code, "conversation_not_found");
    assert.equal((await talk.ask("still here?")).frames[0]?.threadId, conversationId);
  });

  it("leaves the conversation before: its events come no more", async (t) => {
    const { model, open } = await start(t);
    const script = createPacedScript("one ", "two");
    model.script(...script.steps);
    const mover = await open();
    const first = await mover.join();
    const { conversationId, resumeToken } = first;
    const witness = await open();
    await witness.join({ conversationId, resumeToken });
    const { runId } = await mover.say("count");
    await mover.heard("one ");
    const second = await mover.join();
    assert.notEqual(second.conversationId, conversationId);
    script.finish();
    assert.equal((await witness.run(runId)).text, "one two");
    const other = await mover.ask("hello");
    assert.deepEqual(
      mover.events().map(({ seq }) => seq),
      mover.events().map((_, index) => index + 1),
    );
    assert.equal(other.frames[0]?.threadId, second.conversationId);
  });

  it("joins the same conversation twice without doubling its events", async (t) => {
    const { open } = await start(t);
    const talk = await open();
    const { conversationId, resumeToken } = await talk.join();
    for (let time = 0; time < 3; time += 1) await talk.join({ conversationId, resumeToken });
    await talk.ask("hello");
    const started = talk.client.frames.filter(({ type }) => type === "RUN_STARTED");
    assert.equal(started.length, 1);
  });

  it("speaks the language of the visitor's page", async (t) => {
    const { open } = await start(t);
    for (const [locale, language] of [
      ["tr", "tr"],
      ["TR-tr", "tr"],
      ["en-GB", "en"],
      ["de", "en"],
    ] as const) {
      const { persona } = await (await open()).join({ locale });
      assert.equal(persona.language, language, locale);
      assert.equal(persona.greeting.startsWith("İyi"), language === "tr");
    }
  });

  it("answers a persona that does not exist with persona_not_found, and makes nothing", async (t) => {
    const { open } = await start(t);
    const talk = await open();
    const pair = ownPair();
    for (const who of [{ persona: "nobody" }, { object: "engineer" }, { persona: "constructor" }]) {
      talk.client.send({ type: "join", ...pair, create: true, ...who });
      assert.equal((await talk.refused()).code, "persona_not_found");
    }
    talk.client.send({ type: "join", ...pair });
    assert.equal((await talk.refused()).code, "conversation_not_found");
  });

  it("takes no more new conversations of one address than messages a minute", async (t) => {
    const app = await startApp(
      t,
      { model: createScriptedModel(), registry: createSmallRegistry() },
      { MESSAGES_PER_MINUTE: "3" },
    );
    const talk = new Talk(await app.connect());
    const made = [await talk.join(), await talk.join(), await talk.join()];
    talk.client.send({ type: "join" });
    const refusal = await talk.refused();
    assert.partialDeepStrictEqual(refusal, { code: "rate_limited", retryable: true });
    assert.ok((refusal.retryAfterMs ?? 0) > 50_000);
    const [{ conversationId, resumeToken } = assert.fail()] = made;
    assert.equal((await talk.join({ conversationId, resumeToken })).new, false);
    for (let count = 0; count < 3; count += 1) await talk.ask("hello");
    talk.client.send({ type: "message", text: "one too many" });
    assert.equal((await talk.refused()).code, "rate_limited");
  });
});

describe("the snapshot of a conversation", () => {
  it("shows the last 50 finished messages, then those that wait, then replays the open reply from its start", async (t) => {
    const { model, open } = await start(t);
    const talk = await open();
    const { conversationId, resumeToken } = await talk.join();
    for (let turn = 1; turn <= 30; turn += 1) await talk.ask(`question ${turn}`);
    const script = createPacedScript("open ", "reply");
    model.script(...script.steps);
    const running = await talk.say("the running one");
    await talk.heard("open ");
    await talk.say("the waiting one", { id: "waits" });

    const late = await open();
    const joined = await late.join({ conversationId, resumeToken });
    assert.equal(joined.activeRunId, running.runId);
    const { seq, messages } = await late.snapshot();
    assert.equal(messages.length, 51);
    assert.deepEqual([messages[0]?.content, messages[49]?.content], ["question 6", "ok"]);
    assert.partialDeepStrictEqual(messages[50], { id: "waits", metadata: { waiting: true } });
    assert.doesNotMatch(JSON.stringify(messages), /open |the running one/);

    const replayed = await late.custom("replayed");
    assert.deepEqual(replayed, { lastSeq: joined.lastSeq });
    script.finish();
    const run = await late.run(running.runId);
    assert.equal(run.text, "open reply");
    assert.deepEqual([run.frames[0]?.type, run.frames[0]?.seq], ["RUN_STARTED", seq + 1]);
    assert.deepEqual(run, await talk.run(running.runId));
  });

  it("comes before every event, and is followed by `replayed` exactly once", async (t) => {
    const { open } = await start(t);
    const talk = await open();
    const { conversationId, resumeToken } = await talk.join();
    await talk.ask("hello");
    const late = await open();
    await late.join({ conversationId, resumeToken });
    await late.ask("more");
    const names = late.client.frames.map(({ type, name }) => name ?? type);
    assert.deepEqual(names.slice(0, 4), ["hello", "joined", "MESSAGES_SNAPSHOT", "replayed"]);
    assert.equal(names.filter((name) => name === "replayed").length, 1);
  });
});
