// When a revision is known already and stores nothing, as every ConversationStore keeps it, over its whole life.

import assert from "node:assert/strict";
import { it } from "node:test";
import { messageTurn, openConversation, rejectsWith } from "./conversation-samples.ts";
import { lineOf, revisedBy, revisionTurn, startTalk, stopped } from "./revision-samples.ts";
import { type CreateStorageHarness, TEST_WINDOW } from "./storage-harness.ts";

export function describeKnownRevisions(createHarness: CreateStorageHarness): void {
  it("is known where the same text was asked for, over its life, from either instance", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const { id, lease, old, reply, first } = await startTalk(harness.here, true);
    const edit = revisionTurn(old.message.id, "changed");
    await store.accept(id, edit);
    const again = () => harness.there.store.accept(id, revisionTurn(old.message.id, "changed"));
    const known = { runId: edit.runId, duplicate: true };
    assert.deepEqual(await again(), { ...known, state: "waiting", position: 1 });
    await store.record(lease, { type: "run-finished", runId: first.runId, seq: 7 });
    assert.deepEqual(await again(), { ...known, state: "waiting", position: 0 });
    await store.record(lease, revisedBy(edit, [reply.id, first.message.id], 8, old.runId));
    assert.deepEqual(await again(), { ...known, state: "waiting", position: 0 });
    await store.record(lease, { type: "run-started", runId: edit.runId });
    assert.deepEqual(await again(), { ...known, state: "running", position: 0 });
    await store.record(lease, { type: "run-finished", runId: edit.runId, seq: 11 });
    assert.deepEqual(await again(), { ...known, state: "finished", position: 0 });
  });

  it("is known where it changes nothing: an edit to the text that stands there", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { id, old, first, second } = await startTalk(harness.here, true);
    const same = await harness.there.store.accept(id, revisionTurn(old.message.id, "old"));
    assert.deepEqual(same, { runId: old.runId, state: "finished", position: 0, duplicate: true });
    assert.deepEqual(await lineOf(harness.here, id), [first, second]);
  });

  it("is known by its name where a copy of it comes after a newer edit, from either instance", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const { id, old, first, second } = await startTalk(harness.here, true);
    const named = (text: string, commandId: string) => ({
      ...revisionTurn(old.message.id, text),
      commandId,
    });
    const [one, two] = [named("one", "a"), named("two", "b")];
    await store.accept(id, one);
    await store.accept(id, two);
    const line = await lineOf(harness.there, id);
    assert.deepEqual(line, [stopped(first), stopped(one), two, second]);
    for (const { runId, text, commandId } of [one, two]) {
      const known = await harness.there.store.accept(id, named(text, commandId));
      assert.partialDeepStrictEqual(known, { runId, duplicate: true });
    }
    assert.deepEqual(await lineOf(harness.here, id), line);
    const another = await harness.there.store.accept(id, named("one", "c"));
    assert.equal(another.duplicate, false, "the same words, said anew");
  });

  it("is answered with the run that has taken its own over, sent again under its name", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const { id, lease, old, reply, first } = await startTalk(harness.here, false);
    const edit = { ...revisionTurn(old.message.id, "changed"), commandId: "a" };
    await store.accept(id, edit);
    const change = revisedBy(edit, [reply.id], 8);
    await store.record(lease, change);
    await store.record(lease, { type: "run-started", runId: edit.runId });
    const by = { ...change.by, runId: "successor", message: { ...change.by.message, runId: "successor" } };
    await store.record(lease, { type: "run-replaced", runId: edit.runId, by, seq: 9 });
    const again = await harness.there.store.accept(id, { ...edit, runId: "again" });
    assert.partialDeepStrictEqual(again, { runId: "successor", state: "waiting", duplicate: true });
    assert.equal((await lineOf(harness.here, id)).length, 3, first.runId);
  });

  it("that changed nothing is known by its name, too, where a copy of it comes after another edit", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const { id, old } = await startTalk(harness.here, true);
    const idle = () => ({ ...revisionTurn(old.message.id, "old"), commandId: "a" });
    await store.accept(id, idle());
    await store.accept(id, revisionTurn(old.message.id, "changed"));
    const copy = await harness.there.store.accept(id, idle());
    assert.deepEqual(copy, { runId: old.runId, state: "finished", position: 0, duplicate: true });
  });

  it("is new where a message is to say again what it said before an edit", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { id, old } = await startTalk(harness.here, true);
    for (const text of ["changed", "old", "changed"])
      assert.equal(
        (await harness.here.store.accept(id, revisionTurn(old.message.id, text))).duplicate,
        false,
      );
  });

  it("that only asks for another answer is known while one waits, and new once it runs or has ended", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const { id, lease, old, reply, first } = await startTalk(harness.here, true);
    const turn = revisionTurn(old.message.id);
    const again = async () => (await harness.there.store.accept(id, revisionTurn(old.message.id))).duplicate;
    await store.accept(id, turn);
    assert.equal(await again(), true, "it waits");
    await store.record(lease, { type: "run-finished", runId: first.runId, seq: 7 });
    await store.record(lease, revisedBy(turn, [reply.id, first.message.id], 8));
    await store.record(lease, { type: "run-started", runId: turn.runId });
    assert.equal(await again(), false, "it runs");
    assert.equal(await again(), true, "the next one waits");
  });

  it("that only asks for another answer is answered with the edit that waits already", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { id, old } = await startTalk(harness.here, true);
    const edit = revisionTurn(old.message.id, "changed");
    await harness.here.store.accept(id, edit);
    const again = await harness.there.store.accept(id, revisionTurn(old.message.id));
    assert.deepEqual(again, { runId: edit.runId, state: "waiting", position: 1, duplicate: true });
  });

  it("that only asks for another answer is new where the one that waits was stopped", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { id, old, first, second } = await startTalk(harness.here, true);
    const [one, two] = [revisionTurn(old.message.id), revisionTurn(old.message.id)];
    await harness.here.store.accept(id, one);
    await harness.here.store.cancel(id, one.runId, "all");
    const accepted = await harness.there.store.accept(id, two);
    assert.deepEqual([accepted.duplicate, accepted.runId, accepted.position], [false, two.runId, 2]);
    assert.deepEqual(await lineOf(harness.here, id), [stopped(first), stopped(one), two, second]);
  });

  it("is stored once of many that arrive at once with one text, and each of many with others", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { id, lease } = await openConversation(harness.here);
    const turn = messageTurn("Hello");
    await harness.here.store.accept(id, turn);
    await harness.here.store.record(lease, { type: "run-finished", runId: turn.runId, seq: 1 });
    const send = (texts: readonly (string | undefined)[]) =>
      Promise.all(
        texts.map((text, index) =>
          (index % 2 ? harness.here : harness.there).store.accept(id, revisionTurn(turn.message.id, text)),
        ),
      );
    const same = await send(["x", "x", "x", "x", "x", "x"]);
    assert.equal(new Set(same.map(({ runId }) => runId)).size, 1);
    assert.equal(same.filter(({ duplicate }) => !duplicate).length, 1);
    const others = await send(["a", "b", "c"]);
    assert.deepEqual(new Set(others.map(({ position }) => position)), new Set([1, 2, 3]));
    const line = await lineOf(harness.here, id);
    assert.deepEqual(
      line.map((entry) => entry.type === "revision" && entry.cancelled),
      [true, true, true, false],
      "the last one is answered",
    );
  });

  it("leaves the first text what the message was sent with: that again is known, the edited one a conflict", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { store } = harness.here;
    const { id, lease, old, reply, first } = await startTalk(harness.here, true);
    const edit = revisionTurn(old.message.id, "changed");
    await store.accept(id, edit);
    const resend = (text: string) => harness.there.store.accept(id, messageTurn(text, old.message.id));
    const known = { runId: edit.runId, duplicate: true };
    assert.deepEqual(await resend("old"), { ...known, state: "waiting", position: 1 });
    await rejectsWith("id_conflict", resend("changed"));
    await store.record(lease, { type: "run-finished", runId: first.runId, seq: 7 });
    await store.record(lease, revisedBy(edit, [reply.id, first.message.id], 8));
    await store.record(lease, { type: "run-finished", runId: edit.runId, seq: 9 });
    assert.deepEqual(await resend("old"), { ...known, state: "finished", position: 0 });
    await rejectsWith("id_conflict", resend("changed"));
  });
}
