// What is recorded of a run that is taken over, as every ConversationStore keeps it: another run stands in its place.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import type { ConversationChange, ConversationPage, MessageTurn } from "#app/models/conversation.ts";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import {
  messageTurn,
  newConversation,
  openConversation,
  rejectsWith,
  replyTo,
  takeLease,
} from "./conversation-samples.ts";
import { type CreateStorageHarness, type Keepers, TEST_WINDOW } from "./storage-harness.ts";

interface Interrupted {
  readonly id: string;
  readonly lease: Lease;
  /** Was begun, and is replaced. */
  readonly first: MessageTurn;
  readonly second: MessageTurn;
  readonly successor: MessageTurn;
  readonly change: ConversationChange;
}

/** Two messages in line, the first of which was begun by somebody who died. */
async function interrupted(keepers: Keepers): Promise<Interrupted> {
  const { id, lease } = await openConversation(keepers);
  const [first, second] = [messageTurn("first"), messageTurn("second")];
  for (const turn of [first, second]) await keepers.store.accept(id, turn);
  await keepers.store.record(lease, { type: "run-started", runId: first.runId });
  const successor = successorOf(first);
  const change = { type: "run-replaced", runId: first.runId, by: successor, seq: 7 } as const;
  return { id, lease, first, second, successor, change };
}

function successorOf(turn: MessageTurn): MessageTurn {
  const runId = randomUUID();
  return { ...turn, runId, message: { ...turn.message, runId, parentRunId: turn.runId } };
}

function pageOf(keepers: Keepers, id: string): Promise<ConversationPage> {
  return keepers.store.page(id, { limit: 10 });
}

export function describeRunReplaced(createHarness: CreateStorageHarness): void {
  describe("recording that a run is replaced", () => {
    describeWhatStands(createHarness);
    describeWhatChangesNothing(createHarness);
    describeWhatFollows(createHarness);
  });
}

function describeWhatStands(createHarness: CreateStorageHarness): void {
  it("keeps the place in line, moves the position, and leaves nothing running", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { id, lease, second, successor, change } = await interrupted(harness.here);
    await harness.here.store.record(lease, change);
    const { conversation, messages } = await pageOf(harness.there, id);
    assert.deepEqual(conversation.line, [successor, second], "with the run that came before, in its place");
    assert.ok(!Object.hasOwn(conversation, "runningId"));
    assert.equal(conversation.seq, 7);
    assert.deepEqual(messages, [], "nothing was finished");
  });

  it("answers the message's id with the successor from now on, whatever its state", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const { id, lease, first, successor, change } = await interrupted(harness.here);
    const sendAgain = () => harness.there.store.accept(id, messageTurn("first", first.message.id));
    const known = { runId: successor.runId, position: 0, duplicate: true };
    await store.record(lease, change);
    assert.deepEqual(await sendAgain(), { ...known, state: "waiting" });
    await store.record(lease, { type: "run-started", runId: successor.runId });
    assert.deepEqual(await sendAgain(), { ...known, state: "running" });
    await store.record(lease, { type: "run-finished", runId: successor.runId, seq: 9 });
    assert.deepEqual(await sendAgain(), { ...known, state: "finished" });
    await rejectsWith("id_conflict", store.accept(id, messageTurn("another text", first.message.id)));
  });

  it("keeps the place of a run that others stand before", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { id, lease, first, second } = await interrupted(harness.here);
    const by = successorOf(second);
    await harness.here.store.record(lease, { type: "run-replaced", runId: second.runId, by, seq: 8 });
    const { conversation } = await pageOf(harness.here, id);
    assert.deepEqual(conversation.line, [first, by]);
    assert.equal(conversation.runningId, first.runId, "what runs goes on running");
    const again = await harness.there.store.accept(id, messageTurn("second", second.message.id));
    assert.deepEqual([again.runId, again.position, again.duplicate], [by.runId, 1, true]);
  });

  it("is the same for ids of any length, one inside the other", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const { id, lease } = await openConversation(harness.here);
    const turn: MessageTurn = { ...messageTurn("short"), runId: "r" };
    await store.accept(id, turn);
    for (const [before, runId] of [
      ["r", "rr".repeat(30)],
      ["rr".repeat(30), "1:r"],
    ] as const) {
      const by = { ...turn, runId, message: { ...turn.message, runId, parentRunId: before } };
      await store.record(lease, { type: "run-replaced", runId: before, by, seq: 1 });
      assert.equal((await store.accept(id, messageTurn("short", turn.message.id))).runId, runId);
    }
  });
}

