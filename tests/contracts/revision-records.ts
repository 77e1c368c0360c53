// What a revision leaves of the history once it is applied, as every ConversationStore keeps it. What is removed is
// gone from every page; the ids of what was said stay known.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { messageTurn, rejectsWith, replyTo, takeLease } from "./conversation-samples.ts";
import { startExchanges } from "./exchanges.ts";
import { revisedBy, revisionTurn } from "./revision-samples.ts";
import { type CreateStorageHarness, TEST_WINDOW } from "./storage-harness.ts";

export function describeRevisionRecords(createHarness: CreateStorageHarness): void {
  describe("applying a revision", () => {
    describeTruncation(createHarness);
    describeWhatIsForgotten(createHarness);
    describeWhatChangesNothing(createHarness);
  });
}

function describeTruncation(createHarness: CreateStorageHarness): void {
  for (const [where, index] of [
    ["first", 0],
    ["middle", 1],
    ["last", 2],
  ] as const) {
    it(`takes the ${where} message and what followed out of the history, and puts it in line`, async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { talk, a, b, c, all } = await startExchanges(harness.here, "a", "b", "c");
      const { turn } = [a, b, c][index] ?? a;
      const by = await talk.apply(revisionTurn(turn.message.id, "changed"));
      const page = await harness.there.store.page(talk.id, { limit: 100 });
      assert.deepEqual(page.messages, all.slice(0, 2 * index));
      assert.deepEqual(page.conversation.line, [by]);
      assert.equal(page.conversation.seq, talk.seq);
      assert.ok(!Object.hasOwn(page.conversation, "runningId"));
      assert.equal(by.message.parentRunId, turn.runId);
      const reply = await talk.answer(by);
      const after = await harness.there.store.page(talk.id, { limit: 100 });
      assert.deepEqual(after.messages, [...all.slice(0, 2 * index), by.message, reply]);
      const next = await talk.exchange("next");
      assert.deepEqual(
        (await harness.there.store.page(talk.id, { before: next.reply.id, limit: 2 })).messages,
        [reply, next.turn.message],
        "places are counted anew",
      );
    });
  }

  it("of a message whose reply never came removes that message alone", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, all } = await startExchanges(harness.here, "a", "b", "c");
    const silent = messageTurn("silent");
    await harness.here.store.accept(talk.id, silent);
    const edit = revisionTurn(silent.message.id, "said");
    await harness.here.store.accept(talk.id, edit);
    await harness.here.store.record(talk.lease, { type: "run-finished", runId: silent.runId, seq: 20 });
    const by = await talk.record(edit);
    assert.deepEqual(await talk.stored(), all);
    assert.equal(by.message.content, "said");
  });

  it("leaves those who wait in line where they are, whatever is removed before them", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, a } = await startExchanges(harness.here, "a", "b", "c");
    const waiting = [messageTurn("w1"), messageTurn("w2")] as const;
    for (const turn of waiting) await harness.here.store.accept(talk.id, turn);
    const by = await talk.apply(revisionTurn(a.turn.message.id, "changed"));
    assert.deepEqual((await harness.there.store.page(talk.id, { limit: 0 })).conversation.line, [
      by,
      ...waiting,
    ]);
  });

  it("keeps a stop that came before it was applied", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, b, all } = await startExchanges(harness.here, "a", "b", "c");
    const edit = revisionTurn(b.turn.message.id, "changed");
    await harness.here.store.accept(talk.id, edit);
    await harness.there.store.cancel(talk.id, edit.runId, "all");
    const by = await talk.record(edit);
    const { conversation, messages } = await harness.there.store.page(talk.id, { limit: 100 });
    assert.deepEqual(conversation.line, [{ ...by, cancelled: true }]);
    assert.deepEqual(messages, all.slice(0, 2), "it is applied all the same");
  });

  it("is applied again and again, at any place, and the conversation stays whole", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, a, c } = await startExchanges(harness.here, "a", "b", "c");
    for (const [id, text] of [
      [c.turn.message.id, "c2"],
      [c.turn.message.id, undefined],
      [a.turn.message.id, "a2"],
      [a.turn.message.id, undefined],
      [a.turn.message.id, "a"],
    ] as const) {
      const by = await talk.apply(revisionTurn(id, text));
      const reply = await talk.answer(by);
      // Every call looks whether a part is missing.
      assert.equal(
        (await harness.there.store.accept(talk.id, revisionTurn(id, by.message.content))).duplicate,
        text !== undefined,
      );
      await harness.there.store.cancel(talk.id, undefined, "all");
      assert.deepEqual((await talk.stored()).at(-1), reply);
      const { line } = (await talk.keepers.store.page(talk.id, { limit: 0 })).conversation;
      for (const turn of line) if (turn.type === "revision") await talk.answer(await talk.record(turn));
    }
    assert.deepEqual(
      (await talk.stored()).map(({ role }) => role),
      ["user", "assistant"],
    );
  });
}

