// The event log of the in-memory bundle: the contract, and what is its own.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogBatch } from "#app/services/chatbot/event-log.ts";
import { LEASE_TIMES } from "#app/services/chatbot/run-lease.ts";
import { openConversation } from "../../contracts/conversation-samples.ts";
import { describeEventLog } from "../../contracts/event-log.ts";
import { TEST_WINDOW } from "../../contracts/storage-harness.ts";
import { createLocalHarness } from "../../support/local-harness.ts";

describeEventLog("LocalEventLog", (window) => createLocalHarness(window));

const { maxEvents, maxAgeMs } = TEST_WINDOW;

function events(firstSeq: number, count: number, floorSeq = firstSeq + count): LogBatch {
  return { firstSeq, events: Array.from({ length: count }, () => "event"), floorSeq };
}

describe("LocalEventLog", () => {
  it("cuts exactly: the window's newest events can be read, one more cannot", async () => {
    const { here } = createLocalHarness(TEST_WINDOW);
    const { id, lease } = await openConversation(here);
    const { epoch } = await here.log.open(id);
    await here.log.append(lease, events(1, maxEvents + 3));
    const read = (after: number) => here.log.read(id, { epoch, after, limit: 100 });
    assert.equal((await read(3))?.events.length, maxEvents);
    assert.equal(await read(2), undefined);
  });

  it("cuts down to the floor, and not one event below", async () => {
    const { here } = createLocalHarness(TEST_WINDOW);
    const { id, lease } = await openConversation(here);
    const { epoch } = await here.log.open(id);
    await here.log.append(lease, events(1, maxEvents + 5, 4));
    const read = (after: number) => here.log.read(id, { epoch, after, limit: 100 });
    assert.equal((await read(3))?.firstSeq, 4);
    assert.equal(await read(2), undefined);
  });

  it("keeps everything of a conversation that is running, however long the model is silent", async () => {
    const { here, passMs } = createLocalHarness(TEST_WINDOW);
    const { id, lease } = await openConversation(here);
    const { epoch } = await here.log.open(id);
    await here.log.append(lease, events(1, 3, 1));
    for (let passed = 0; passed <= maxAgeMs * 2; passed += LEASE_TIMES.renewEveryMs) {
      passMs(LEASE_TIMES.renewEveryMs);
      assert.equal(await here.lease.renew(lease), true);
    }
    assert.equal((await here.log.read(id, { epoch, after: 0, limit: 100 }))?.events.length, 3);
  });

  it("keeps its events for exactly the window's age after the last append", async () => {
    const { here, passMs } = createLocalHarness(TEST_WINDOW);
    const { id, lease } = await openConversation(here);
    const { epoch } = await here.log.open(id);
    const read = () => here.log.read(id, { epoch, after: 0, limit: 100 });
    await here.log.append(lease, events(1, 1));
    passMs(maxAgeMs - 1);
    await here.log.append(lease, events(2, 1));
    passMs(maxAgeMs);
    assert.equal((await read())?.events.length, 2);
    passMs(1);
    assert.equal(await read(), undefined);
  });

  it("gives the bytes of what it cuts back to the shelf", async () => {
    const { here, storage, passMs } = createLocalHarness(TEST_WINDOW);
    const { id, lease } = await openConversation(here);
    const { epoch } = await here.log.open(id);
    const empty = storage.bytes;
    await here.log.append(lease, events(1, 1));
    const one = storage.bytes - empty;
    assert.ok(one >= "event".length);
    await here.log.append(lease, events(2, maxEvents * 3));
    assert.equal(storage.bytes - empty, one * maxEvents);
    await here.lease.release(lease);
    passMs(maxAgeMs + 1);
    await here.log.read(id, { epoch, after: 0, limit: 0 });
    assert.equal(storage.bytes, empty);
  });
});
