// Joining a conversation, and coming back to it: with a position, without one, in the middle of a reply, without a log.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { createToken } from "#app/core/secrets.ts";
import { endOf } from "../../support/chat-core.ts";
import { settle } from "../../support/settle.ts";
import { contents, start, startJoined } from "./talking.ts";

describe("joining", () => {
  it("makes a conversation and says how to come back; nothing is replayed in a new one", async (test) => {
    const { connect } = start(test);
    const client = connect();
    const joined = await client.tell({ type: "join", commandId: "1", locale: "tr-TR" }, "joined");
    assert.match(String(joined.conversationId), /^[\w-]{22}$/);
    assert.match(String(joined.resumeToken), /^[\w-]{22}$/);
    const { lastSeq, storage, commandId, recovered } = joined;
    assert.deepEqual(
      [joined.new, lastSeq, storage, commandId, recovered],
      [true, 0, "memory", "1", undefined],
    );
    assert.equal(Object(joined.persona).language, "tr");
    assert.equal(client.shown.sent.length, 1);
  });

  it("is answered by whom the frame names, else whom the connection chose", async (test) => {
    const { connect } = start(test);
    const chosen = { kind: "object", id: "card" } as const;
    assert.equal(Object((await connect(chosen).tell({ type: "join" }, "joined")).persona).id, "card");
    const named = await connect(chosen).tell({ type: "join", persona: "engineer" }, "joined");
    assert.equal(Object(named.persona).id, "engineer");
    await assert.rejects(connect().session.handle({ type: "join", persona: "card" }), {
      code: "persona_not_found",
    });
  });

  it("comes back with a snapshot, and then hears everything live", async (test) => {
    const { client, connect, back } = await startJoined(test);
    const { runId } = await client.tell({ type: "message", text: "Hello" }, "accepted");
    await endOf(client.shown, String(runId));
    const other = connect();
    const joined = await other.tell(back, "joined");
    assert.deepEqual([joined.new, joined.resumeToken], [false, undefined]);
    const order = other.shown.frames.map(({ name, type }) => name ?? type);
    assert.deepEqual(order, ["joined", "MESSAGES_SNAPSHOT", "replayed"]);
    assert.deepEqual(contents(other.shown.frames[1]), ["Hello", "ok"]);
    const again = await client.tell({ type: "message", text: "Again" }, "accepted");
    await endOf(other.shown, String(again.runId));
    assert.deepEqual(other.shown.seqs, client.shown.seqs.slice(-other.shown.seqs.length));
  });

  it("resumes after every position exactly what followed it, and nothing else", async (test) => {
    const { client, connect, back, joined } = await startJoined(test);
    for (const text of ["a", "b"]) {
      const { runId } = await client.tell({ type: "message", text }, "accepted");
      await endOf(client.shown, String(runId));
    }
    const all = client.shown.seqs;
    for (let after = 0; after <= all.length; after += 1) {
      const other = connect();
      const resumed = await other.tell({ ...back, epoch: String(joined.epoch), after }, "joined");
      assert.equal(resumed.recovered, true);
      assert.deepEqual(other.shown.seqs, all.slice(after));
      assert.deepEqual(Object(other.shown.frames.at(-1)?.value), { lastSeq: all.length });
    }
  });

  it("gets a whole snapshot where its position cannot be proved", async (test) => {
    const { client, connect, back, joined } = await startJoined(test);
    const { runId } = await client.tell({ type: "message", text: "Hello" }, "accepted");
    await endOf(client.shown, String(runId));
    for (const from of [
      { epoch: "another", after: 1 },
      { epoch: String(joined.epoch), after: 1_000 },
    ]) {
      const other = connect();
      assert.equal((await other.tell({ ...back, ...from }, "joined")).recovered, false);
      assert.deepEqual(contents(other.shown.named("MESSAGES_SNAPSHOT")[0]), ["Hello", "ok"]);
      assert.deepEqual(other.shown.seqs, []);
    }
  });

  it("in the middle of a reply replays that reply from its own start, then goes on live", async (test) => {
    const { core, client, connect, back } = await startJoined(test);
    const gate = Promise.withResolvers<void>();
    core.parts.model.script("Good", { until: gate.promise }, " day");
    const { runId } = await client.tell({ type: "message", text: "Hello" }, "accepted");
    const other = connect();
    assert.equal((await other.tell(back, "joined")).activeRunId, runId);
    assert.deepEqual(
      contents(other.shown.named("MESSAGES_SNAPSHOT")[0]),
      [],
      "no partial text in a snapshot",
    );
    gate.resolve();
    await endOf(other.shown, String(runId));
    assert.deepEqual(other.shown.seqs, client.shown.seqs);
  });

  it("leaves the conversation before, and hears nothing more of it", async (test) => {
    const { core, client, id } = await startJoined(test);
    const first = await core.conversations.reopen(id);
    await client.tell({ type: "join" }, "joined");
    const { length } = client.shown.sent;
    await core.conversations.turns.say(first.page.conversation, { text: "to the first" });
    await settle(30);
    assert.equal(client.shown.sent.length, length);
    const joined = client.shown.named("joined").map(({ value }) => Object(value).conversationId);
    assert.equal(new Set(joined).size, 2);
  });

  it("keeps the conversation it is in when another cannot be joined", async (test) => {
    const { client, back } = await startJoined(test);
    await assert.rejects(client.session.handle({ ...back, resumeToken: createToken() }), {
      code: "conversation_not_found",
    });
    const { runId } = await client.tell({ type: "message", text: "still here" }, "accepted");
    await endOf(client.shown, String(runId));
  });
});

