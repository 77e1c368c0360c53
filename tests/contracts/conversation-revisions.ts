// Revisions in the line, as every ConversationStore keeps it: where one stands, what it cancels, which are refused, and
// which are known already. What becomes of the history stands in revision-records.ts.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MessageTurn } from "#app/models/conversation.ts";
import { MAX_WAITING } from "#app/services/chatbot/memory.ts";
import { messageTurn, openConversation, personaTurn, rejectsWith } from "./conversation-samples.ts";
import { describeKnownRevisions } from "./revision-duplicates.ts";
import { lineOf, revisionTurn, startTalk, stopped } from "./revision-samples.ts";
import { describeRevisionSchedules } from "./revision-schedules.ts";
import { type CreateStorageHarness, TEST_WINDOW } from "./storage-harness.ts";

export function describeConversationRevisions(createHarness: CreateStorageHarness): void {
  describe("a revision in the line", () => {
    describePlace(createHarness);
    describeKnownRevisions(createHarness);
    describeRefused(createHarness);
    describeBeside(createHarness);
  });
  describeRevisionSchedules(createHarness);
}

function describePlace(createHarness: CreateStorageHarness): void {
  for (const [name, text] of [
    ["an edit", "changed"],
    ["a regeneration", undefined],
  ] as const) {
    const accepted = (runId: string, position: number) => ({
      ...{ runId, position },
      ...{ state: "waiting", duplicate: false },
    });

    it(`stands behind the running reply and cancels it where its message has been answered: ${name}`, async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, old, first, second } = await startTalk(harness.here, true);
      const turn = revisionTurn(old.message.id, text);
      assert.deepEqual(await harness.there.store.accept(id, turn), accepted(turn.runId, 1));
      assert.deepEqual(await lineOf(harness.here, id), [stopped(first), turn, second]);
    });

    it(`stands first where nothing runs, and cancels nobody else's message: ${name}`, async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, old, first, second } = await startTalk(harness.here, false);
      const turn = revisionTurn(old.message.id, text);
      assert.deepEqual(await harness.there.store.accept(id, turn), accepted(turn.runId, 0));
      assert.deepEqual(await lineOf(harness.here, id), [turn, first, second]);
    });

    it(`stands behind the running reply of the same message, and cancels it: ${name}`, async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, first, second } = await startTalk(harness.here, true);
      const turn = revisionTurn(first.message.id, text);
      assert.deepEqual(await harness.there.store.accept(id, turn), accepted(turn.runId, 1));
      assert.deepEqual(await lineOf(harness.here, id), [stopped(first), turn, second]);
    });

    it(`stands behind its message that waits, cancels that, and lets the running reply go on: ${name}`, async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, first, second } = await startTalk(harness.here, true);
      const third = messageTurn("third");
      await harness.here.store.accept(id, third);
      const turn = revisionTurn(second.message.id, text);
      assert.deepEqual(await harness.there.store.accept(id, turn), accepted(turn.runId, 2));
      assert.deepEqual(await lineOf(harness.here, id), [first, stopped(second), turn, third]);
    });

    it(`stands behind its message that is first in line and has not begun: ${name}`, async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, first, second } = await startTalk(harness.here, false);
      const turn = revisionTurn(first.message.id, text);
      assert.deepEqual(await harness.there.store.accept(id, turn), accepted(turn.runId, 1));
      assert.deepEqual(await lineOf(harness.here, id), [stopped(first), turn, second]);
    });
  }

  it("stands alone in an empty line, and is byte for byte what was said", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const { id, lease } = await openConversation(harness.here);
    const turn = messageTurn("Hello");
    await store.accept(id, turn);
    await store.record(lease, { type: "run-finished", runId: turn.runId, seq: 2 });
    const edit = revisionTurn(turn.message.id, 'İığş\u0000\n\r\n 👩‍🔬 {"a":"~"} \\n');
    await store.accept(id, edit);
    assert.deepEqual(await lineOf(harness.there, id), [edit]);
  });

  it("stands behind an earlier edit of the same message, which it cancels", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { id, old, first, second } = await startTalk(harness.here, true);
    const [one, two] = [revisionTurn(old.message.id, "one"), revisionTurn(old.message.id, "two")];
    await harness.here.store.accept(id, one);
    assert.equal((await harness.there.store.accept(id, two)).position, 2);
    assert.deepEqual(await lineOf(harness.here, id), [stopped(first), stopped(one), two, second]);
  });

  it("lets the choice of a persona that was made before it go first: its answer is that persona's", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    for (const runs of [true, false]) {
      const { id, old, first, second } = await startTalk(harness.here, runs);
      const [choice, turn] = [personaTurn("notes"), revisionTurn(old.message.id)];
      await harness.here.store.accept(id, choice);
      assert.equal((await harness.there.store.accept(id, turn)).position, runs ? 2 : 1);
      const expected = runs ? [stopped(first), choice, turn, second] : [choice, turn, first, second];
      assert.deepEqual(await lineOf(harness.here, id), expected);
    }
  });

  it("lets the choice of a persona that is made after it go first too", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { id, old, first, second } = await startTalk(harness.here, true);
    const [choice, turn] = [personaTurn("notes"), revisionTurn(old.message.id)];
    await harness.here.store.accept(id, turn);
    assert.equal((await harness.there.store.accept(id, choice)).position, 1);
    assert.deepEqual(await lineOf(harness.here, id), [stopped(first), choice, turn, second]);
  });
}

