// The end of a conversation, as every storage keeps its word about it: nothing of it comes back, from nobody.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import { messageTurn, newConversation, personaTurn, rejectsWith, replyTo } from "./conversation-samples.ts";
import { revisionTurn } from "./revision-samples.ts";
import { type CreateStorageHarness, type Keepers, TEST_WINDOW } from "./storage-harness.ts";

export function describeConversationErasure(createHarness: CreateStorageHarness): void {
  describe("an erasure", () => describeErasure(createHarness));
}

/** A conversation with a reply, a running turn and a waiting one, and events in its log. */
async function converse(keepers: Keepers) {
  const { store, log, lease } = keepers;
  const wish = newConversation({ locale: "tr", visitor: "somebody" });
  const { id } = wish;
  await store.create(wish);
  const held = await lease.acquire(id);
  assert.ok(held);
  const head = await log.open(id);
  const turns = [messageTurn("one"), messageTurn("two"), messageTurn("three")] as const;
  for (const turn of turns) await store.accept(id, turn);
  await store.record(held, { type: "run-started", runId: turns[0].runId });
  const reply = replyTo(turns[0], "to one");
  await store.record(held, { type: "run-finished", runId: turns[0].runId, reply, seq: 2 });
  await store.record(held, { type: "run-started", runId: turns[1].runId });
  await log.append(held, { firstSeq: 1, events: ["a", "b", "c"], floorSeq: 1 });
  return { wish, id, held, head, turns, reply };
}

const erase = ({ store }: Keepers, { id, tokenHash }: { id: string; tokenHash: string }): Promise<void> =>
  store.amend(id, { type: "erased", tokenHash });

/** Everything that somebody who has not heard of it may still try. */
function latecomers(
  { store, log, lease }: Keepers,
  { id, held, turns, reply, head }: Awaited<ReturnType<typeof converse>>,
): Readonly<Record<string, () => Promise<unknown>>> {
  const [one, two, three] = turns;
  return {
    "a message": () => store.accept(id, messageTurn("late")),
    "a known message": () => store.accept(id, one),
    "a persona": () => store.accept(id, personaTurn("x")),
    "a revision": () => store.accept(id, revisionTurn(one.message.id, "late")),
    "a stop": () => store.cancel(id, undefined, "all"),
    feedback: () => store.amend(id, { type: "feedback", messageId: reply.id, feedback: { rating: "up" } }),
    "the start of a run": () => store.record(held, { type: "run-started", runId: three.runId }),
    "the end of a run": () =>
      store.record(held, { type: "run-finished", runId: two.runId, reply: replyTo(two, "late"), seq: 9 }),
    "a page": () => store.page(id, { limit: 10 }),
    "an append": () => log.append(held, { firstSeq: 4, events: ["late"], floorSeq: 1 }),
    "a renewal": async () => assert.equal(await lease.renew(held), false),
    "a return of the lease": () => lease.release(held, false),
    "a reader": async () =>
      assert.equal(await log.read(id, { epoch: head.epoch, after: 0, limit: 9 }), undefined),
  };
}

function describeErasure(createHarness: CreateStorageHarness): void {
  it("leaves nothing that anybody could read or add to, on whichever instance", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const said = await converse(harness.here);
    await erase(harness.there, said.wish);
    for (const keepers of [harness.here, harness.there]) {
      for (const [name, attempt] of Object.entries(latecomers(keepers, said))) {
        const outcome = await attempt().then(
          () => "nothing",
          (error: unknown) => Object(error).code,
        );
        const expected =
          name === "an append"
            ? "run_interrupted"
            : /renewal|return|reader/.test(name)
              ? "nothing"
              : "conversation_not_found";
        assert.equal(outcome, expected, name);
      }
    }
    await rejectsWith("conversation_not_found", harness.here.store.page(said.id, { limit: 0 }));
  });

  it("is conversation_not_found the second time, for another token, and for what never was", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const said = await converse(harness.here);
    const before = structuredClone(await harness.here.store.page(said.id, { limit: 10 }));
    const { tokenHash } = newConversation();
    await rejectsWith("conversation_not_found", erase(harness.there, { id: said.id, tokenHash }));
    await rejectsWith("conversation_not_found", erase(harness.there, newConversation()));
    assert.deepEqual(await harness.here.store.page(said.id, { limit: 10 }), before);
    assert.equal(await harness.here.lease.renew(said.held), true);
    await erase(harness.there, said.wish);
    await rejectsWith("conversation_not_found", erase(harness.here, said.wish));
  });

  it("happens once, however many ask for it at the same time", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { wish } = await converse(harness.here);
    const asked = [harness.here, harness.there, harness.here].map((keepers) => erase(keepers, wish));
    const done = await Promise.allSettled(asked);
    assert.equal(done.filter(({ status }) => status === "fulfilled").length, 1);
  });

  it("frees the id: what is made under it next is empty, and its log is another", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const said = await converse(harness.here);
    await erase(harness.here, said.wish);
    const { id, createdAt, persona, tokenHash } = said.wish;
    const again = { id, createdAt, persona, tokenHash };
    assert.deepEqual(await harness.there.store.create(again), {
      conversation: { ...again, seq: 0, line: [] },
      created: true,
    });
    const head = await harness.there.log.open(id);
    assert.equal(head.lastSeq, 0);
    assert.notEqual(head.epoch, said.head.epoch);
    assert.equal(await harness.there.log.read(id, { epoch: said.head.epoch, after: 0, limit: 9 }), undefined);
    // A message whose id was known is a new one.
    assert.equal((await harness.there.store.accept(id, said.turns[0])).duplicate, false);
  });

  it("keeps whoever held the lease away from what is made under the id next", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const said = await converse(harness.here);
    const { id, held, turns } = said;
    await erase(harness.here, said.wish);
    await harness.here.store.create(said.wish);
    const next = await harness.there.lease.acquire(id);
    assert.ok(next, "nobody holds it");
    assert.ok(next.generation > held.generation, `${next.generation} after ${held.generation}`);
    await harness.there.log.open(id);
    await harness.there.store.accept(id, turns[1]);
    const finish = (lease: Lease): Promise<void> =>
      harness.here.store.record(lease, {
        type: "run-finished",
        runId: turns[1].runId,
        reply: replyTo(turns[1], "of the old one"),
        seq: 9,
      });
    await rejectsWith("run_interrupted", finish(held));
    await rejectsWith(
      "run_interrupted",
      harness.here.log.append(held, { firstSeq: 1, events: ["old"], floorSeq: 1 }),
    );
    assert.equal(await harness.here.lease.renew(held), false);
    await harness.here.lease.release(held);
    assert.equal(await harness.there.lease.renew(next), true);
    const { messages, conversation } = await harness.there.store.page(id, { limit: 9 });
    assert.deepEqual([messages, conversation.line], [[], [turns[1]]]);
  });

  it("takes nothing of any other conversation", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const said = await converse(harness.here);
    const other = await converse(harness.here);
    const before = structuredClone(await harness.here.store.page(other.id, { limit: 10 }));
    await erase(harness.here, said.wish);
    assert.deepEqual(await harness.here.store.page(other.id, { limit: 10 }), before);
    await harness.here.log.append(other.held, { firstSeq: 4, events: ["d"], floorSeq: 1 });
  });
}
