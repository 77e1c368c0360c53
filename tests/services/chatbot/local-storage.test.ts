// The shelf of the in-memory bundle: who leaves, and who never does. Its account of bytes has a file of its own.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LocalStorage, LocalStorageOptions } from "#app/services/chatbot/local-storage.ts";
import { LEASE_TIMES } from "#app/services/chatbot/run-lease.ts";
import { messageTurn, newConversation, rejectsWith } from "../../contracts/conversation-samples.ts";
import { createLocalHarness } from "../../support/local-harness.ts";

/** What an empty record costs, whatever that is. */
const EMPTY_BYTES = shelf().add("a").bytes;
const LARGE = 100_000;
const overloaded = { name: "AppError", code: "overloaded" };

function shelf(limits: Partial<LocalStorageOptions> = {}): LocalStorage {
  return createLocalHarness(undefined, limits).storage;
}

/** Which of these ids are still there; asked in their own order, so that they keep it. */
function kept(storage: LocalStorage, ...ids: string[]): string[] {
  return ids.filter((id) => storage.find(id) !== undefined);
}

function run(storage: LocalStorage, id: string): void {
  const record = storage.find(id) ?? storage.add(id);
  record.lease = { generation: storage.nextGeneration(), heldUntil: storage.now + LEASE_TIMES.lifeMs };
}

describe("the shelf's bound by count", () => {
  it("lets the oldest leave first", () => {
    const storage = shelf({ maxConversations: 3 });
    for (const id of ["a", "b", "c", "d", "e"]) storage.add(id);
    assert.equal(storage.size, 3);
    assert.deepEqual(kept(storage, "a", "b", "c", "d", "e"), ["c", "d", "e"]);
  });

  it("counts every use as youth, a look included", () => {
    const storage = shelf({ maxConversations: 3 });
    for (const id of ["a", "b", "c"]) storage.add(id);
    storage.find("a");
    storage.add("d");
    assert.deepEqual(kept(storage, "a", "b", "c", "d"), ["a", "c", "d"]);
  });

  it("passes over a running one, however old, until its lease has lapsed", () => {
    const harness = createLocalHarness(undefined, { maxConversations: 2 });
    const { storage } = harness;
    run(storage, "running");
    for (const id of ["a", "b"]) storage.add(id);
    assert.deepEqual(kept(storage, "running", "a", "b"), ["running", "b"]);
    harness.passMs(LEASE_TIMES.lifeMs);
    storage.add("c");
    assert.deepEqual(kept(storage, "running", "b", "c"), ["b", "c"]);
  });

  it("is overloaded when all of them run, and holds what it held", () => {
    const storage = shelf({ maxConversations: 2 });
    for (const id of ["a", "b"]) run(storage, id);
    const { bytes } = storage;
    assert.throws(() => storage.add("c"), overloaded);
    assert.deepEqual(kept(storage, "a", "b", "c"), ["a", "b"]);
    assert.deepEqual([storage.size, storage.bytes], [2, bytes]);
  });

  it("lets nobody leave who still owes an answer, with no lease or a lapsed one", async () => {
    const { here, storage, passMs } = createLocalHarness(undefined, { maxConversations: 1 });
    const { id } = newConversation();
    await here.store.create(newConversation({ id }));
    await here.store.accept(id, messageTurn("not answered yet"));
    await rejectsWith("overloaded", here.store.create(newConversation()));
    await here.lease.acquire(id);
    passMs(LEASE_TIMES.lifeMs + 1);
    await rejectsWith("overloaded", here.store.create(newConversation()));
    assert.equal((await here.store.page(id, { limit: 1 })).conversation.line.length, 1);
    assert.equal(storage.size, 1);
  });
});

