// Redis comes back from its last snapshot, with an older state: held against the log's promise that no number of one epoch
// ever has two meanings, and that what is left stays readable. A promoted replica: see redis-failover.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogHead } from "#app/services/chatbot/event-log.ts";
import type { RedisBundle } from "#app/services/chatbot/redis-bundle.ts";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import { messageTurn, rejectsWith, takeLease } from "../../contracts/conversation-samples.ts";
import { batch, numbersAfter, type OpenLog, openLog } from "../../contracts/event-log-samples.ts";
import { type RedisInstances, startInstances } from "../../support/redis-harness.ts";
import { asConversation } from "./away-writer.ts";
import { comeBack, continued, reaches } from "./coming-back.ts";

/** A log whose numbers 1 to 3 are in the snapshot. */
async function savedAfterThree({ here, server }: RedisInstances): Promise<OpenLog> {
  const opened = await openLog(here);
  await here.log.append(opened.lease, batch(1, 3, 1));
  await server.command("SAVE");
  return opened;
}

describe("a restart with an older state", () => {
  it("begins another epoch with the number that is left, the same one on both instances", async () => {
    await using both = await startInstances();
    const { here, there, server } = both;
    const opened = await savedAfterThree(both);
    await here.log.append(opened.lease, batch(4, 8, 1));
    await comeBack(server, here, there);

    const heads: LogHead[] = await Promise.all(
      [here, there, here, there].map(({ log }) => log.open(opened.id)),
    );
    const [head] = heads;
    assert.ok(head);
    assert.notEqual(head.epoch, opened.head.epoch);
    assert.deepEqual(heads, [head, head, head, head]);
    assert.equal(head.lastSeq, 3);
    assert.deepEqual(await here.log.open(opened.id), head, "whoever opens later finds it");
    // What both lives have, and under the new name; never a position whose number will be given again.
    const common = { from: [0, 1, 2, 3], as: [head.epoch] };
    for (const bundle of [here, there]) {
      assert.deepEqual(await continued(bundle, opened, 8), common);
      assert.deepEqual(await numbersAfter(bundle, { ...opened, head }, 0), [1, 2, 3]);
    }
  });

  it("gives the lost numbers again under the new epoch alone", async () => {
    await using both = await startInstances();
    const { here, there, server } = both;
    const opened = await openLog(here);
    await here.log.append(opened.lease, batch(1, 3, 1));
    await here.lease.release(opened.lease);
    await server.command("SAVE");
    await here.log.append(await takeLease(here, opened.id), batch(4, 5, 1));
    await comeBack(server, here, there);

    const lease = await takeLease(there, opened.id);
    const head = await there.log.open(opened.id);
    const events = ["another 4", "another 5"];
    await there.log.append(lease, { firstSeq: 4, events, floorSeq: 1 });
    const common = { from: [0, 1, 2, 3], as: [head.epoch] };
    assert.deepEqual(await continued(here, opened, 5), common);
    for (const { epoch } of [head, opened.head]) {
      const slice = await here.log.read(opened.id, { epoch, after: 3, limit: 100 });
      assert.deepEqual(slice, { epoch: head.epoch, firstSeq: 4, lastSeq: 5, events });
    }
    assert.deepEqual(await here.log.open(opened.id), { epoch: head.epoch, lastSeq: 5 });
  });

  it("fences off a lease that it has forgotten, also before anybody else takes one", async () => {
    await using both = await startInstances();
    const { here, there, server } = both;
    const opened = await savedAfterThree(both);
    const lease = await freshLease(here, opened.lease);
    await here.log.append(lease, batch(4, 5, 1));
    await comeBack(server, here, there);

    const { lastSeq } = await there.log.open(opened.id);
    for (const firstSeq of [lastSeq + 1, 6])
      await rejectsWith("run_interrupted", here.log.append(lease, batch(firstSeq, firstSeq)));
    await rejectsWith("run_interrupted", here.store.record(lease, { type: "run-started", runId: "run" }));
    assert.equal(await here.lease.renew(lease), false);
    assert.equal((await there.log.open(opened.id)).lastSeq, 3);
  });

  it("refuses the numbers of a lease that it still knows, where some before them are lost", async () => {
    await using both = await startInstances();
    const { here, there, server } = both;
    const opened = await savedAfterThree(both);
    await here.log.append(opened.lease, batch(4, 5, 1));
    await comeBack(server, here, there);
    await rejectsWith("internal_error", here.log.append(opened.lease, batch(6, 6)));
    assert.equal((await there.log.open(opened.id)).lastSeq, 3);
  });

  it("does not take in a reply that went on from numbers it has lost: nobody could read it from its start", async () => {
    await using both = await startInstances();
    const { here, there, server } = both;
    const opened = await savedAfterThree(both);
    await here.log.append(opened.lease, batch(4, 5, 1));
    const life = here.shelter.detach({ ...asConversation(), id: opened.id }, 5);
    life.events.push("the end of the reply");
    await comeBack(server, here, there);
    assert.equal(await here.lease.renew(opened.lease), true, "the lease is one that it still knows");
    await rejectsWith("run_interrupted", here.shelter.adopt(opened.lease, life));
    assert.equal((await there.log.open(opened.id)).lastSeq, 3);
  });

  it("is no lost conversation: what was said before is there, and what is handed in again is taken", async () => {
    await using both = await startInstances();
    const { here, there, server } = both;
    const { id } = await openLog(here);
    const [kept, forgotten] = [messageTurn("kept"), messageTurn("forgotten")];
    await here.store.accept(id, kept);
    await server.command("SAVE");
    await here.store.accept(id, forgotten);
    await comeBack(server, here, there);
    const known = await there.store.accept(id, kept);
    assert.deepEqual([known.runId, known.duplicate], [kept.runId, true]);
    assert.equal((await there.store.accept(id, forgotten)).duplicate, false);
    const { line } = (await here.store.page(id, { limit: 1 })).conversation;
    assert.deepEqual(line, [kept, forgotten]);
  });

  it("begins another epoch at every further restart, and goes on from the last one alone", async () => {
    await using both = await startInstances();
    const { here, server } = both;
    const opened = await openLog(here);
    await here.log.append(opened.lease, batch(1, 3, 1));
    const epochs = new Set([opened.head.epoch]);
    let { head } = opened;
    for (let restarts = 1; restarts <= 3; restarts += 1) {
      await server.command("SAVE");
      await comeBack(server, here);
      const before = head;
      head = await here.log.open(opened.id);
      assert.equal(epochs.add(head.epoch).size, restarts + 1);
      const level = { from: [0, 1, 2, 3], as: [head.epoch] };
      assert.deepEqual(await continued(here, { ...opened, head: before }, 4), level);
      const older = restarts > 1 ? { from: [], as: [] } : level;
      assert.deepEqual(await continued(here, opened, 4), older);
    }
  });
});

