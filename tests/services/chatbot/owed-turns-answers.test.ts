// What the storage answers when an instance hands in again what it owes: gone, made anew, another text, full, away.
// Against the store of the in-memory bundle. Failures come from gates around the real one.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { messageTurn, newConversation, rejectsWith } from "../../contracts/conversation-samples.ts";
import { revisionTurn } from "../../contracts/revision-samples.ts";
import { AFTER, acceptsOf, BEFORE, openOwingScene } from "./owing.ts";

describe("what the storage answers", () => {
  it("is gone: nothing is handed in or owed any more, and nothing is thrown", async () => {
    const scene = await openOwingScene();
    const { owed, storage, log, conversation } = scene;
    for (const text of ["one", "two"]) owed.add(messageTurn(text), conversation, BEFORE);
    assert.equal(await owed.restore(newConversation().id, AFTER, storage.store, log), true);
    assert.deepEqual([owed.isEmpty, acceptsOf(scene), log.lines], [true, 0, []]);
  });

  it("is made anew under the same id: nothing of what was erased comes back", async () => {
    const scene = await openOwingScene();
    const { owed, conversation } = scene;
    const erased = { createdAt: conversation.createdAt - 1_000 };
    owed.add(messageTurn("erased"), erased, BEFORE);
    await scene.restore();
    assert.deepEqual([await scene.line(), owed.isEmpty], [[], true]);
    owed.add(messageTurn("erased, too"), erased, BEFORE);
    owed.add(messageTurn("said since"), conversation, BEFORE);
    await scene.restore();
    assert.deepEqual(
      (await scene.line()).map((turn) => turn.type === "message" && turn.message.content),
      ["said since"],
    );
  });

  it("is full: what had no room is handed in once there is some", async () => {
    const scene = await openOwingScene();
    const old = Array.from({ length: 4 }, (_, index) => messageTurn(`old ${index}`));
    for (const turn of old) await scene.storage.store.accept(scene.id, turn);
    const turns = [messageTurn("one"), messageTurn("two")];
    for (const turn of turns) scene.owed.add(turn, scene.conversation, BEFORE);
    assert.equal(await scene.restore(), false);
    assert.deepEqual(await scene.line(), [...old, turns[0]]);
    const [first] = old;
    assert.ok(first);
    const { runId } = first;
    await scene.storage.store.record(scene.lease, { type: "run-finished", runId, seq: 1 });
    assert.equal(await scene.restore(), true);
    assert.deepEqual(await scene.line(), [...old.slice(1), ...turns]);
  });

  it("is another text under that id: it stays, and what comes behind it is handed in all the same", async () => {
    const scene = await openOwingScene();
    const id = randomUUID();
    const [there, here, next] = [messageTurn("there", id), messageTurn("here", id), messageTurn("next")];
    await scene.storage.store.accept(scene.id, there);
    for (const turn of [here, next]) scene.owed.add(turn, scene.conversation, BEFORE);
    await scene.restore();
    assert.deepEqual(await scene.line(), [there, next]);
    assert.deepEqual(
      scene.log.lines.map(({ event, fields }) => [event, fields.runId, fields.code]),
      [
        ["forgotten_turn_not_restored", here.runId, "id_conflict"],
        ["forgotten_turn_restored", next.runId, undefined],
      ],
    );
  });

  it("is that an edit's message is forgotten: a line of the log, and what comes behind it is handed in", async () => {
    const scene = await openOwingScene();
    const [edit, next] = [revisionTurn(randomUUID(), "after"), messageTurn("next")];
    for (const turn of [edit, next]) scene.owed.add(turn, scene.conversation, BEFORE);
    await scene.restore();
    assert.deepEqual(await scene.line(), [next]);
    assert.deepEqual(
      scene.log.named("forgotten_turn_not_restored").map(({ fields }) => [fields.runId, fields.code]),
      [[edit.runId, "message_not_found"]],
    );
  });

  for (const { when, place } of [
    { when: "before it took the second one", place: "beforeNext" },
    { when: "after it took the second one", place: "afterNext" },
  ] as const) {
    it(`is nothing, away ${when}: thrown, nothing is forgotten, and the next attempt completes it`, async () => {
      const scene = await openOwingScene();
      const turns = ["one", "two", "three"].map((text) => messageTurn(text));
      for (const turn of turns) scene.owed.add(turn, scene.conversation, BEFORE);
      scene.storage[place]("accept", () => undefined);
      scene.storage[place]("accept", () => {
        throw new AppError("storage_unavailable");
      });
      await rejectsWith("storage_unavailable", scene.restore());
      assert.equal(scene.owed.isEmpty, false);
      assert.equal((await scene.line()).length, place === "beforeNext" ? 1 : 2, "not one behind it");
      await scene.restore();
      assert.deepEqual(await scene.line(), turns);
    });
  }
});