function describeWhatChangesNothing(createHarness: CreateStorageHarness): void {
  it("changes nothing the second time, neither once the successor runs nor once it has ended", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const { id, lease, successor, change } = await interrupted(harness.here);
    const steps: readonly ConversationChange[] = [
      change,
      { type: "run-started", runId: successor.runId },
      { type: "run-finished", runId: successor.runId, reply: replyTo(successor, "whole"), seq: 9 },
    ];
    for (const step of steps) {
      await store.record(lease, step);
      const before = structuredClone(await pageOf(harness.here, id));
      await store.record(lease, change);
      assert.deepEqual(await pageOf(harness.there, id), before, `after ${step.type}`);
    }
  });

  it("changes nothing for a run that was never accepted, or has ended", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const { id, lease, first, change } = await interrupted(harness.here);
    const stranger = messageTurn("never accepted");
    const replaced = {
      type: "run-replaced",
      runId: stranger.runId,
      by: successorOf(stranger),
      seq: 99,
    } as const;
    const before = structuredClone(await pageOf(harness.here, id));
    await store.record(lease, replaced);
    assert.deepEqual(await pageOf(harness.here, id), before);
    const answered = replyTo(first, "whole");
    await store.record(lease, { type: "run-finished", runId: first.runId, reply: answered, seq: 5 });
    const after = structuredClone(await pageOf(harness.here, id));
    await store.record(lease, change);
    assert.deepEqual(await pageOf(harness.here, id), after);
    const again = await store.accept(id, messageTurn("first", first.message.id));
    assert.deepEqual([again.runId, again.state], [first.runId, "finished"]);
  });

  it("is run_interrupted under a lease that is no longer the newest", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { id, lease, change } = await interrupted(harness.here);
    await harness.lapseLease(id);
    await takeLease(harness.there, id);
    const before = structuredClone(await pageOf(harness.there, id));
    await rejectsWith("run_interrupted", harness.here.store.record(lease, change));
    assert.deepEqual(await pageOf(harness.there, id), before);
  });
}

function describeWhatFollows(createHarness: CreateStorageHarness): void {
  it("lets the old run record nothing more, and the successor be stopped, by its own id", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const { id, lease, first, successor, change } = await interrupted(harness.here);
    await store.record(lease, change);
    const before = structuredClone(await pageOf(harness.here, id));
    await store.record(lease, { type: "run-started", runId: first.runId });
    await store.record(lease, {
      type: "run-finished",
      runId: first.runId,
      reply: replyTo(first, "late"),
      seq: 9,
    });
    assert.deepEqual(await pageOf(harness.here, id), before);
    assert.deepEqual(await store.cancel(id, first.runId, "all"), { running: undefined, waiting: [] });
    assert.deepEqual(await store.cancel(id, successor.runId, "all"), {
      running: undefined,
      waiting: [successor.runId],
    });
  });

  it("leaves the message in the history with the run that came before, and the visitor with the conversation", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const wish = newConversation({ visitor: "v-7f3a" });
    await store.create(wish);
    const lease = await takeLease(harness.here, wish.id);
    const turn = messageTurn("kept");
    await store.accept(wish.id, turn);
    const by = successorOf(turn);
    await store.record(lease, { type: "run-replaced", runId: turn.runId, by, seq: 3 });
    const reply = replyTo(by, "whole");
    await store.record(lease, { type: "run-finished", runId: by.runId, reply, seq: 6 });
    const { conversation, messages } = await pageOf(harness.there, wish.id);
    assert.deepEqual(messages, [by.message, reply]);
    assert.equal(messages[0]?.parentRunId, turn.runId);
    assert.equal(conversation.visitor, "v-7f3a");
    const page = await harness.there.store.page(wish.id, { before: reply.id, limit: 5 });
    assert.deepEqual(page.messages, [by.message], "it has its place among the pages");
  });
}
