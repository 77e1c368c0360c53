// What the holder of the lease records, as every ConversationStore keeps it: begun, ended, another persona.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ConversationChange, MessageTurn } from "#app/models/conversation.ts";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import {
  messageTurn,
  openConversation,
  personaTurn,
  rejectsWith,
  replyTo,
  takeLease,
} from "./conversation-samples.ts";
import { type CreateStorageHarness, type Keepers, TEST_WINDOW } from "./storage-harness.ts";

export function describeConversationRecords(createHarness: CreateStorageHarness): void {
  describeRuns(createHarness);
  describePersonaChange(createHarness);
  describeFence(createHarness);
}

interface TwoTurns {
  readonly id: string;
  readonly lease: Lease;
  readonly first: MessageTurn;
  readonly second: MessageTurn;
}

async function twoTurns(keepers: Keepers): Promise<TwoTurns> {
  const opened = await openConversation(keepers);
  const [first, second] = [messageTurn("first"), messageTurn("second")];
  for (const turn of [first, second]) await keepers.store.accept(opened.id, turn);
  return { ...opened, first, second };
}

function describeRuns(createHarness: CreateStorageHarness): void {
  describe("recording a run", () => {
    it("names the run that has begun, and no longer once it has ended", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease, first, second } = await twoTurns(harness.here);
      const conversation = async () => (await harness.there.store.page(id, { limit: 0 })).conversation;
      assert.equal((await conversation()).runningId, undefined);
      await store.record(lease, { type: "run-started", runId: first.runId });
      assert.equal((await conversation()).runningId, first.runId);
      assert.deepEqual((await conversation()).line, [first, second]);
      await store.record(lease, { type: "run-finished", runId: first.runId, seq: 7 });
      assert.ok(!Object.hasOwn(await conversation(), "runningId"));
      assert.deepEqual((await conversation()).line, [second]);
      assert.equal((await conversation()).seq, 7);
    });

    it("puts question and answer into the history in the order in which they ended", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease, first, second } = await twoTurns(harness.here);
      const [one, two] = [replyTo(first, "one"), replyTo(second, "two")];
      await store.record(lease, { type: "run-finished", runId: first.runId, reply: one, seq: 5 });
      await store.record(lease, { type: "run-finished", runId: second.runId, reply: two, seq: 9 });
      const { messages, conversation } = await harness.there.store.page(id, { limit: 10 });
      assert.deepEqual(messages, [first.message, one, second.message, two]);
      assert.equal(conversation.seq, 9);
    });

    it("keeps the question of a run that said nothing", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease, first } = await twoTurns(harness.here);
      await store.record(lease, { type: "run-finished", runId: first.runId, seq: 2 });
      assert.deepEqual((await store.page(id, { limit: 10 })).messages, [first.message]);
    });

    it("changes nothing the second time, neither the history nor the position nor what runs", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease, first, second } = await twoTurns(harness.here);
      const began: ConversationChange = { type: "run-started", runId: first.runId };
      const ended: ConversationChange = {
        type: "run-finished",
        runId: first.runId,
        reply: replyTo(first, "one"),
        seq: 5,
      };
      for (const change of [began, began, ended]) await store.record(lease, change);
      await store.record(lease, { type: "run-started", runId: second.runId });
      const before = structuredClone(await store.page(id, { limit: 10 }));
      const late: ConversationChange = { ...ended, reply: replyTo(first, "another"), seq: 99 };
      for (const change of [ended, late, began]) await store.record(lease, change);
      assert.deepEqual(await store.page(id, { limit: 10 }), before);
      assert.equal(before.conversation.runningId, second.runId);
    });

    it("records nothing of a run that was never accepted", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease } = await twoTurns(harness.here);
      const before = structuredClone(await store.page(id, { limit: 10 }));
      const stranger = messageTurn("never accepted");
      const reply = replyTo(stranger, "to nobody");
      await store.record(lease, { type: "run-started", runId: stranger.runId });
      await store.record(lease, { type: "run-finished", runId: stranger.runId, reply, seq: 3 });
      assert.deepEqual(await store.page(id, { limit: 10 }), before);
    });

    it("leaves the running one running when another ends", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease, first, second } = await twoTurns(harness.here);
      await store.record(lease, { type: "run-started", runId: first.runId });
      await store.record(lease, { type: "run-finished", runId: second.runId, seq: 3 });
      const { conversation } = await store.page(id, { limit: 0 });
      assert.deepEqual([conversation.runningId, conversation.line], [first.runId, [first]]);
    });
  });
}

