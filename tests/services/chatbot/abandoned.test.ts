// Which conversations are found by instances that have never heard of them: those that somebody left something to do in.

import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { LEASE_TIMES } from "#app/services/chatbot/run-lease.ts";
import {
  messageTurn,
  newConversation,
  openConversation,
  personaTurn,
  rejectsWith,
  takeLease,
} from "../../contracts/conversation-samples.ts";
import type { StorageHarness } from "../../contracts/storage-harness.ts";
import { createLocalHarness } from "../../support/local-harness.ts";
import { harnessesOn, type RedisInstances, startInstances } from "../../support/redis-harness.ts";

/** What an instance that saw nothing of it finds after so long. */
function findAfter(test: TestContext, { there }: StorageHarness, passedMs: number) {
  test.mock.timers.tick(passedMs);
  return there.lease.abandoned();
}

describe("in memory", () => {
  it("nothing is ever abandoned: what a process leaves behind dies with it", async () => {
    const harness = createLocalHarness();
    const { id, lease } = await openConversation(harness.here);
    await harness.here.store.accept(id, messageTurn("x"));
    assert.deepEqual(await harness.here.lease.abandoned(), []);
    await harness.lapseLease(id);
    assert.deepEqual(await harness.here.lease.abandoned(), []);
    const next = await takeLease(harness.here, id);
    await harness.here.lease.release(lease, false);
    await harness.here.lease.release(next, false);
    assert.deepEqual(await harness.here.lease.abandoned(), []);
    assert.ok(await harness.here.lease.acquire(id), "given back all the same");
  });
});

describe("on Redis", () => {
  let instances: RedisInstances | undefined;
  const createHarness = harnessesOn(() => instances ?? assert.fail("not started"));
  before(async () => {
    instances = await startInstances();
  });
  after(() => instances?.[Symbol.asyncDispose]());

  /** The clock of the instances stands still but for what a test lets pass. */
  async function harnessFor(test: TestContext): Promise<StorageHarness> {
    test.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    return createHarness({ maxEvents: 8, maxAgeMs: 60_000 });
  }

  it("a message that was accepted and that nobody took up is found after 2 s, and not before", async (test) => {
    const harness = await harnessFor(test);
    const { id } = newConversation();
    await harness.here.store.create(newConversation({ id }));
    assert.deepEqual(await findAfter(test, harness, 60_000), [], "there is nothing to do in it yet");
    await harness.here.store.accept(id, messageTurn("x"));
    assert.deepEqual(await findAfter(test, harness, 1_999), []);
    assert.deepEqual(await findAfter(test, harness, 1), [id]);
    assert.deepEqual(await harness.here.lease.abandoned(), [id], "by everybody, until somebody takes it");
  });

  it("so is a choice of persona", async (test) => {
    const harness = await harnessFor(test);
    const { id } = newConversation();
    await harness.here.store.create(newConversation({ id }));
    await harness.here.store.accept(id, personaTurn("notes"));
    assert.deepEqual(await findAfter(test, harness, 2_000), [id]);
  });

  it("one whose holder died is found when its lease has lapsed, and not before", async (test) => {
    const harness = await harnessFor(test);
    const { id, lease } = await openConversation(harness.here);
    await harness.here.store.accept(id, messageTurn("x"));
    assert.deepEqual(await findAfter(test, harness, LEASE_TIMES.lifeMs - 1), []);
    assert.equal(await harness.here.lease.renew(lease), true);
    assert.deepEqual(
      await findAfter(test, harness, LEASE_TIMES.lifeMs - 1),
      [],
      "counted from its last renewal",
    );
    assert.deepEqual(await findAfter(test, harness, 1), [id]);
  });

  it("a further message does not bring a run that goes on to anybody's notice", async (test) => {
    const harness = await harnessFor(test);
    const { id } = await openConversation(harness.here);
    await harness.there.store.accept(id, messageTurn("while it runs"));
    assert.deepEqual(await findAfter(test, harness, 5_000), []);
  });

  it("one that was worked off is not found any more", async (test) => {
    const harness = await harnessFor(test);
    const { id, lease } = await openConversation(harness.here);
    const turn = messageTurn("x");
    await harness.here.store.accept(id, turn);
    await harness.here.store.record(lease, { type: "run-finished", runId: turn.runId, seq: 1 });
    await harness.here.lease.release(lease);
    assert.deepEqual(await findAfter(test, harness, 3_600_000), []);
  });

  it("one is found into whose line something came at the last moment, though its holder had seen an empty one", async (test) => {
    const harness = await harnessFor(test);
    const { id, lease } = await openConversation(harness.here);
    await harness.there.store.accept(id, messageTurn("x"));
    await harness.here.lease.release(lease, true);
    assert.deepEqual(await findAfter(test, harness, 0), [id]);
  });

  it("one is found whose message was accepted in the moment in which the lease was given back", async (test) => {
    const harness = await harnessFor(test);
    const { id, lease } = await openConversation(harness.here);
    await Promise.all([harness.here.lease.release(lease), harness.here.store.accept(id, messageTurn("x"))]);
    assert.deepEqual(await findAfter(test, harness, 2_000), [id]);
  });

  it("one that was handed over is found at once, and free", async (test) => {
    const harness = await harnessFor(test);
    const { id, lease } = await openConversation(harness.here);
    await harness.here.lease.release(lease, false);
    assert.deepEqual(await findAfter(test, harness, 0), [id]);
    await takeLease(harness.there, id);
    assert.deepEqual(await findAfter(test, harness, 0), [], "and no more once it is taken");
  });

  it("one whose conversation is gone goes away when somebody has looked", async (test) => {
    const harness = await harnessFor(test);
    const { id } = newConversation();
    await rejectsWith("conversation_not_found", harness.here.store.accept(id, messageTurn("x")));
    assert.deepEqual(await findAfter(test, harness, 2_000), [id]);
    await harness.there.lease.release(await takeLease(harness.there, id));
    assert.deepEqual(await findAfter(test, harness, 3_600_000), []);
  });

  for (const isDone of [true, false]) {
    it(`a holder who lost it says nothing of it any more by giving it back (${isDone ? "done" : "not done"})`, async (test) => {
      const harness = await harnessFor(test);
      const { id, lease } = await openConversation(harness.here);
      await harness.lapseLease(id);
      await takeLease(harness.there, id);
      await harness.here.lease.release(lease, isDone);
      assert.deepEqual(await findAfter(test, harness, LEASE_TIMES.lifeMs - 1), []);
      // The newer holder dies without having renewed it once.
      assert.deepEqual(await findAfter(test, harness, 1), [id]);
    });
  }

  it("the longest overdue ones are found first, a hundred at a time", async (test) => {
    const harness = await harnessFor(test);
    const ids: string[] = [];
    for (let made = 0; made < 101; made += 1) {
      const { id, lease } = await openConversation(harness.here);
      await harness.here.lease.release(lease, false);
      ids.push(id);
      test.mock.timers.tick(1);
    }
    assert.deepEqual(await harness.there.lease.abandoned(), ids.slice(0, 100));
  });

  it("nothing is found, and nothing rejects, while Redis is away", async () => {
    await using own = await startInstances();
    const { id, lease } = await openConversation(own.here);
    await own.here.lease.release(lease, false);
    assert.deepEqual(await own.there.lease.abandoned(), [id]);
    await own.server.kill();
    assert.deepEqual(await own.there.lease.abandoned(), []);
  });
});
