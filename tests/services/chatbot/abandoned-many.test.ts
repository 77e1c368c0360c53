// An instance that dies leaves as many conversations as it had. Another one finds them a hundred at a time: it may not
// take two seconds for each hundred, and not begin a hundred replies in one go.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { LiveConversations } from "#app/services/chatbot/live-conversations.ts";
import type { StorageBundle } from "#app/services/chatbot/storage-bundle.ts";
import { createChatParts } from "../../support/chat-core.ts";
import { settle } from "../../support/settle.ts";
import { until } from "../../support/until.ts";
import { createSharedStorage } from "./shared-log.ts";

const FOUND_AT_ONCE = 100;

/** One instance; `overdue` is what it finds, and `taken` what it has tried to take; where `isHeld`, others have it. */
function start(test: TestContext, { isTaken, isHeld = false }: { isTaken: boolean; isHeld?: boolean }) {
  const shared = createSharedStorage();
  test.after(() => shared.close());
  const overdue = new Set<string>();
  const taken: string[] = [];
  /** How many were taken before each look. */
  const looks: number[] = [];
  const storage: StorageBundle = {
    ...shared,
    lease: {
      acquire: (id) => {
        taken.push(id);
        if (isTaken) overdue.delete(id);
        return isHeld ? Promise.resolve(undefined) : shared.lease.acquire(id);
      },
      renew: (lease) => shared.lease.renew(lease),
      release: (lease, isDone) => shared.lease.release(lease, isDone),
      abandoned: async () => {
        looks.push(taken.length);
        return [...overdue].slice(0, FOUND_AT_ONCE);
      },
    },
  };
  test.mock.timers.enable({ apis: ["setInterval"] });
  const live = new LiveConversations(createChatParts(test, { storage }));
  test.after(() => live.drain(0));
  return { overdue, taken, live, looks };
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `c${index}`.padEnd(22, "x"));
}

describe("many conversations that an instance has left", () => {
  it("are all taken up in one sweep, the longest overdue ones first", async (test) => {
    const { overdue, taken } = start(test, { isTaken: true });
    await settle();
    const ids = names(5 * FOUND_AT_ONCE + 1);
    for (const id of ids) overdue.add(id);
    // The only sweep: the next one would be two seconds later, and never comes.
    test.mock.timers.tick(2_000);
    await until("all of them", () => taken.length >= ids.length, 10_000);
    assert.deepEqual(taken, ids);
  });

  it("that nobody can take are tried once a sweep, and it ends", async (test) => {
    const { overdue, taken, looks } = start(test, { isTaken: false });
    await settle();
    const ids = names(3);
    for (const id of ids) overdue.add(id);
    test.mock.timers.tick(2_000);
    await until("the second look", () => looks.length === 3);
    await settle(30);
    assert.deepEqual([taken, looks.length], [ids, 3]);
    test.mock.timers.tick(2_000);
    await settle(30);
    assert.ok(taken.length > ids.length, "the next sweep tries again");
  });

  it("leave nothing here when they are erased while somebody else holds them", async (test) => {
    const { live, taken } = start(test, { isTaken: false, isHeld: true });
    const ids = names(20);
    for (const id of ids) {
      live.queueOf(id).wake();
      await settle(2);
      live.erase(id);
    }
    await until("all were tried", () => taken.length >= ids.length);
    await settle(30);
    assert.equal(live.counts.live, 0);
  });

  it("are begun a few at a time", async (test) => {
    const { overdue, taken, looks } = start(test, { isTaken: true });
    await settle();
    for (const id of names(FOUND_AT_ONCE)) overdue.add(id);
    test.mock.timers.tick(2_000);
    await until("the look that finds nothing more", () => looks.length === 12);
    assert.deepEqual(looks.slice(1), [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    assert.equal(taken.length, FOUND_AT_ONCE);
  });

  it("are left to others from the moment in which this instance drains", async (test) => {
    const { overdue, taken, looks, live } = start(test, { isTaken: true });
    await settle();
    for (const id of names(2 * FOUND_AT_ONCE)) overdue.add(id);
    test.mock.timers.tick(2_000);
    await until("the first ones", () => taken.length > 0);
    const { length } = taken;
    const looked = looks.length;
    await live.drain(0);
    await until("the look that was still to come", () => looks.length > looked);
    test.mock.timers.tick(10_000);
    await settle(30);
    assert.deepEqual([taken.length, looks.length], [length, looked + 1]);
  });
});
