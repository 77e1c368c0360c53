// The conversation store of the in-memory bundle: the contract, and what is its own.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  messageTurn,
  newConversation,
  openConversation,
  rejectsWith,
  replyTo,
} from "../../contracts/conversation-samples.ts";
import { describeConversationStore } from "../../contracts/conversation-store.ts";
import { revisionTurn } from "../../contracts/revision-samples.ts";
import { createLocalHarness } from "../../support/local-harness.ts";

describeConversationStore("LocalConversationStore", (window) => createLocalHarness(window));

describe("LocalConversationStore", () => {
  it("has done its work before it yields: what is called first happens first", async () => {
    const { here } = createLocalHarness();
    const wish = newConversation();
    const turn = messageTurn("Hello");
    const [made, accepted, cancelled, page] = await Promise.all([
      here.store.create(wish),
      here.store.accept(wish.id, turn),
      here.store.cancel(wish.id, undefined, "all"),
      here.store.page(wish.id, { limit: 1 }),
    ]);
    assert.deepEqual(made.conversation.line, []);
    assert.equal(accepted.position, 0);
    assert.deepEqual(cancelled.waiting, [turn.runId]);
    assert.deepEqual(page.conversation.line, [{ ...turn, cancelled: true }]);
  });

  it("refuses a message that there is no room for, stores nothing of it, and takes it when there is", async () => {
    const { here, storage } = createLocalHarness(undefined, { maxBytes: 100_000 });
    const { id, lease } = await openConversation(here);
    const other = await openConversation(here);
    await here.store.accept(other.id, messageTurn("x".repeat(30_000)));
    const turn = messageTurn("y".repeat(30_000));
    const before = storage.bytes;
    await rejectsWith("overloaded", here.store.accept(id, turn));
    assert.equal(storage.bytes, before);
    assert.deepEqual((await here.store.page(id, { limit: 1 })).conversation.line, []);
    const small = messageTurn("small");
    assert.equal((await here.store.accept(id, small)).duplicate, false);
    await here.store.record(lease, { type: "run-finished", runId: small.runId, seq: 2 });
    // The other one's turn is answered: it owes nothing, is not running, and may leave.
    const [owed] = (await here.store.page(other.id, { limit: 1 })).conversation.line;
    assert.ok(owed?.type === "message");
    await here.store.record(other.lease, { type: "run-finished", runId: owed.runId, seq: 2 });
    await here.lease.release(other.lease);
    assert.equal((await here.store.accept(id, turn)).duplicate, false);
    await rejectsWith("conversation_not_found", here.store.page(other.id, { limit: 1 }));
  });

  it("refuses an edit that there is no room for, and does not know it when it comes again under its name", async () => {
    const { here, storage } = createLocalHarness(undefined, { maxBytes: 10_000 });
    const { id } = await openConversation(here);
    const turn = messageTurn("short");
    await here.store.accept(id, turn);
    const before = storage.bytes;
    const edit = { ...revisionTurn(turn.message.id, "x".repeat(5_000)), commandId: "a" };
    for (let time = 0; time < 2; time += 1) await rejectsWith("overloaded", here.store.accept(id, edit));
    assert.equal(storage.bytes, before);
    const shorter = { ...edit, text: "x" };
    assert.partialDeepStrictEqual(await here.store.accept(id, shorter), {
      runId: edit.runId,
      duplicate: false,
    });
  });

  it("never refuses the reply of a run that has begun", async () => {
    const { here, storage } = createLocalHarness(undefined, { maxBytes: 10_000 });
    const { id, lease } = await openConversation(here);
    const turn = messageTurn("Hello");
    await here.store.accept(id, turn);
    const reply = replyTo(turn, "z".repeat(20_000));
    await here.store.record(lease, { type: "run-finished", runId: turn.runId, reply, seq: 2 });
    assert.deepEqual((await here.store.page(id, { limit: 1 })).messages, [reply]);
    assert.ok(storage.bytes > 10_000);
  });
});