describe("the shelf's bound by bytes", () => {
  const limits = { maxBytes: EMPTY_BYTES * 3 + LARGE };

  it("lets the oldest leave until the rest fits", () => {
    const storage = shelf(limits);
    for (const id of ["a", "b", "c"]) storage.add(id);
    storage.grow("c", storage.find("c") ?? storage.add("c"), LARGE + EMPTY_BYTES);
    assert.deepEqual(kept(storage, "a", "b", "c"), ["b", "c"]);
    assert.equal(storage.bytes, EMPTY_BYTES * 2 + LARGE + EMPTY_BYTES);
  });

  it("does not let the one leave that grows, even where it is the oldest", () => {
    const storage = shelf(limits);
    const record = storage.add("a");
    for (const id of ["b", "c"]) storage.add(id);
    storage.grow("a", record, LARGE + EMPTY_BYTES * 2);
    assert.deepEqual(kept(storage, "a", "b", "c"), ["a"]);
  });

  it("refuses a newcomer and a reservation while running ones fill it, and counts nothing of them", () => {
    const storage = shelf(limits);
    run(storage, "a");
    const record = storage.find("a");
    assert.ok(record);
    storage.grow("a", record, LARGE + EMPTY_BYTES * 3);
    const { bytes } = storage;
    assert.throws(() => storage.add("b"), overloaded);
    assert.throws(() => storage.reserve("a", record, 1), overloaded);
    assert.deepEqual([storage.size, storage.bytes, record.bytes], [1, bytes, bytes]);
  });

  it("takes a reservation that fits exactly", () => {
    const storage = shelf(limits);
    storage.reserve("a", storage.add("a"), limits.maxBytes - EMPTY_BYTES);
    assert.equal(storage.bytes, limits.maxBytes);
  });

  it("is not passed by logs that nobody runs any more", async () => {
    const { here, storage } = createLocalHarness(undefined, { maxBytes: 200_000 });
    for (let index = 0; index < 20; index += 1) {
      const { id } = newConversation();
      await here.store.create(newConversation({ id }));
      const lease = await here.lease.acquire(id);
      assert.ok(lease);
      await here.log.open(id);
      await here.log.append(lease, { firstSeq: 1, events: ["x".repeat(30_000)], floorSeq: 1 });
      await here.lease.release(lease);
      assert.ok(storage.bytes <= 200_000);
    }
    assert.ok(storage.size >= 2);
  });
});

describe("the shelf's time", () => {
  it("is over for what nobody touched for longer than its TTL", () => {
    const { storage, passMs } = createLocalHarness(undefined, { ttlMs: 60_000 });
    storage.add("a");
    passMs(60_000);
    assert.ok(storage.find("a"));
    passMs(60_000);
    assert.ok(storage.find("a"), "the look before began its time anew");
    passMs(60_001);
    assert.equal(storage.find("a"), undefined);
    assert.deepEqual([storage.size, storage.bytes], [0, 0]);
  });

  it("is not over while it runs", () => {
    const { storage, passMs } = createLocalHarness(undefined, { ttlMs: 1_000 });
    run(storage, "a");
    passMs(LEASE_TIMES.lifeMs - 1);
    assert.ok(storage.find("a"));
  });

  it("is swept for all whose time is over, and for no other", () => {
    const { storage, passMs } = createLocalHarness(undefined, { ttlMs: 60_000 });
    for (const id of ["a", "b", "c"]) storage.add(id);
    passMs(40_000);
    storage.find("b");
    passMs(40_000);
    storage.sweep();
    assert.equal(storage.size, 1);
    assert.deepEqual(kept(storage, "a", "b", "c"), ["b"]);
  });

  it("is swept behind a running one that is older", () => {
    const { storage, passMs } = createLocalHarness(undefined, { ttlMs: 1_000 });
    run(storage, "running");
    storage.add("idle");
    passMs(2_000);
    storage.sweep();
    assert.deepEqual([storage.size, kept(storage, "running", "idle")], [1, ["running"]]);
  });
});

describe("a conversation that leaves", () => {
  it("leaves as a whole: history, known ids, log and lease", async () => {
    const { here, storage } = createLocalHarness(undefined, { maxConversations: 1 });
    const wish = newConversation();
    await here.store.create(wish);
    const lease = await here.lease.acquire(wish.id);
    assert.ok(lease);
    const turn = messageTurn("Hello");
    const head = await here.log.open(wish.id);
    await here.store.accept(wish.id, turn);
    await here.log.append(lease, { firstSeq: 1, events: ["event"], floorSeq: 1 });
    await here.store.record(lease, { type: "run-finished", runId: turn.runId, seq: 1 });
    await here.lease.release(lease);
    await here.store.create(newConversation());
    assert.equal(storage.size, 1);
    await rejectsWith("conversation_not_found", here.store.page(wish.id, { limit: 1 }));
    assert.equal(await here.log.read(wish.id, { epoch: head.epoch, after: 0, limit: 1 }), undefined);
    // Its id begins anew, under whoever's token, with nothing of before.
    const { created } = await here.store.create(newConversation({ id: wish.id }));
    assert.equal(created, true);
    assert.equal((await here.store.accept(wish.id, turn)).duplicate, false);
    assert.notEqual((await here.log.open(wish.id)).epoch, head.epoch);
  });
});
