// What an instance remembers of the turns it owes an answer to, and what it hands in again where the storage has forgotten.
// Against the store of the in-memory bundle: it forgets by being made anew. Failures come from gates around the real one.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { messageTurn, personaTurn } from "../../contracts/conversation-samples.ts";
import { revisedBy, revisionTurn, stopped } from "../../contracts/revision-samples.ts";
import { AFTER, acceptsOf, answered, BEFORE, openOwingScene } from "./owing.ts";

describe("turns that were accepted", () => {
  it("are not handed in again in the life in which they were known to stand in line", async () => {
    const scene = await openOwingScene();
    scene.owed.add(messageTurn("one"), scene.conversation, BEFORE);
    await scene.restore(BEFORE);
    assert.equal(acceptsOf(scene), 0);
    assert.deepEqual(scene.log.lines, []);
    assert.equal(scene.owed.isEmpty, false, "they may be forgotten later on");
  });

  it("are handed in again in another life, in their order, a line of the log each", async () => {
    const scene = await openOwingScene();
    const turns = ["one", "two", "three"].map((text) => messageTurn(text));
    for (const turn of turns) scene.owed.add(turn, scene.conversation, BEFORE);
    await scene.restore();
    assert.deepEqual(await scene.line(), turns);
    assert.deepEqual(
      scene.log.named("forgotten_turn_restored").map(({ level, fields }) => [level, fields.runId]),
      turns.map(({ runId }) => ["warn", runId]),
    );
  });

  it("are handed in again where nobody knew the life they were accepted in", async () => {
    const scene = await openOwingScene();
    const turn = messageTurn("one");
    scene.owed.add(turn, scene.conversation, undefined);
    await scene.restore();
    assert.deepEqual(await scene.line(), [turn]);
  });

  it("are looked for by the oldest life that one of them was accepted in", async () => {
    const scene = await openOwingScene();
    const [old, young] = [messageTurn("old"), messageTurn("young")];
    scene.owed.add(old, scene.conversation, BEFORE);
    // Its reader has heard of the new life already; the one before it has not been looked for there.
    scene.owed.add(young, scene.conversation, AFTER);
    await scene.storage.store.accept(scene.id, young);
    await scene.restore(AFTER);
    assert.deepEqual(await scene.line(), [young, old]);
  });

  it("are not doubled where the storage still has them, waiting or answered, and nothing is logged of them", async () => {
    const scene = await openOwingScene();
    const [done, waiting, forgotten] = [
      messageTurn("done"),
      messageTurn("waiting"),
      messageTurn("forgotten"),
    ];
    await answered(scene, done, "answer");
    await scene.storage.store.accept(scene.id, waiting);
    for (const turn of [done, waiting, forgotten]) scene.owed.add(turn, scene.conversation, BEFORE);
    await scene.restore();
    assert.deepEqual(await scene.line(), [waiting, forgotten]);
    assert.deepEqual(
      scene.log.lines.map(({ event, fields }) => [event, fields.runId]),
      [["forgotten_turn_restored", forgotten.runId]],
    );
  });

  it("are handed in once, however often the new life begins to be worked off", async () => {
    const scene = await openOwingScene();
    const turn = messageTurn("one");
    scene.owed.add(turn, scene.conversation, BEFORE);
    for (let tenure = 0; tenure < 3; tenure += 1) await scene.restore();
    assert.deepEqual(await scene.line(), [turn]);
    assert.equal(scene.log.named("forgotten_turn_restored").length, 1);
  });

  it("are owed no more once they are dropped", async () => {
    const scene = await openOwingScene();
    scene.owed.add(messageTurn("one"), scene.conversation, BEFORE);
    scene.owed.clear();
    assert.equal(scene.owed.isEmpty, true);
    await scene.restore();
    assert.equal(acceptsOf(scene), 0);
  });
});

describe("the line as it was last seen", () => {
  it("drops what has left it, and keeps what waits in it", async () => {
    const scene = await openOwingScene();
    const [gone, kept] = [messageTurn("gone"), messageTurn("kept")];
    for (const turn of [gone, kept]) scene.owed.add(turn, scene.conversation, BEFORE);
    scene.owed.settle({ ...scene.conversation, line: [kept] }, BEFORE);
    await scene.restore();
    assert.deepEqual(await scene.line(), [kept]);
  });

  it("is owed nothing once it is empty", async () => {
    const scene = await openOwingScene();
    scene.owed.add(messageTurn("one"), scene.conversation, BEFORE);
    scene.owed.settle({ ...scene.conversation, line: [] }, BEFORE);
    assert.equal(scene.owed.isEmpty, true);
    await scene.restore();
    assert.equal(acceptsOf(scene), 0);
  });

  it("is owed here although it was accepted elsewhere, in its order", async () => {
    const scene = await openOwingScene();
    const turns = [messageTurn("one"), messageTurn("two")];
    scene.owed.settle({ ...scene.conversation, line: turns }, BEFORE);
    assert.equal(scene.owed.isEmpty, false);
    await scene.restore();
    assert.deepEqual(await scene.line(), turns);
  });

  it("is known to stand in the life in which it was seen", async () => {
    const scene = await openOwingScene();
    const turn = messageTurn("one");
    scene.owed.add(turn, scene.conversation, BEFORE);
    scene.owed.settle({ ...scene.conversation, line: [turn] }, AFTER);
    await scene.restore(AFTER);
    assert.equal(acceptsOf(scene), 0);
    await scene.restore("life-after-that");
    assert.deepEqual(await scene.line(), [turn]);
  });
});