describe("a reader that has lost the log", () => {
  it("gets a whole snapshot of the conversation as it is now", async (test) => {
    const { core, client, connect, back } = await startJoined(test);
    const { runId } = await client.tell({ type: "message", text: "Hello" }, "accepted");
    await endOf(client.shown, String(runId));
    const other = connect();
    core.parts.storage.replyToNextRead(undefined);
    await other.tell(back, "joined");
    await settle(30);
    const order = other.shown.frames.map(({ name, type }) => name ?? type);
    assert.deepEqual(order, ["joined", "MESSAGES_SNAPSHOT", "joined", "MESSAGES_SNAPSHOT", "replayed"]);
    assert.equal(Object(other.shown.named("joined")[1]?.value).recovered, false);
  });

  it("is sent away rather than round and round, where a snapshot does not help either", async (test) => {
    const { core, connect, back } = await startJoined(test);
    const other = connect();
    for (let read = 0; read < 50; read += 1) core.parts.storage.replyToNextRead(undefined);
    await other.tell(back, "joined");
    await settle(60);
    assert.ok(other.shown.sent.length < 10, `${other.shown.sent.length} frames`);
    assert.deepEqual(other.shown.closedWith, ["internalError"]);
  });

  it("is sent away to come back when the log cannot be read", async (test) => {
    const { core, connect, back } = await startJoined(test);
    const other = connect();
    core.parts.storage.beforeNext("read", () => Promise.reject(new AppError("storage_unavailable")));
    await other.tell(back, "joined");
    await settle();
    assert.deepEqual(other.shown.closedWith, ["internalError"]);
  });

  it("is told nothing of a conversation that it would not hear, and is asked to come again", async (test) => {
    const { core, connect, client, back } = await startJoined(test);
    const away = () => Promise.reject(new AppError("storage_unavailable"));
    client.session.close();
    const other = connect();
    // Once beside the look at the conversation, and once after it.
    const cannotBeHeard = () => {
      for (let attempt = 0; attempt < 2; attempt += 1) core.parts.storage.beforeNext("subscribe", away);
    };
    cannotBeHeard();
    await assert.rejects(other.session.handle(back), { code: "storage_unavailable" });
    assert.deepEqual(other.shown.sent, []);
    assert.equal((await other.tell(back, "joined")).new, false);
    // One who moves on to a conversation that cannot be heard stays where it was, and goes on hearing.
    cannotBeHeard();
    await assert.rejects(other.session.handle({ type: "join" }), { code: "storage_unavailable" });
    const { runId } = await other.tell({ type: "message", text: "Hello" }, "accepted");
    assert.equal((await endOf(other.shown, String(runId))).threadId, back.conversationId);
  });

  it("leaves nothing listening when its client goes while it comes in", async (test) => {
    const { core, connect, client, back } = await startJoined(test);
    client.session.close();
    const gate = Promise.withResolvers<void>();
    core.parts.storage.beforeNext("subscribe", () => gate.promise);
    const other = connect();
    const joining = other.session.handle(back);
    await settle();
    other.session.close();
    gate.resolve();
    await joining;
    assert.deepEqual([other.shown.sent, core.conversations.counts.live], [[], 0]);
  });
});