function describePersonaChange(createHarness: CreateStorageHarness): void {
  describe("recording another persona", () => {
    const changeOf = (turn: ReturnType<typeof personaTurn>, seq: number): ConversationChange => ({
      type: "persona-changed",
      turnId: turn.turnId,
      persona: turn.persona,
      seq,
    });

    it("takes the choice out of the line and lets it answer from now on", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease, first, second } = await twoTurns(harness.here);
      const choice = personaTurn("notes");
      await store.accept(id, choice);
      await store.record(lease, changeOf(choice, 3));
      const { conversation, messages } = await harness.there.store.page(id, { limit: 10 });
      assert.deepEqual(conversation.persona, choice.persona);
      assert.deepEqual(conversation.line, [first, second]);
      assert.equal(conversation.seq, 3);
      assert.deepEqual(messages, []);
    });

    it("changes nothing the second time, above all not a newer choice", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease } = await twoTurns(harness.here);
      const [older, newer] = [personaTurn("notes"), personaTurn("engine")];
      for (const [index, choice] of [older, newer].entries()) {
        await store.accept(id, choice);
        await store.record(lease, changeOf(choice, index + 1));
      }
      await store.record(lease, changeOf(older, 1));
      const { conversation } = await store.page(id, { limit: 0 });
      assert.deepEqual([conversation.persona, conversation.seq], [newer.persona, 2]);
    });

    it("changes nothing by a choice that was replaced, and leaves the newer one in line", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease, first, second } = await twoTurns(harness.here);
      const [older, newer] = [personaTurn("notes"), personaTurn("engine")];
      for (const choice of [older, newer]) await store.accept(id, choice);
      await store.record(lease, changeOf(older, 1));
      const { conversation } = await store.page(id, { limit: 0 });
      assert.deepEqual(conversation.line, [newer, first, second]);
      assert.deepEqual(conversation.persona, { kind: "persona", id: "ada" });
    });
  });
}

function describeFence(createHarness: CreateStorageHarness): void {
  describe("a record under a lease that is no longer the newest", () => {
    const changes: Readonly<Record<string, (turns: TwoTurns) => ConversationChange>> = {
      "run-started": ({ first }) => ({ type: "run-started", runId: first.runId }),
      "run-finished": ({ first }) => ({
        type: "run-finished",
        runId: first.runId,
        reply: replyTo(first, "late"),
        seq: 9,
      }),
      "persona-changed": () => ({
        type: "persona-changed",
        turnId: "turn",
        persona: { kind: "object", id: "notes" },
        seq: 9,
      }),
    };
    for (const [name, changeOf] of Object.entries(changes)) {
      it(`is run_interrupted and changes nothing: ${name}`, async () => {
        await using harness = await createHarness(TEST_WINDOW);
        const { here, there } = harness;
        const turns = await twoTurns(here);
        await here.store.accept(turns.id, { ...personaTurn("notes"), turnId: "turn" });
        await harness.lapseLease(turns.id);
        await takeLease(there, turns.id);
        const before = structuredClone(await there.store.page(turns.id, { limit: 10 }));
        await rejectsWith("run_interrupted", here.store.record(turns.lease, changeOf(turns)));
        assert.deepEqual(await there.store.page(turns.id, { limit: 10 }), before);
      });
    }

    it("is run_interrupted under a generation that was never given", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, first } = await twoTurns(harness.here);
      const invented: Lease = { conversationId: id, generation: 1_000_000 };
      const change: ConversationChange = { type: "run-started", runId: first.runId };
      await rejectsWith("run_interrupted", harness.here.store.record(invented, change));
    });

    it("is taken while the lease has lapsed and nobody else holds it", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, lease, first } = await twoTurns(harness.here);
      await harness.lapseLease(id);
      await harness.here.store.record(lease, { type: "run-finished", runId: first.runId, seq: 2 });
      assert.deepEqual((await harness.here.store.page(id, { limit: 1 })).messages, [first.message]);
    });

    it("is told from another conversation's lease", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const [one, other] = [await twoTurns(harness.here), await twoTurns(harness.here)];
      await harness.here.store.record(one.lease, { type: "run-finished", runId: other.first.runId, seq: 2 });
      for (const { id, first, second } of [one, other]) {
        const { conversation } = await harness.here.store.page(id, { limit: 0 });
        assert.deepEqual(conversation.line, [first, second]);
      }
    });
  });
}
