// The line of a conversation, as every ConversationStore keeps it: what is accepted, where it stands, what is stopped.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MessageTurn } from "#app/models/conversation.ts";
import { MAX_WAITING } from "#app/services/chatbot/memory.ts";
import { messageTurn, openConversation, personaTurn, rejectsWith, replyTo } from "./conversation-samples.ts";
import { type CreateStorageHarness, type Keepers, TEST_WINDOW } from "./storage-harness.ts";

export function describeConversationLine(createHarness: CreateStorageHarness): void {
  describeAccept(createHarness);
  describePersonaTurn(createHarness);
  describeCancel(createHarness);
}

async function acceptAll(keepers: Keepers, id: string, ...texts: string[]): Promise<MessageTurn[]> {
  const turns = texts.map((text) => messageTurn(text));
  for (const turn of turns) await keepers.store.accept(id, turn);
  return turns;
}

async function lineOf(keepers: Keepers, id: string) {
  return (await keepers.store.page(id, { limit: 0 })).conversation.line;
}

function describeAccept(createHarness: CreateStorageHarness): void {
  describe("accepting a message", () => {
    it("tells where it stands over its life: waiting, running, finished", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease } = await openConversation(harness.here);
      const [first, second] = [messageTurn("first"), messageTurn("second")];
      const fresh = { state: "waiting", duplicate: false };
      assert.deepEqual(await store.accept(id, first), { ...fresh, runId: first.runId, position: 0 });
      assert.deepEqual(await store.accept(id, second), { ...fresh, runId: second.runId, position: 1 });
      const again = async (turn: MessageTurn) => {
        const sent = { ...messageTurn(turn.message.content, turn.message.id) };
        const { runId, duplicate, ...standing } = await harness.there.store.accept(id, sent);
        assert.deepEqual([runId, duplicate], [turn.runId, true]);
        return standing;
      };
      assert.deepEqual(await again(first), { state: "waiting", position: 0 });
      await store.record(lease, { type: "run-started", runId: first.runId });
      assert.deepEqual(await again(first), { state: "running", position: 0 });
      assert.deepEqual(await again(second), { state: "waiting", position: 1 });
      await store.record(lease, { type: "run-finished", runId: first.runId, seq: 2 });
      assert.deepEqual(await again(first), { state: "finished", position: 0 });
      assert.deepEqual(await again(second), { state: "waiting", position: 0 });
      assert.deepEqual(await lineOf(harness.here, id), [second]);
    });

    it("stores one of many that arrive at once under one id, and answers all with its run", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id } = await openConversation(harness.here);
      const turns = Array.from({ length: 6 }, () => messageTurn("Hello", "same-id"));
      const answers = await Promise.all(
        turns.map((turn, index) => (index % 2 ? harness.here : harness.there).store.accept(id, turn)),
      );
      const line = await lineOf(harness.here, id);
      assert.equal(line.length, 1);
      const [stored] = line;
      assert.ok(stored?.type === "message");
      assert.deepEqual(new Set(answers.map(({ runId }) => runId)), new Set([stored.runId]));
      assert.equal(answers.filter(({ duplicate }) => !duplicate).length, 1);
    });

    it("gives messages that arrive at once places of their own", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id } = await openConversation(harness.here);
      const turns = Array.from({ length: MAX_WAITING + 1 }, (_, index) => messageTurn(`text ${index}`));
      const answers = await Promise.all(
        turns.map((turn, index) => (index % 2 ? harness.here : harness.there).store.accept(id, turn)),
      );
      const line = await lineOf(harness.here, id);
      assert.deepEqual(
        line.map((turn) => turn.type === "message" && turn.runId),
        answers.toSorted((a, b) => a.position - b.position).map(({ runId }) => runId),
      );
      assert.deepEqual(new Set(answers.map(({ position }) => position)), new Set([0, 1, 2, 3, 4]));
    });

    it("is id_conflict under a known id with another text, waiting or finished, and changes nothing", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease } = await openConversation(harness.here);
      const turn = messageTurn("Hello");
      await store.accept(id, turn);
      await rejectsWith("id_conflict", store.accept(id, messageTurn("hello", turn.message.id)));
      assert.deepEqual(await lineOf(harness.here, id), [turn]);
      await store.record(lease, { type: "run-finished", runId: turn.runId, seq: 2 });
      await rejectsWith("id_conflict", store.accept(id, messageTurn("Hello ", turn.message.id)));
      assert.deepEqual(await lineOf(harness.here, id), []);
    });

    it("is queue_full at the fifth that waits, and takes it once there is room", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease } = await openConversation(harness.here);
      const [running, ...waiting] = await acceptAll(harness.here, id, "run", "1", "2", "3", "4");
      assert.ok(running && waiting.length === MAX_WAITING);
      await store.record(lease, { type: "run-started", runId: running.runId });
      const fifth = messageTurn("5");
      await rejectsWith("queue_full", store.accept(id, fifth));
      assert.deepEqual(await lineOf(harness.here, id), [running, ...waiting]);
      assert.equal((await store.accept(id, running)).duplicate, true, "a known one is not too many");
      await rejectsWith("id_conflict", store.accept(id, messageTurn("other", running.message.id)));
      await store.record(lease, { type: "run-finished", runId: running.runId, seq: 2 });
      assert.deepEqual(await store.accept(id, fifth), {
        runId: fifth.runId,
        state: "waiting",
        position: 4,
        duplicate: false,
      });
    });

    it("keeps to the bound when too many arrive at once: those that are refused are not stored", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id } = await openConversation(harness.here);
      const turns = Array.from({ length: 12 }, (_, index) => messageTurn(`text ${index}`));
      const answers = await Promise.allSettled(
        turns.map((turn, index) => (index % 2 ? harness.here : harness.there).store.accept(id, turn)),
      );
      const stored = turns.filter((_, index) => answers[index]?.status === "fulfilled");
      assert.equal(stored.length, MAX_WAITING + 1);
      const ids = (await lineOf(harness.here, id)).map((turn) => turn.type === "message" && turn.runId);
      assert.deepEqual(new Set(ids), new Set(stored.map(({ runId }) => runId)));
    });

    it("takes one message id in two conversations as two messages", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const [a, b] = [await openConversation(harness.here), await openConversation(harness.here)];
      await harness.here.store.accept(a.id, messageTurn("one", "same-id"));
      const { duplicate } = await harness.here.store.accept(b.id, messageTurn("two", "same-id"));
      assert.equal(duplicate, false);
    });
  });
}

