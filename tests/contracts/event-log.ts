// The contract of EventLog: one suite that every keeper of events passes. What a log may forget stands in a file of its own.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import { openConversation, rejectsWith, takeLease } from "./conversation-samples.ts";
import { batch, nameOf, numbersAfter, openLog } from "./event-log-samples.ts";
import { describeEventLogWindow } from "./event-log-window.ts";
import { type CreateStorageHarness, type StorageHarness, TEST_WINDOW } from "./storage-harness.ts";

export function describeEventLog(name: string, createHarness: CreateStorageHarness): void {
  describe(`${name} as an EventLog`, () => {
    describeOpening(createHarness);
    describeAppending(createHarness);
    describeFence(createHarness);
    describeReading(createHarness);
    describeEventLogWindow(createHarness);
  });
}

function describeOpening(createHarness: CreateStorageHarness): void {
  describe("opening", () => {
    it("makes an epoch, and keeps it whoever opens again", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { here, there } = harness;
      const { id, lease, head } = await openLog(here);
      assert.match(head.epoch, /^[A-Za-z0-9_-]{8,64}$/);
      assert.equal(head.lastSeq, 0);
      assert.deepEqual(await there.log.open(id), head);
      await here.log.append(lease, batch(1, 3));
      assert.deepEqual(await there.log.open(id), { epoch: head.epoch, lastSeq: 3 });
    });

    it("makes one epoch however many open at the same time", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id } = await openConversation(harness.here);
      const heads = await Promise.all(
        [harness.here, harness.there, harness.here, harness.there].map(({ log }) => log.open(id)),
      );
      assert.equal(new Set(heads.map(({ epoch }) => epoch)).size, 1);
    });

    it("gives each conversation an epoch of its own", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const [one, other] = [await openLog(harness.here), await openLog(harness.here)];
      assert.notEqual(one.head.epoch, other.head.epoch);
    });
  });
}

function describeAppending(createHarness: CreateStorageHarness): void {
  describe("appending", () => {
    it("keeps the order of calls that do not wait for each other", async () => {
      await using harness = await createHarness({ ...TEST_WINDOW, maxEvents: 1_000 });
      const opened = await openLog(harness.here);
      const appends = Array.from({ length: 100 }, (_, index) =>
        harness.here.log.append(opened.lease, batch(index * 2 + 1, index * 2 + 2)),
      );
      await Promise.all(appends);
      const expected = Array.from({ length: 200 }, (_, index) => index + 1);
      assert.deepEqual(await numbersAfter(harness.there, opened, 0), expected);
    });

    for (const { name, wrong } of [
      { name: "leaves a gap", wrong: batch(5, 6) },
      { name: "repeats numbers", wrong: batch(3, 4) },
      { name: "begins again", wrong: batch(1, 1) },
      { name: "overlaps", wrong: batch(2, 6) },
      { name: "begins at 0", wrong: batch(0, 3) },
    ]) {
      it(`refuses a batch that ${name}, as a whole`, async () => {
        await using harness = await createHarness(TEST_WINDOW);
        const opened = await openLog(harness.here);
        await harness.here.log.append(opened.lease, batch(1, 3));
        await rejectsWith("internal_error", harness.here.log.append(opened.lease, wrong));
        assert.deepEqual(await numbersAfter(harness.here, opened, 0), [1, 2, 3]);
        assert.equal((await harness.here.log.open(opened.id)).lastSeq, 3);
        await harness.here.log.append(opened.lease, batch(4, 4));
        assert.deepEqual(await numbersAfter(harness.here, opened, 0), [1, 2, 3, 4]);
      });
    }

    it("refuses what was sent behind a refused batch without waiting for it", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const opened = await openLog(harness.here);
      const { log } = harness.here;
      const appends = [batch(1, 2), batch(4, 5), batch(6, 6)].map((one) => log.append(opened.lease, one));
      const settled = await Promise.allSettled(appends);
      assert.deepEqual(
        settled.map(({ status }) => status),
        ["fulfilled", "rejected", "rejected"],
      );
      assert.deepEqual(await numbersAfter(harness.here, opened, 0), [1, 2]);
    });

    it("gives one number to one of two who append it at the same time", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const opened = await openLog(harness.here);
      const appends = [harness.here, harness.there].map(({ log }) => log.append(opened.lease, batch(1, 1)));
      const settled = await Promise.allSettled(appends);
      assert.deepEqual(settled.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
      assert.deepEqual(await numbersAfter(harness.here, opened, 0), [1]);
    });

    it("gives back every event byte for byte", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, lease, head } = await openLog(harness.here);
      const events = ["", "👩‍🔬 İığş", "\u0000\r\n\u2028", "null", " 007 ", "ş😀x".repeat(9_363)];
      await harness.here.log.append(lease, { firstSeq: 1, events, floorSeq: 1 });
      const slice = await harness.there.log.read(id, { epoch: head.epoch, after: 0, limit: 100 });
      assert.deepEqual(slice?.events, events);
    });

    it("is nobody's handle on what is kept", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const opened = await openLog(harness.here);
      const events = [nameOf(1), nameOf(2)];
      await harness.here.log.append(opened.lease, { firstSeq: 1, events, floorSeq: 1 });
      events.fill("spoilt");
      const slice = await harness.here.log.read(opened.id, { epoch: opened.head.epoch, after: 0, limit: 9 });
      assert.ok(slice);
      Reflect.set(slice.events, 0, "spoilt");
      assert.deepEqual(await numbersAfter(harness.here, opened, 0), [1, 2]);
    });

    it("does not mix two conversations", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const [one, other] = [await openLog(harness.here), await openLog(harness.here)];
      await Promise.all([
        harness.here.log.append(one.lease, batch(1, 3)),
        harness.here.log.append(other.lease, batch(1, 1)),
        harness.here.log.append(one.lease, batch(4, 4)),
      ]);
      assert.deepEqual(await numbersAfter(harness.here, one, 0), [1, 2, 3, 4]);
      assert.deepEqual(await numbersAfter(harness.here, other, 0), [1]);
    });
  });
}

