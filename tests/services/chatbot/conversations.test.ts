// What can be done with a conversation: make, open, say, stop, switch, read back, listen; and what is kept of it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createToken } from "#app/core/secrets.ts";
import { ChatCore, ENGINEER, endOf, MAIN } from "../../support/chat-core.ts";
import { settle } from "../../support/settle.ts";
import { handMadePersona } from "./hand-made-persona.ts";

const never = new Promise<void>(() => undefined);
const nobody = { persona: undefined, locale: undefined };

describe("making and opening a conversation", () => {
  it("gives a new one an id and a token of its own, answered by the main persona", async (test) => {
    const { conversations } = new ChatCore(test);
    const first = await conversations.create({ own: undefined, ...nobody });
    const second = await conversations.create({ own: undefined, ...nobody });
    const { conversation } = first.page;
    assert.match(conversation.id, /^[\w-]{22}$/);
    assert.match(first.resumeToken ?? "", /^[\w-]{22}$/);
    assert.notEqual(first.resumeToken, second.resumeToken);
    assert.notEqual(conversation.id, second.page.conversation.id);
    assert.deepEqual([first.created, conversation.persona.id, first.head.lastSeq], [true, "persona", 0]);
    assert.ok(
      !JSON.stringify(first.page).includes(first.resumeToken ?? "-"),
      "the token itself is stored nowhere",
    );
  });

  it("takes a client's own id and token, and is the same conversation the second time", async (test) => {
    const { conversations } = new ChatCore(test);
    const own = { id: createToken(), resumeToken: createToken() };
    const first = await conversations.create({ own, persona: ENGINEER, locale: "tr" });
    const again = await conversations.create({ own, ...nobody });
    assert.deepEqual([first.created, again.created, again.resumeToken], [true, false, undefined]);
    assert.deepEqual(again.page.conversation, first.page.conversation);
    assert.equal(again.page.conversation.persona.id, "engineer");
    assert.equal(again.head.epoch, first.head.epoch);
  });

  it("opens for its token only; a wrong one and an unknown id look the same", async (test) => {
    const { conversations } = new ChatCore(test);
    const own = { id: createToken(), resumeToken: createToken() };
    await conversations.create({ own, ...nobody });
    assert.equal((await conversations.open(own.id, own.resumeToken)).created, false);
    const refusals = [
      conversations.open(own.id, createToken()),
      conversations.open(own.id, ""),
      conversations.open(createToken(), own.resumeToken),
      conversations.create({ own: { id: own.id, resumeToken: createToken() }, ...nobody }),
    ];
    const errors = await Promise.all(refusals.map((refusal) => refusal.catch((error: unknown) => error)));
    for (const error of errors) assert.deepEqual(error, errors[0]);
    assert.equal(Object(errors[0]).code, "conversation_not_found");
  });

  it("does not exist for a persona that does not", async (test) => {
    const { conversations, parts } = new ChatCore(test);
    const persona = { kind: "object", id: "engineer" } as const;
    await assert.rejects(conversations.create({ own: undefined, persona, locale: undefined }), {
      code: "persona_not_found",
      details: persona,
    });
    assert.deepEqual(parts.storage.calls, [], "nothing was made");
  });
});

