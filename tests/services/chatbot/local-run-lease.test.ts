// The run lease of the in-memory bundle: the contract, and what is its own.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LEASE_TIMES } from "#app/services/chatbot/run-lease.ts";
import {
  newConversation,
  openConversation,
  rejectsWith,
  takeLease,
} from "../../contracts/conversation-samples.ts";
import { describeRunLease } from "../../contracts/run-lease.ts";
import { createLocalHarness } from "../../support/local-harness.ts";

describeRunLease("LocalRunLease", (window) => createLocalHarness(window));

describe("LocalRunLease", () => {
  it("lives for its time and no longer, counted from the last renewal", async () => {
    const { here, passMs } = createLocalHarness();
    const { id, lease } = await openConversation(here);
    passMs(LEASE_TIMES.lifeMs - 1);
    assert.equal(await here.lease.acquire(id), undefined);
    assert.equal(await here.lease.renew(lease), true);
    passMs(LEASE_TIMES.lifeMs - 1);
    assert.equal(await here.lease.acquire(id), undefined);
    passMs(1);
    assert.ok(await here.lease.acquire(id));
  });

  it("can be renewed late, even twice its life after the last time", async () => {
    const { here, passMs } = createLocalHarness();
    const { id, lease } = await openConversation(here);
    passMs(LEASE_TIMES.lifeMs * 2);
    assert.equal(await here.lease.renew(lease), true);
    assert.equal(await here.lease.acquire(id), undefined);
  });

  it("of a conversation that has left does not open its successor of the same name", async () => {
    const { here, passMs } = createLocalHarness(undefined, { ttlMs: 60_000 });
    const { id, lease } = await openConversation(here);
    passMs(60_001);
    await here.store.create(newConversation({ id }));
    const newer = await takeLease(here, id);
    assert.ok(newer.generation > lease.generation);
    assert.equal(await here.lease.renew(lease), false);
    await here.lease.release(lease);
    assert.equal(await here.lease.acquire(id), undefined);
    const late = { type: "run-started", runId: "run" } as const;
    await rejectsWith("run_interrupted", here.store.record(lease, late));
  });

  it("is overloaded for an unknown conversation where there is no room for one more", async () => {
    const { here } = createLocalHarness(undefined, { maxConversations: 1 });
    await openConversation(here);
    await rejectsWith("overloaded", here.lease.acquire(newConversation().id));
  });
});