function describeFence(createHarness: CreateStorageHarness): void {
  describe("appending under a lease that is not the newest", () => {
    it("is run_interrupted after another has taken over, and appends nothing", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const opened = await openLog(harness.here);
      await harness.here.log.append(opened.lease, batch(1, 2));
      await harness.lapseLease(opened.id);
      const newer = await takeLease(harness.there, opened.id);
      await rejectsWith("run_interrupted", harness.here.log.append(opened.lease, batch(3, 3)));
      assert.deepEqual(await numbersAfter(harness.here, opened, 0), [1, 2]);
      await harness.there.log.append(newer, batch(3, 3));
      assert.deepEqual(await numbersAfter(harness.here, opened, 0), [1, 2, 3]);
    });

    it("is run_interrupted, not a matter of numbers, when both are wrong", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const opened = await openLog(harness.here);
      await harness.lapseLease(opened.id);
      await takeLease(harness.there, opened.id);
      await rejectsWith("run_interrupted", harness.here.log.append(opened.lease, batch(9, 9)));
    });

    it("is run_interrupted where the conversation and its lease are gone or never were", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const lost: Lease = { conversationId: "lost".repeat(8), generation: 1 };
      await rejectsWith("run_interrupted", harness.here.log.append(lost, batch(1, 1)));
    });

    it("goes on while the lease has lapsed and nobody has taken it", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const opened = await openLog(harness.here);
      await harness.lapseLease(opened.id);
      await harness.here.log.append(opened.lease, batch(1, 1));
      assert.deepEqual(await numbersAfter(harness.here, opened, 0), [1]);
    });
  });
}

function describeReading(createHarness: CreateStorageHarness): void {
  async function fiveEvents(harness: StorageHarness) {
    const opened = await openLog(harness.here);
    await harness.here.log.append(opened.lease, batch(1, 5));
    const read = (after: number, limit: number, epoch = opened.head.epoch) =>
      harness.there.log.read(opened.id, { epoch, after, limit });
    return { ...opened, read };
  }

  describe("reading", () => {
    for (const { after, limit, numbers } of [
      { after: 0, limit: 5, numbers: [1, 2, 3, 4, 5] },
      { after: 0, limit: 2, numbers: [1, 2] },
      { after: 2, limit: 2, numbers: [3, 4] },
      { after: 4, limit: 100, numbers: [5] },
      { after: 3, limit: 0, numbers: [] },
      { after: 5, limit: 10, numbers: [] },
      { after: 5, limit: 0, numbers: [] },
    ]) {
      it(`gives [${numbers.join(", ")}] after ${after}, at most ${limit}`, async () => {
        await using harness = await createHarness(TEST_WINDOW);
        const { read, head } = await fiveEvents(harness);
        const events = numbers.map(nameOf);
        assert.deepEqual(await read(after, limit), {
          epoch: head.epoch,
          lastSeq: 5,
          firstSeq: after + 1,
          events,
        });
      });
    }

    it("proves an empty log to a reader that has read nothing", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, head } = await openLog(harness.here);
      assert.deepEqual(await harness.here.log.read(id, { epoch: head.epoch, after: 0, limit: 10 }), {
        ...head,
        firstSeq: 1,
        events: [],
      });
    });

    it("proves nothing above the head, in another epoch, nor of a log that never was", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { read, head } = await fiveEvents(harness);
      assert.equal(await read(6, 10), undefined);
      assert.equal(await read(0, 10, "another-epoch"), undefined);
      assert.equal(await read(5, 0, ""), undefined);
      const from = { epoch: head.epoch, after: 0, limit: 10 };
      assert.equal(await harness.here.log.read("never".repeat(6), from), undefined);
      const other = await openLog(harness.here);
      assert.equal(await harness.here.log.read(other.id, from), undefined, "another conversation's epoch");
    });
  });
}