function describeWhatIsForgotten(createHarness: CreateStorageHarness): void {
  it("leaves no page before what was removed, and no revision of it", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, a, b, c } = await startExchanges(harness.here, "a", "b", "c");
    const by = await talk.apply(revisionTurn(b.turn.message.id, "changed"));
    const gone = [b.reply.id, c.turn.message.id, c.reply.id];
    for (const before of [...gone, b.turn.message.id])
      await rejectsWith("message_not_found", harness.there.store.page(talk.id, { before, limit: 5 }));
    for (const id of gone)
      for (const text of ["again", "c", undefined])
        await rejectsWith("message_not_found", harness.there.store.accept(talk.id, revisionTurn(id, text)));
    const { messages, olderCount } = await harness.there.store.page(talk.id, {
      before: a.reply.id,
      limit: 5,
    });
    assert.deepEqual([messages, olderCount], [[a.turn.message], 0]);
    await talk.answer(by);
    for (const before of gone)
      await rejectsWith("message_not_found", harness.there.store.page(talk.id, { before, limit: 5 }));
  });

  it("answers a removed message that is sent again as a known one, and starts nothing", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, a, c } = await startExchanges(harness.here, "a", "b", "c");
    const by = await talk.apply(revisionTurn(a.turn.message.id, "changed"));
    const resend = (text: string) =>
      harness.there.store.accept(talk.id, messageTurn(text, c.turn.message.id));
    const known = { runId: c.turn.runId, state: "finished", position: 0, duplicate: true };
    assert.deepEqual(await resend("c"), known);
    await rejectsWith("id_conflict", resend("other"));
    assert.deepEqual((await harness.here.store.page(talk.id, { limit: 0 })).conversation.line, [by]);
  });

  it("asks a message anew that an earlier revision has removed while its own waited", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, a, c } = await startExchanges(harness.here, "a", "b", "c");
    const [ofC, ofA] = [revisionTurn(c.turn.message.id, "c2"), revisionTurn(a.turn.message.id, "a2")];
    for (const turn of [ofC, ofA]) await harness.here.store.accept(talk.id, turn);
    const line = (await harness.there.store.page(talk.id, { limit: 0 })).conversation.line;
    assert.deepEqual(line, [ofA, ofC]);
    const first = await talk.record(ofA);
    const reply = await talk.answer(first);
    const second = await talk.record(ofC);
    const last = await talk.answer(second);
    assert.deepEqual(await talk.stored(), [first.message, reply, second.message, last]);
  });
}

function describeWhatChangesNothing(createHarness: CreateStorageHarness): void {
  it("changes nothing the second time: waiting, running, ended", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, b, c } = await startExchanges(harness.here, "a", "b", "c");
    const edit = revisionTurn(b.turn.message.id, "changed");
    await harness.here.store.accept(talk.id, edit);
    const removed = [b.reply.id, c.turn.message.id, c.reply.id];
    const change = revisedBy(edit, removed, 90, b.turn.runId);
    for (const step of [
      change,
      { type: "run-started", runId: edit.runId },
      { type: "run-finished", runId: edit.runId, reply: replyTo(change.by, "new"), seq: 95 },
    ] as const) {
      await harness.here.store.record(talk.lease, step);
      const before = structuredClone(await harness.here.store.page(talk.id, { limit: 100 }));
      await harness.here.store.record(talk.lease, { ...change, seq: 99 });
      assert.deepEqual(await harness.there.store.page(talk.id, { limit: 100 }), before, step.type);
    }
  });

  it("changes nothing where it was never accepted", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, a, all } = await startExchanges(harness.here, "a", "b", "c");
    const removed = all.slice(1).map(({ id }) => id);
    await harness.here.store.record(talk.lease, revisedBy(revisionTurn(a.turn.message.id, "x"), removed, 99));
    const { conversation, messages } = await harness.there.store.page(talk.id, { limit: 100 });
    assert.deepEqual([messages, conversation.seq, conversation.line], [all, talk.seq, []]);
  });

  it("is run_interrupted under a lease that is no longer the newest", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, a, all } = await startExchanges(harness.here, "a", "b", "c");
    const edit = revisionTurn(a.turn.message.id, "changed");
    await harness.here.store.accept(talk.id, edit);
    await harness.lapseLease(talk.id);
    await takeLease(harness.there, talk.id);
    await rejectsWith("run_interrupted", talk.record(edit));
    const { conversation, messages } = await harness.there.store.page(talk.id, { limit: 100 });
    assert.deepEqual([messages, conversation.line], [all, [edit]]);
  });

  it("begins no revision as if it were a message, and ends none", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, a } = await startExchanges(harness.here, "a", "b", "c");
    const edit = revisionTurn(a.turn.message.id, "changed");
    await harness.here.store.accept(talk.id, edit);
    const before = structuredClone(await harness.here.store.page(talk.id, { limit: 100 }));
    await harness.here.store.record(talk.lease, { type: "run-started", runId: edit.runId });
    await harness.here.store.record(talk.lease, { type: "run-finished", runId: edit.runId, seq: 99 });
    assert.deepEqual(await harness.there.store.page(talk.id, { limit: 100 }), before);
  });
}