function describePersonaTurn(createHarness: CreateStorageHarness): void {
  describe("choosing a persona", () => {
    it("goes first among those that wait, behind the one that runs", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease } = await openConversation(harness.here);
      const [first, second] = await acceptAll(harness.here, id, "first", "second");
      assert.ok(first && second);
      await store.record(lease, { type: "run-started", runId: first.runId });
      const choice = personaTurn("notes");
      const accepted = { runId: choice.turnId, state: "waiting", position: 1, duplicate: false };
      assert.deepEqual(await store.accept(id, choice), accepted);
      assert.deepEqual(await lineOf(harness.there, id), [first, choice, second]);
    });

    it("goes first where nothing runs", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id } = await openConversation(harness.here);
      const waiting = await acceptAll(harness.here, id, "first", "second");
      const choice = personaTurn("notes");
      assert.equal((await harness.here.store.accept(id, choice)).position, 0);
      assert.deepEqual(await lineOf(harness.here, id), [choice, ...waiting]);
    });

    it("replaces a choice that still waits", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id } = await openConversation(harness.here);
      const waiting = await acceptAll(harness.here, id, "first");
      const last = personaTurn("engine");
      for (const choice of [personaTurn("notes"), personaTurn("loom"), last]) await store.accept(id, choice);
      assert.deepEqual(await lineOf(harness.here, id), [last, ...waiting]);
    });

    it("has its place however many messages wait, and takes none of theirs", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id } = await openConversation(harness.here);
      await store.accept(id, personaTurn("notes"));
      await acceptAll(harness.here, id, "1", "2", "3", "4", "5");
      await rejectsWith("queue_full", store.accept(id, messageTurn("6")));
      await store.accept(id, personaTurn("engine"));
      assert.equal((await lineOf(harness.here, id)).length, 6);
    });

    it("stands behind a run that began while it came in", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease } = await openConversation(harness.here);
      const [first, second] = await acceptAll(harness.here, id, "first", "second");
      assert.ok(first && second);
      // The one who works the line off has read it, and not yet said that the first one runs.
      const choice = personaTurn("notes");
      await store.accept(id, choice);
      await store.record(lease, { type: "run-started", runId: first.runId });
      assert.deepEqual(await lineOf(harness.here, id), [first, choice, second]);
    });
  });
}

