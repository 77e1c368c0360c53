// Finding what a visitor has asked: in the line, or however far back in the history.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { findQuestion, lastQuestion, namedQuestion } from "#app/services/chatbot/question.ts";
import { messageTurn, openConversation, personaTurn, replyTo } from "../../contracts/conversation-samples.ts";
import { revisionTurn } from "../../contracts/revision-samples.ts";
import { storageFor } from "../../support/watched-storage.ts";

/** A conversation of so many answered messages `m0`, `m1`, …, whose texts are `text 0`, … */
async function startTalk(t: TestContext, count: number) {
  const storage = storageFor(t);
  const { store } = storage;
  const { id, lease } = await openConversation(storage);
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const turn = messageTurn(`text ${index}`, `m${index}`);
    const reply = replyTo(turn, `reply ${index}`);
    await store.accept(id, turn);
    await store.record(lease, { type: "run-finished", runId: turn.runId, reply, seq: index + 1 });
    ids.push(turn.message.id, reply.id);
  }
  return { storage, store, id, lease, ids };
}

describe("a question in the history", () => {
  for (const [count, index] of [
    [1, 0],
    [3, 0],
    [3, 2],
    [50, 0],
    [51, 0],
    [51, 1],
    [130, 0],
    [130, 29],
    [130, 30],
    [130, 79],
    [130, 80],
  ] as const) {
    it(`is found with all that follows it: ${index} of ${count}`, async (t) => {
      const { store, id, ids } = await startTalk(t, count);
      const found = await findQuestion(store, id, `m${index}`);
      assert.equal(found?.message.content, `text ${index}`);
      assert.deepEqual(found?.followers, ids.slice(2 * index + 1));
      assert.equal((await namedQuestion(store, id, `m${index}`))?.content, `text ${index}`);
    });
  }

  it("is not found under an unknown id, in a history of any length, an empty one too", async (t) => {
    for (const count of [0, 1, 50, 60]) {
      const { store, id } = await startTalk(t, count);
      assert.equal(await findQuestion(store, id, "unknown"), undefined);
      assert.equal(await namedQuestion(store, id, "unknown"), undefined);
    }
  });

  it("is read a hundred messages at a time", async (t) => {
    const { storage, store, id } = await startTalk(t, 130);
    const before = storage.calls.length;
    await namedQuestion(store, id, "m0");
    assert.deepEqual(storage.calls.slice(before), ["page", "page", "page"]);
    await assert.rejects(findQuestion(store, "x".repeat(22), "m0"), { code: "conversation_not_found" });
  });
});

describe("what a message says by now", () => {
  it("is what its newest turn in the line says: asked, edited, edited again", async (t) => {
    const { store, id } = await startTalk(t, 1);
    await store.accept(id, messageTurn("waits", "w"));
    assert.partialDeepStrictEqual(await namedQuestion(store, id, "w"), { id: "w", content: "waits" });
    for (const text of ["one", "two"]) {
      for (const messageId of ["m0", "w"]) {
        const turn = revisionTurn(messageId, text);
        await store.accept(id, turn);
        const { createdAt } = turn;
        assert.deepEqual(await namedQuestion(store, id, messageId), {
          id: messageId,
          content: text,
          createdAt,
        });
      }
    }
  });
});

describe("the question that was asked last", () => {
  it("is the newest of the history where the line is empty, over answers and none", async (t) => {
    const { store, id, lease } = await startTalk(t, 3);
    assert.equal((await lastQuestion(store, id))?.id, "m2");
    const silent = messageTurn("silent", "silent");
    await store.accept(id, silent);
    await store.record(lease, { type: "run-finished", runId: silent.runId, seq: 9 });
    assert.equal((await lastQuestion(store, id))?.id, "silent");
  });

  it("is what is being answered or about to be, not what waits behind it, nor a choice of persona", async (t) => {
    const { store, id, lease } = await startTalk(t, 1);
    const [first, second] = [messageTurn("first", "f"), messageTurn("second", "s")];
    for (const turn of [personaTurn("card"), first, second]) await store.accept(id, turn);
    assert.equal((await lastQuestion(store, id))?.id, "f");
    await store.record(lease, { type: "run-started", runId: first.runId });
    assert.equal((await lastQuestion(store, id))?.id, "f");
    await store.record(lease, { type: "run-finished", runId: first.runId, seq: 5 });
    assert.equal((await lastQuestion(store, id))?.id, "s");
  });

  it("is what a revision asks, with its new text, where that stands first", async (t) => {
    const { store, id } = await startTalk(t, 2);
    const turn = revisionTurn("m0", "changed");
    await store.accept(id, turn);
    const { createdAt } = turn;
    assert.deepEqual(await lastQuestion(store, id), { id: "m0", content: "changed", createdAt });
  });

  it("is none where nothing was asked", async (t) => {
    const { store, id } = await startTalk(t, 0);
    await store.accept(id, personaTurn("card"));
    assert.equal(await lastQuestion(store, id), undefined);
  });
});