describe("a restart that lost nothing", () => {
  it("begins another epoch too, since nobody can tell, and keeps every event under its number", async () => {
    await using both = await startInstances({ persistent: true });
    const { here, there, server } = both;
    const opened = await openLog(here);
    await here.log.append(opened.lease, batch(1, 8, 1));
    await comeBack(server, here, there);
    const head = await there.log.open(opened.id);
    assert.notEqual(head.epoch, opened.head.epoch);
    assert.equal(head.lastSeq, 8);
    assert.deepEqual(await numbersAfter(here, { ...opened, head }, 0), [1, 2, 3, 4, 5, 6, 7, 8]);
    const all = { from: [0, 1, 2, 3, 4, 5, 6, 7, 8], as: [head.epoch] };
    assert.deepEqual(await continued(here, opened, 8), all);
    // Whoever held the lease goes on where it stood.
    await here.log.append(opened.lease, batch(9, 9, 1));
    assert.deepEqual(await numbersAfter(there, { ...opened, head }, 7), [8, 9]);
  });

  it("is the end of no reader's connection where Redis itself went on: the epoch stays", async () => {
    await using both = await startInstances();
    const { here, there, server } = both;
    const opened = await openLog(here);
    await here.log.append(opened.lease, batch(1, 3, 1));
    await server.command("CLIENT", "KILL", "TYPE", "normal");
    await Promise.all([here, there].map(reaches));
    assert.deepEqual(await there.log.open(opened.id), { epoch: opened.head.epoch, lastSeq: 3 });
    assert.deepEqual(await numbersAfter(here, opened, 0), [1, 2, 3]);
  });
});

async function freshLease({ lease }: RedisBundle, held: Lease): Promise<Lease> {
  await lease.release(held);
  const next = await lease.acquire(held.conversationId);
  assert.ok(next);
  return next;
}