function describeCancel(createHarness: CreateStorageHarness): void {
  async function running(keepers: Keepers) {
    const { id, lease } = await openConversation(keepers);
    const [first, second, third] = await acceptAll(keepers, id, "first", "second", "third");
    assert.ok(first && second && third);
    await keepers.store.record(lease, { type: "run-started", runId: first.runId });
    return { id, lease, first, second, third };
  }
  const stopped = (turn: MessageTurn): MessageTurn => ({ ...turn, cancelled: true });

  describe("cancelling", () => {
    it("marks the running one and all that wait, and leaves them in line for whoever ends them", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, first, second, third } = await running(harness.here);
      const choice = personaTurn("notes");
      await harness.here.store.accept(id, choice);
      assert.deepEqual(await harness.there.store.cancel(id, undefined, "all"), {
        running: first.runId,
        waiting: [second.runId, third.runId],
      });
      assert.deepEqual(await lineOf(harness.here, id), [
        stopped(first),
        choice,
        stopped(second),
        stopped(third),
      ]);
    });

    it("marks only the running one where only that is meant", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, first, second, third } = await running(harness.here);
      assert.deepEqual(await harness.here.store.cancel(id, undefined, "running"), {
        running: first.runId,
        waiting: [],
      });
      assert.deepEqual(await lineOf(harness.here, id), [stopped(first), second, third]);
    });

    it("marks one by its run, running or waiting", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, first, second, third } = await running(harness.here);
      assert.deepEqual(await store.cancel(id, second.runId, "all"), {
        running: undefined,
        waiting: [second.runId],
      });
      assert.deepEqual(await store.cancel(id, first.runId, "all"), { running: first.runId, waiting: [] });
      assert.deepEqual(await lineOf(harness.here, id), [stopped(first), stopped(second), third]);
    });

    it("finds nothing the second time, nor in what is unknown, finished, or not begun", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const nothing = { running: undefined, waiting: [] };
      const { id, lease, first } = await running(harness.here);
      await store.record(lease, { type: "run-finished", runId: first.runId, seq: 2 });
      assert.deepEqual(await store.cancel(id, first.runId, "all"), nothing, "finished");
      assert.deepEqual(await store.cancel(id, "unknown", "all"), nothing, "unknown");
      assert.deepEqual(await store.cancel(id, undefined, "running"), nothing, "nothing runs");
      await store.cancel(id, undefined, "all");
      assert.deepEqual(await store.cancel(id, undefined, "all"), nothing, "twice");
    });

    it("is found once by several who stop at the same time", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, first, second, third } = await running(harness.here);
      const found = await Promise.all(
        [harness.here, harness.there, harness.here].map(({ store }) => store.cancel(id, undefined, "all")),
      );
      const runs = found.flatMap((one) => [
        ...(one.running === undefined ? [] : [one.running]),
        ...one.waiting,
      ]);
      assert.deepEqual(runs.toSorted(), [first.runId, second.runId, third.runId].toSorted());
    });

    it("keeps what was said before the stop, and forgets no mark when the same message comes again", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id, lease, first, second, third } = await running(harness.here);
      await store.cancel(id, undefined, "all");
      assert.equal((await store.accept(id, first)).state, "running");
      const reply = replyTo(first, "as far as", { partial: true });
      await store.record(lease, { type: "run-finished", runId: first.runId, reply, seq: 4 });
      const { conversation, messages } = await store.page(id, { limit: 10 });
      assert.deepEqual(messages, [first.message, reply]);
      assert.deepEqual(conversation.line, [stopped(second), stopped(third)]);
    });
  });
}