function describeRefused(createHarness: CreateStorageHarness): void {
  it("is message_not_found for what is no message of the visitor's here, and changes nothing", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { id, reply, first, second, old } = await startTalk(harness.here, true);
    const elsewhere = await startTalk(harness.here, false);
    for (const unknown of ["unknown", reply.id, old.runId, elsewhere.old.message.id, `~${old.message.id}`])
      for (const text of ["changed", undefined])
        await rejectsWith("message_not_found", harness.there.store.accept(id, revisionTurn(unknown, text)));
    assert.deepEqual(await lineOf(harness.here, id), [first, second]);
  });

  it("is queue_full where the line is, unless it is known, and changes nothing", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const { id, old, second } = await startTalk(harness.here, true);
    const known = revisionTurn(second.message.id, "changed");
    await store.accept(id, known);
    for (let index = 3; index < MAX_WAITING + 1; index += 1) await store.accept(id, messageTurn(`${index}`));
    const before = structuredClone(await lineOf(harness.here, id));
    assert.equal(before.length, MAX_WAITING + 1);
    for (const text of ["another", undefined])
      await rejectsWith("queue_full", harness.there.store.accept(id, revisionTurn(old.message.id, text)));
    await rejectsWith("queue_full", store.accept(id, messageTurn("one more")));
    assert.equal((await store.accept(id, revisionTurn(second.message.id, "changed"))).duplicate, true);
    assert.deepEqual(await lineOf(harness.there, id), before);
    const later = await store.accept(id, revisionTurn(old.message.id, "old"));
    assert.equal(later.runId, old.runId, "what was refused was not kept as the newest edit");
  });
}

function describeBeside(createHarness: CreateStorageHarness): void {
  it("is found by a stop like a message, and stays in line for whoever applies it", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.there;
    const { id, old, first, second } = await startTalk(harness.here, true);
    const turn = revisionTurn(old.message.id, "changed");
    await harness.here.store.accept(id, turn);
    assert.deepEqual(await store.cancel(id, turn.runId, "all"), {
      running: undefined,
      waiting: [turn.runId],
    });
    assert.deepEqual(await store.cancel(id, turn.runId, "all"), { running: undefined, waiting: [] });
    assert.deepEqual(await store.cancel(id, undefined, "all"), {
      running: undefined,
      waiting: [second.runId],
    });
    assert.deepEqual(await lineOf(harness.here, id), [stopped(first), stopped(turn), stopped(second)]);
  });

  it("keeps its message's newest run where the run before is taken over meanwhile", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const { id, lease, first, second } = await startTalk(harness.here, true);
    const turn = revisionTurn(second.message.id, "changed");
    await store.accept(id, turn);
    for (const [run, runId] of [
      [first, "successor-1"],
      [second, "successor-2"],
    ] as const) {
      const message = { ...run.message, runId, parentRunId: run.runId, retried: true };
      const by: MessageTurn = { type: "message", runId, message, cancelled: false };
      await store.record(lease, { type: "run-replaced", runId: run.runId, by, seq: 5 });
    }
    const line = await lineOf(harness.there, id);
    assert.deepEqual(
      line.map((entry) => entry.type !== "persona" && entry.runId),
      ["successor-1", "successor-2", turn.runId],
    );
    assert.ok(line[0]?.type === "message" && line[0].message.retried, "the mark comes back");
    const known = await harness.there.store.accept(id, revisionTurn(second.message.id, "changed"));
    assert.deepEqual([known.runId, known.position, known.duplicate], [turn.runId, 2, true]);
    const resent = await harness.there.store.accept(id, messageTurn("second", second.message.id));
    assert.deepEqual([resent.runId, resent.duplicate], [turn.runId, true]);
  });
}
