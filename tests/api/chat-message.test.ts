// Saying something: once, in order, with an id of one's own, in a line that is never longer than it may be.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { z } from "zod";
import { ownPair, Talk } from "../support/conversation.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

async function start(t: TestContext, maxInputChars?: number) {
  const model = createScriptedModel();
  const app = await startApp(t, { model, registry: createSmallRegistry(maxInputChars) });
  return { model, open: async () => new Talk(await app.connect()) };
}

describe("a message", () => {
  it("keeps the id its client gave it, everywhere it is shown", async (t) => {
    const { open } = await start(t);
    const talk = await open();
    const accepted = await talk.say("hello", { id: "my-own_id-1", commandId: "c" });
    assert.partialDeepStrictEqual(accepted, { messageId: "my-own_id-1", position: 0, commandId: "c" });
    const { frames } = await talk.run(accepted.runId);
    const input = z.object({ messages: z.array(z.unknown()) }).parse(frames[0]?.input);
    assert.deepEqual(input.messages, [{ id: "my-own_id-1", role: "user", content: "hello" }]);
    assert.equal((await talk.history()).messages[0]?.id, "my-own_id-1");
  });

  it("is answered once, however often it is sent: at once, while it runs, and afterwards", async (t) => {
    const { model, open } = await start(t);
    const script = createPacedScript("one ", "two");
    model.script(...script.steps);
    const talk = await open();
    for (let time = 0; time < 3; time += 1) talk.client.send({ type: "message", id: "m", text: "hello" });
    const first = await talk.accepted();
    assert.equal(first.duplicate, undefined);
    for (const again of [await talk.accepted(), await talk.accepted()]) {
      assert.partialDeepStrictEqual(again, { messageId: "m", runId: first.runId, duplicate: true });
    }
    await talk.heard("one ");
    const whileRunning = await talk.say("hello", { id: "m" });
    assert.partialDeepStrictEqual(whileRunning, { runId: first.runId, state: "running", duplicate: true });
    script.finish();
    await talk.run(first.runId);
    const afterwards = await talk.say("hello", { id: "m" });
    assert.partialDeepStrictEqual(afterwards, { runId: first.runId, state: "finished", duplicate: true });
    assert.equal((await talk.ask("next")).outcome, "success");
    assert.equal(model.calls.length, 2);
    assert.equal(talk.client.frames.filter(({ type }) => type === "RUN_STARTED").length, 2);
  });

  it("is answered once where a socket died before `joined`, and the pair came again on another", async (t) => {
    const { model, open } = await start(t);
    const pair = { ...ownPair(), create: true };
    const dead = await open();
    dead.client.send({ type: "join", ...pair });
    dead.client.send({ type: "message", id: "m", text: "hello" });
    await dead.accepted();
    dead.client.terminate();
    const talk = await open();
    await talk.join(pair);
    const again = await talk.say("hello", { id: "m" });
    assert.equal(again.duplicate, true);
    await talk.ask("next");
    assert.equal(model.calls.length, 2);
    const { messages } = await talk.history();
    assert.deepEqual(
      messages.map(({ content }) => content),
      ["hello", "ok", "next", "ok"],
    );
  });

  it("is answered once when two tabs send it in the same instant", async (t) => {
    const { model, open } = await start(t);
    const pair = { ...ownPair(), create: true };
    const tabs = await Promise.all([open(), open(), open(), open()]);
    await Promise.all(tabs.map((tab) => tab.join(pair)));
    const answers = await Promise.all(tabs.map((tab) => tab.say("hello", { id: "same" })));
    assert.equal(answers.filter(({ duplicate }) => !duplicate).length, 1);
    assert.equal(new Set(answers.map(({ runId }) => runId)).size, 1);
    await Promise.all(tabs.map((tab, index) => tab.run(answers[index]?.runId ?? "")));
    assert.equal(model.calls.length, 1);
  });

  it("with a known id and another text is refused, and the first one stays", async (t) => {
    const { open } = await start(t);
    const talk = await open();
    const { runId } = await talk.say("hello", { id: "m" });
    talk.client.send({ type: "message", id: "m", text: "something else", commandId: "c" });
    assert.partialDeepStrictEqual(await talk.refused(), { code: "id_conflict", commandId: "c" });
    await talk.run(runId);
    assert.equal((await talk.history()).messages[0]?.content, "hello");
  });

  it("may have the same id in another conversation", async (t) => {
    const { open } = await start(t);
    const [one, other] = [await open(), await open()];
    assert.equal((await one.say("hello", { id: "m" })).duplicate, undefined);
    assert.equal((await other.say("other text", { id: "m" })).duplicate, undefined);
  });

  it("that is too long for the persona is refused with the bound, and one of exactly that length is not", async (t) => {
    const { open } = await start(t, 20);
    const talk = await open();
    talk.client.send({ type: "message", text: "ü".repeat(21) });
    const refusal = await talk.refused();
    assert.partialDeepStrictEqual(refusal, { code: "message_too_long", details: { maxChars: 20 } });
    assert.equal((await talk.ask("ü".repeat(20))).outcome, "success");
    assert.equal((await talk.history()).messages.length, 2);
  });

  it("may be shown, and counted, with a lone surrogate replaced", async (t) => {
    const { model, open } = await start(t);
    const talk = await open();
    const { runId } = await talk.say("half \ud83d", { id: "m" });
    await talk.run(runId);
    assert.equal(model.calls[0]?.messages.at(-1)?.content, "half \ufffd");
    assert.equal((await talk.history()).messages[0]?.content, "half \ufffd");
    assert.equal((await talk.say("half \ud83d", { id: "m" })).duplicate, true);
  });
});