describe("saying something", () => {
  it("is stored before it is accepted, and answered", async (test) => {
    const core = new ChatCore(test);
    const { opened, shown, id } = await core.open();
    const accepted = await core.conversations.turns.say(opened.page.conversation, {
      id: "m1",
      text: "Hello",
    });
    assert.equal(accepted.messageId, "m1");
    assert.deepEqual([accepted.duplicate, accepted.position], [false, 0]);
    assert.equal((await endOf(shown, accepted.runId)).type, "RUN_FINISHED");
    const { messages } = await core.conversations.history(id, { limit: 10 });
    assert.deepEqual(
      messages.map(({ content }) => content),
      ["Hello", "ok"],
    );
  });

  it("makes an id where the client has none, and replaces half characters", async (test) => {
    const core = new ChatCore(test);
    const { opened, shown, id } = await core.open();
    const first = await core.conversations.turns.say(opened.page.conversation, { text: "a\ud83d" });
    const second = await core.conversations.turns.say(opened.page.conversation, { text: "a" });
    assert.notEqual(first.messageId, second.messageId);
    await endOf(shown, second.runId);
    assert.equal((await core.conversations.history(id, { limit: 4 })).messages[0]?.content, "a\ufffd");
  });

  it("starts nothing the second time, whether it waits, runs or is finished", async (test) => {
    const core = new ChatCore(test);
    const { opened, shown } = await core.open();
    const gate = Promise.withResolvers<void>();
    core.parts.model.script({ until: gate.promise }, "one");
    const say = () => core.conversations.turns.say(opened.page.conversation, { id: "m1", text: "Hello" });
    const [first, second] = await Promise.all([say(), say()]);
    assert.deepEqual([second.duplicate, second.runId], [true, first.runId]);
    await settle();
    assert.equal((await say()).state, "running");
    gate.resolve();
    await endOf(shown, first.runId);
    const late = await say();
    assert.deepEqual([late.duplicate, late.state, late.runId], [true, "finished", first.runId]);
    await settle();
    assert.equal(core.parts.model.calls.length, 1);
    await assert.rejects(
      core.conversations.turns.say(opened.page.conversation, { id: "m1", text: "Other" }),
      {
        code: "id_conflict",
      },
    );
  });

  it("is answered after all when it is sent again after storage had failed under it", async (test) => {
    const core = new ChatCore(test);
    const { opened, shown } = await core.open();
    core.parts.storage.beforeNext("acquire", () => Promise.reject(new Error("away")));
    const say = () => core.conversations.turns.say(opened.page.conversation, { id: "m1", text: "Hello" });
    const { runId } = await say();
    await settle();
    assert.deepEqual(shown.sent, []);
    assert.equal((await say()).duplicate, true);
    assert.equal((await endOf(shown, runId)).type, "RUN_FINISHED");
  });

  it("refuses a sixth message while one is answered and four wait", async (test) => {
    const core = new ChatCore(test);
    const { opened } = await core.open();
    core.parts.model.script({ until: never });
    const say = () => core.conversations.turns.say(opened.page.conversation, { text: "a" });
    for (let count = 0; count < 5; count += 1) await say();
    await assert.rejects(say(), { code: "queue_full" });
  });

  it("refuses what is longer than the persona reads, and stores nothing of it", async (test) => {
    const limits = { maxInputChars: 5, historyMessages: 20, knowledgeTokens: 800 };
    const core = new ChatCore(test, { personas: [handMadePersona({ ...MAIN, limits })] });
    const { opened, id } = await core.open();
    const refused = core.conversations.turns.say(opened.page.conversation, { text: "123456" });
    await assert.rejects(refused, { code: "message_too_long", details: { maxChars: 5 } });
    assert.equal((await core.conversations.reopen(id)).page.conversation.line.length, 0);
    await core.conversations.turns.say(opened.page.conversation, { text: "12345" });
  });
});

describe("stopping and switching", () => {
  it("has nothing to stop before a message and after its end", async (test) => {
    const core = new ChatCore(test);
    const { opened, shown, id } = await core.open();
    await assert.rejects(core.conversations.turns.stop(id, undefined), { code: "already_finished" });
    const { runId } = await core.conversations.turns.say(opened.page.conversation, { text: "a" });
    await endOf(shown, runId);
    await assert.rejects(core.conversations.turns.stop(id, runId), { code: "already_finished" });
    await assert.rejects(core.conversations.turns.stop(createToken(), undefined), {
      code: "conversation_not_found",
    });
  });

  it("stops at whichever moment after the acceptance it comes", async (test) => {
    for (let turns = 0; turns < 12; turns += 1) {
      const core = new ChatCore(test, { runDeadlineMs: 1_000 });
      const { opened, shown, id } = await core.open();
      core.parts.model.script("a", { until: never });
      const { runId } = await core.conversations.turns.say(opened.page.conversation, { text: "a" });
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      await core.conversations.turns.stop(id, turns % 2 === 0 ? runId : undefined);
      assert.equal((await endOf(shown, runId)).type, "RUN_FINISHED", `after ${turns} turns`);
    }
  });

  it("lets another answer from now on, the running reply being stopped", async (test) => {
    const core = new ChatCore(test);
    const { opened, shown, id } = await core.open();
    core.parts.model.script("a", { until: never });
    const { runId } = await core.conversations.turns.say(opened.page.conversation, { text: "a" });
    await settle();
    await core.conversations.turns.switchPersona(id, { kind: "object", id: "card" });
    assert.deepEqual((await endOf(shown, runId)).outcome, { type: "cancelled" });
    await settle();
    const { conversation } = (await core.conversations.reopen(id)).page;
    assert.equal(core.conversations.personaOf(conversation).id, "card");
    assert.equal(shown.named("persona.changed").length, 1);
    await assert.rejects(core.conversations.turns.switchPersona(id, { kind: "persona", id: "no" }), {
      code: "persona_not_found",
    });
  });
});