describe("what was accepted and never seen in line", () => {
  it("is missed there, and handed in again in the same life of the log", async () => {
    const scene = await openOwingScene();
    const turn = messageTurn("one");
    scene.owed.add(turn, scene.conversation, BEFORE);
    assert.equal(scene.owed.misses([]), true);
    await scene.restore(BEFORE);
    assert.deepEqual(await scene.line(), [turn]);
    assert.equal(scene.owed.misses([]), false, "and not looked for a second time");
  });

  it("is not missed where it stands, nor once it has been seen to", async () => {
    const scene = await openOwingScene();
    const turn = messageTurn("one");
    scene.owed.add(turn, scene.conversation, BEFORE);
    assert.equal(scene.owed.misses([turn]), false);
    scene.owed.settle({ ...scene.conversation, line: [turn] }, BEFORE);
    assert.equal(scene.owed.misses([]), false, "it was answered");
    await scene.restore(BEFORE);
    assert.equal(acceptsOf(scene), 0);
  });
});

describe("revisions and choices", () => {
  it("hand an edit in again as the edit", async () => {
    const scene = await openOwingScene();
    const question = messageTurn("before");
    await answered(scene, question, "answer");
    const edit = revisionTurn(question.message.id, "after");
    scene.owed.add(edit, scene.conversation, BEFORE);
    await scene.restore();
    assert.deepEqual(await scene.line(), [edit]);
    assert.equal(scene.log.named("forgotten_turn_restored").length, 1);
  });

  it("hand an edit in again as the edit after it has stood in line as a message", async () => {
    const scene = await openOwingScene();
    const question = messageTurn("before");
    await answered(scene, question, "answer");
    const edit = revisionTurn(question.message.id, "after");
    const { by } = revisedBy(edit, [], 5);
    scene.owed.add(edit, scene.conversation, BEFORE);
    scene.owed.settle({ ...scene.conversation, line: [by] }, BEFORE);
    await scene.restore();
    // As a message it would be an id that is known under another text.
    assert.deepEqual(await scene.line(), [edit]);
    assert.deepEqual(scene.log.named("forgotten_turn_not_restored"), []);
  });

  it("never undo what a newer edit of the same message says by now", async () => {
    const scene = await openOwingScene();
    const question = messageTurn("before");
    await answered(scene, question, "answer");
    const older = revisionTurn(question.message.id, "older");
    const newer = { ...revisionTurn(question.message.id, "newer"), createdAt: older.createdAt + 1 };
    scene.owed.add(older, scene.conversation, undefined);
    const { store } = scene.storage;
    for (const edit of [older, newer]) {
      await store.accept(scene.id, edit);
      await store.record(scene.lease, revisedBy(edit, [], 5));
      await store.record(scene.lease, { type: "run-finished", runId: edit.runId, seq: 6 });
    }
    assert.deepEqual(await scene.line(), []);
    const before = acceptsOf(scene);
    await scene.restore();
    assert.deepEqual([await scene.line(), acceptsOf(scene)], [[], before]);
  });

  it("hand an edit in behind the message it edits where both were forgotten", async () => {
    const scene = await openOwingScene();
    const question = messageTurn("before");
    const edit = revisionTurn(question.message.id, "after");
    for (const turn of [question, edit]) scene.owed.add(turn, scene.conversation, BEFORE);
    await scene.restore();
    assert.deepEqual(await scene.line(), [{ ...question, cancelled: true }, edit]);
  });

  it("hand an edit in again with the stop that came meanwhile", async () => {
    const scene = await openOwingScene();
    const question = messageTurn("before");
    await answered(scene, question, "answer");
    const edit = revisionTurn(question.message.id, "after");
    scene.owed.add(edit, scene.conversation, BEFORE);
    scene.owed.settle({ ...scene.conversation, line: [stopped(edit)] }, BEFORE);
    await scene.restore();
    assert.deepEqual(await scene.line(), [stopped(edit)]);
  });

  it("never ask again for another answer: the storage may have given it", async () => {
    const scene = await openOwingScene();
    const question = messageTurn("one");
    await answered(scene, question, "answer");
    const again = revisionTurn(question.message.id);
    scene.owed.add(again, scene.conversation, BEFORE);
    assert.equal(scene.owed.isEmpty, true);
    scene.owed.settle({ ...scene.conversation, line: [again] }, BEFORE);
    assert.equal(scene.owed.isEmpty, true);
    await scene.restore();
    assert.deepEqual([acceptsOf(scene), await scene.line()], [1, []]);
  });

  it("give no second answer where a repeat stands in line as its message by now", async () => {
    const scene = await openOwingScene();
    const question = messageTurn("one");
    await answered(scene, question, "answer");
    const again = { ...revisionTurn(question.message.id), text: "one" };
    scene.owed.add(again, scene.conversation, BEFORE);
    scene.owed.settle({ ...scene.conversation, line: [revisedBy(again, [], 5).by] }, BEFORE);
    await scene.restore();
    assert.deepEqual([await scene.line(), scene.log.lines], [[], []]);
  });

  it("never choose a persona again: another may have been chosen since", async () => {
    const scene = await openOwingScene();
    const choice = personaTurn("engine");
    scene.owed.add(choice, scene.conversation, BEFORE);
    scene.owed.settle({ ...scene.conversation, line: [choice] }, BEFORE);
    assert.equal(scene.owed.isEmpty, true);
    await scene.restore();
    assert.equal(acceptsOf(scene), 0);
  });
});