describe("the line of messages", () => {
  it("answers five quick messages of one socket in their order", async (t) => {
    const { model, open } = await start(t);
    const talk = await open();
    const texts = ["one", "two", "three", "four", "five"];
    for (const text of texts) model.script(`answer to ${text}`);
    for (const text of texts) talk.client.send({ type: "message", id: text, text });
    for (const [position, text] of texts.entries()) {
      const accepted = await talk.accepted();
      assert.equal(accepted.messageId, text);
      assert.ok(accepted.position <= position);
      assert.equal((await talk.run(accepted.runId)).text, `answer to ${text}`);
    }
    const { messages } = await talk.history();
    assert.deepEqual(
      messages.map(({ content }) => content),
      texts.flatMap((text) => [text, `answer to ${text}`]),
    );
  });

  it("takes four behind the running one, refuses the fifth, and takes it again when one has been answered", async (t) => {
    const { model, open } = await start(t);
    const script = createPacedScript("slow ", "answer");
    model.script(...script.steps);
    const talk = await open();
    const running = await talk.say("running");
    await talk.heard("slow ");
    for (let place = 1; place <= 4; place += 1) {
      const accepted = await talk.say(`waiting ${place}`);
      assert.partialDeepStrictEqual(accepted, { position: place, state: "waiting" });
    }
    talk.client.send({ type: "message", id: "fifth", text: "one too many" });
    assert.partialDeepStrictEqual(await talk.refused(), { code: "queue_full", retryable: true });
    script.finish();
    await talk.run(running.runId);
    const retried = await talk.say("one too many", { id: "fifth" });
    assert.equal(retried.duplicate, undefined);
    await talk.run(retried.runId);
    assert.equal(model.calls.length, 6);
  });

  it("shows every tab what waits, once", async (t) => {
    const { model, open } = await start(t);
    const script = createPacedScript("slow ", "answer");
    model.script(...script.steps);
    const [talk, tab] = [await open(), await open()];
    const { conversationId, resumeToken } = await talk.join();
    await tab.join({ conversationId, resumeToken });
    await talk.say("running");
    await talk.heard("slow ");
    const { runId, messageId } = await talk.say("waiting");
    const shown = await tab.custom("message.accepted");
    assert.deepEqual(shown, { messageId, runId, text: "waiting", position: 1 });
    script.finish();
    await Promise.all([talk.run(runId), tab.run(runId)]);
    for (const { client } of [talk, tab]) {
      assert.equal(client.frames.filter(({ name }) => name === "message.accepted").length, 1);
    }
    assert.equal(
      tab.client.frames.some(({ name }) => name === "accepted"),
      false,
    );
  });
});