describe("what is kept of a conversation on this instance", () => {
  it("is nothing once nobody reads and nothing runs; a reply goes on without its reader", async (test) => {
    const core = new ChatCore(test);
    const { conversations, parts } = core;
    const gate = Promise.withResolvers<void>();
    parts.model.script("a", { until: gate.promise }, "b");
    const opened = await conversations.create({ own: undefined, ...nobody });
    const { conversation } = opened.page;
    const reader = await conversations.listen({
      conversationId: conversation.id,
      transport: {
        bufferedBytes: 0,
        send: () => undefined,
        whenDrained: async () => undefined,
        close: () => undefined,
      },
      onLevel: () => undefined,
      onLost: () => undefined,
    });
    reader.start(0, opened.head);
    await conversations.turns.say(conversation, { text: "a" });
    await settle();
    assert.deepEqual(conversations.counts, { live: 1, running: 1 });
    conversations.leave(conversation.id, reader);
    assert.deepEqual(conversations.counts, { live: 1, running: 1 });
    gate.resolve();
    await settle(30);
    assert.deepEqual(conversations.counts, { live: 0, running: 0 });
    const { messages } = await conversations.history(conversation.id, { limit: 10 });
    assert.equal(messages[1]?.content, "ab");
  });

  it("is nothing for conversations that are only looked at", async (test) => {
    const core = new ChatCore(test);
    const pair = { id: createToken(), resumeToken: createToken() };
    const { head } = await core.conversations.create({ own: pair, ...nobody });
    await core.conversations.history(pair.id, { limit: 1 });
    const recovered = async (epoch: string, after: number) =>
      (await core.conversations.open(pair.id, pair.resumeToken, { epoch, after })).recovered;
    assert.equal(await recovered(head.epoch, 0), true);
    assert.equal(await recovered("other", 0), false);
    assert.equal(await recovered(head.epoch, 1), false);
    assert.equal((await core.conversations.open(pair.id, pair.resumeToken)).recovered, undefined);
    assert.equal(core.conversations.counts.live, 0);
  });
});

describe("draining", () => {
  it("lets a running reply finish within its grace", async (test) => {
    const core = new ChatCore(test);
    const { opened, shown } = await core.open();
    const gate = Promise.withResolvers<void>();
    core.parts.model.script("a", { until: gate.promise }, "b");
    const { runId } = await core.conversations.turns.say(opened.page.conversation, { text: "a" });
    await settle();
    const drained = core.conversations.drain(60_000);
    gate.resolve();
    await drained;
    assert.equal((await endOf(shown, runId)).type, "RUN_FINISHED");
  });

  it("ends what has not finished by then, and what waits, as interrupted", async (test) => {
    const core = new ChatCore(test);
    const { opened, shown } = await core.open();
    core.parts.model.script("a", { until: never });
    const runs = [];
    for (const text of ["a", "b"])
      runs.push(await core.conversations.turns.say(opened.page.conversation, { text }));
    await settle();
    await core.conversations.drain(5);
    for (const { runId } of runs) assert.equal((await endOf(shown, runId)).code, "run_interrupted");
    assert.equal(core.conversations.counts.running, 0);
  });

  it("answers what comes within its grace, and takes nothing that it would not answer any more", async (test) => {
    const core = new ChatCore(test);
    const { opened, shown, id } = await core.open();
    const gate = Promise.withResolvers<void>();
    core.parts.model.script({ until: gate.promise }, "one");
    await core.conversations.turns.say(opened.page.conversation, { text: "a" });
    await settle();
    const drained = core.conversations.drain(60_000);
    const late = await core.conversations.turns.say(opened.page.conversation, { text: "b" });
    gate.resolve();
    await drained;
    assert.equal((await endOf(shown, late.runId)).type, "RUN_FINISHED");
    await assert.rejects(core.conversations.turns.say(opened.page.conversation, { text: "c" }), {
      code: "draining",
    });
    assert.equal((await core.conversations.reopen(id)).page.conversation.line.length, 0);
  });
});
