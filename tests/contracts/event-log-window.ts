// What an event log may forget, and what it never does: cut by count, not below its floor; emptied by age.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { rejectsWith, takeLease } from "./conversation-samples.ts";
import { batch, numbersAfter, type OpenLog, openLog } from "./event-log-samples.ts";
import {
  type CreateStorageHarness,
  type Keepers,
  type StorageHarness,
  TEST_WINDOW,
} from "./storage-harness.ts";

const { maxEvents } = TEST_WINDOW;

export function describeEventLogWindow(createHarness: CreateStorageHarness): void {
  describeWindow(createHarness);
  describeAge(createHarness);
}

/** The lowest position that can still be read on from. */
async function lowestPosition(keepers: Keepers, opened: OpenLog): Promise<number> {
  const { lastSeq } = await keepers.log.open(opened.id);
  let lowest = lastSeq;
  while (lowest > 0 && (await numbersAfter(keepers, opened, lowest - 1))) lowest -= 1;
  return lowest;
}

function describeWindow(createHarness: CreateStorageHarness): void {
  describe("a log that grows", () => {
    it("keeps the newest of its window, whole, and proves nothing below them", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const opened = await openLog(harness.here);
      const last = maxEvents * 3;
      for (let seq = 1; seq <= last; seq += 1) await harness.here.log.append(opened.lease, batch(seq, seq));
      const expected = Array.from({ length: maxEvents }, (_, index) => last - maxEvents + 1 + index);
      assert.deepEqual(await numbersAfter(harness.there, opened, last - maxEvents), expected);
      assert.equal(await numbersAfter(harness.there, opened, 0), undefined);
      // A keeper may cut roughly, never below what it promises.
      assert.ok((await lowestPosition(harness.here, opened)) > 0);
    });

    it("keeps everything from the floor on, however long the run", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const opened = await openLog(harness.here);
      await harness.here.log.append(opened.lease, batch(1, 2));
      const last = maxEvents * 4;
      for (let seq = 3; seq <= last; seq += 1)
        await harness.here.log.append(opened.lease, batch(seq, seq, 3));
      const expected = Array.from({ length: last - 2 }, (_, index) => index + 3);
      assert.deepEqual(await numbersAfter(harness.there, opened, 2), expected);
    });

    it("keeps a batch that is larger than the window where the floor stands at its start", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const opened = await openLog(harness.here);
      await harness.here.log.append(opened.lease, batch(1, maxEvents * 2, 1));
      assert.equal((await numbersAfter(harness.here, opened, 0))?.length, maxEvents * 2);
    });

    it("is cut again once the floor has been released", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const opened = await openLog(harness.here);
      await harness.here.log.append(opened.lease, batch(1, maxEvents * 3, 1));
      for (let seq = maxEvents * 3 + 1; seq <= maxEvents * 5; seq += 1) {
        await harness.here.log.append(opened.lease, batch(seq, seq));
      }
      assert.equal(await numbersAfter(harness.here, opened, 0), undefined);
      assert.ok((await lowestPosition(harness.here, opened)) <= maxEvents * 4);
    });
  });
}

function describeAge(createHarness: CreateStorageHarness): void {
  async function aged(harness: StorageHarness): Promise<OpenLog> {
    const opened = await openLog(harness.here);
    await harness.here.log.append(opened.lease, batch(1, 5));
    await harness.here.lease.release(opened.lease);
    await harness.outliveEvents(opened.id);
    return opened;
  }

  describe("a log whose events are too old", () => {
    it("keeps its epoch and its head, so that a reader that is up to date stays so", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const opened = await aged(harness);
      assert.deepEqual(await numbersAfter(harness.there, opened, 5), []);
      assert.deepEqual(await harness.there.log.open(opened.id), { epoch: opened.head.epoch, lastSeq: 5 });
    });

    it("proves nothing to a reader that is behind, nor to one that is ahead", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const opened = await aged(harness);
      for (const after of [0, 4, 6]) {
        assert.equal(await numbersAfter(harness.there, opened, after), undefined, `after ${after}`);
      }
    });

    it("goes on with the next number", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const opened = await aged(harness);
      const lease = await takeLease(harness.there, opened.id);
      await rejectsWith("internal_error", harness.there.log.append(lease, batch(1, 1)));
      await harness.there.log.append(lease, batch(6, 7));
      assert.deepEqual(await numbersAfter(harness.here, opened, 5), [6, 7]);
      assert.deepEqual(await numbersAfter(harness.here, opened, 6), [7]);
    });
  });
}
