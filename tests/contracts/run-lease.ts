// The contract of RunLease: one suite that every keeper of leases passes.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createToken } from "#app/core/secrets.ts";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import { newConversation, takeLease } from "./conversation-samples.ts";
import { type CreateStorageHarness, type StorageHarness, TEST_WINDOW } from "./storage-harness.ts";

export function describeRunLease(name: string, createHarness: CreateStorageHarness): void {
  describe(`${name} as a RunLease`, () => {
    describeHolding(createHarness);
    describeLosing(createHarness);
    describeRace(createHarness);
  });
}

/** A conversation with the lease of it, held here. */
async function held(harness: StorageHarness): Promise<{ id: string; lease: Lease }> {
  const wish = newConversation();
  await harness.here.store.create(wish);
  return { id: wish.id, lease: await takeLease(harness.here, wish.id) };
}

function describeHolding(createHarness: CreateStorageHarness): void {
  describe("holding", () => {
    it("is exclusive until it is released", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { here, there } = harness;
      const { id, lease } = await held(harness);
      assert.equal(lease.conversationId, id);
      assert.equal(await there.lease.acquire(id), undefined);
      assert.equal(await here.lease.acquire(id), undefined, "not even for its own holder");
      await here.lease.release(lease);
      assert.ok(await there.lease.acquire(id));
      assert.equal(await here.lease.acquire(id), undefined);
    });

    it("is one conversation's: another's is free", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const [one, other] = [await held(harness), await held(harness)];
      await harness.here.lease.release(one.lease);
      assert.equal(await harness.there.lease.acquire(other.id), undefined);
      assert.equal(await harness.here.lease.renew(other.lease), true);
    });

    it("can be taken before the conversation is stored", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const id = createToken();
      assert.ok(await harness.here.lease.acquire(id));
      assert.equal(await harness.there.lease.acquire(id), undefined);
    });

    it("has a higher generation each time it is taken, after a release and after a lapse", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, lease } = await held(harness);
      const generations = [lease.generation];
      await harness.here.lease.release(lease);
      for (let turn = 0; turn < 3; turn += 1) {
        const { generation } = await takeLease(turn % 2 ? harness.here : harness.there, id);
        generations.push(generation);
        await harness.lapseLease(id);
      }
      assert.deepEqual(
        generations,
        [...new Set(generations)].toSorted((a, b) => a - b),
      );
      for (const generation of generations) assert.ok(Number.isSafeInteger(generation) && generation > 0);
    });

    it("is prolonged by its holder, under the same generation, as often as wished", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, lease } = await held(harness);
      for (let turn = 0; turn < 3; turn += 1) assert.equal(await harness.here.lease.renew(lease), true);
      assert.equal(await harness.there.lease.acquire(id), undefined);
    });
  });
}

function describeLosing(createHarness: CreateStorageHarness): void {
  describe("losing", () => {
    it("leaves it to another once it has lapsed, and the first one hears so", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { here, there } = harness;
      const { id, lease } = await held(harness);
      await harness.lapseLease(id);
      const newer = await takeLease(there, id);
      assert.equal(await here.lease.renew(lease), false);
      assert.equal(await there.lease.renew(newer), true);
      assert.equal(await here.lease.acquire(id), undefined);
    });

    it("has not happened while it lapsed and nobody took it: renewing holds it again", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, lease } = await held(harness);
      await harness.lapseLease(id);
      assert.equal(await harness.here.lease.renew(lease), true);
      assert.equal(await harness.there.lease.acquire(id), undefined);
    });

    it("is for good: a later lapse or release of the newer one does not give it back", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { here, there } = harness;
      const { id, lease } = await held(harness);
      await harness.lapseLease(id);
      const newer = await takeLease(there, id);
      await harness.lapseLease(id);
      assert.equal(await here.lease.renew(lease), false);
      await there.lease.release(newer);
      assert.equal(await here.lease.renew(lease), false);
    });

    it("follows a release: what was given back cannot be renewed, before and after another took it", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { here, there } = harness;
      const { id, lease } = await held(harness);
      await here.lease.release(lease);
      assert.equal(await here.lease.renew(lease), false);
      assert.ok(await there.lease.acquire(id), "the vain renewal did not take it again");
      assert.equal(await here.lease.renew(lease), false);
    });

    it("makes a release harmless: the newer one stays held", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { here, there } = harness;
      const { id, lease } = await held(harness);
      await harness.lapseLease(id);
      const newer = await takeLease(there, id);
      await here.lease.release(lease);
      assert.equal(await here.lease.acquire(id), undefined);
      assert.equal(await there.lease.renew(newer), true);
    });

    it("can be told twice: releasing again, or what never was, changes nothing", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { here, there } = harness;
      const { id, lease } = await held(harness);
      await here.lease.release(lease);
      await here.lease.release(lease);
      const newer = await takeLease(there, id);
      await here.lease.release({ conversationId: id, generation: newer.generation + 1 });
      await here.lease.release({ conversationId: createToken(), generation: 1 });
      assert.equal(await there.lease.renew(newer), true);
      assert.equal(await here.lease.renew({ conversationId: createToken(), generation: 1 }), false);
    });
  });
}

function describeRace(createHarness: CreateStorageHarness): void {
  const race = ({ here, there }: StorageHarness, id: string) =>
    Promise.all([here, there, here, there, here].map(({ lease }) => lease.acquire(id)));
  const winnersOf = (leases: readonly (Lease | undefined)[]) => leases.filter((lease) => lease !== undefined);

  describe("taking at the same time", () => {
    it("has exactly one winner while it is free, and none while it is held", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const id = createToken();
      assert.equal(winnersOf(await race(harness, id)).length, 1);
      assert.equal(winnersOf(await race(harness, id)).length, 0);
    });

    it("has exactly one winner after a lapse", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, lease } = await held(harness);
      await harness.lapseLease(id);
      const [winner, ...others] = winnersOf(await race(harness, id));
      assert.ok(winner && winner.generation > lease.generation);
      assert.equal(others.length, 0);
    });

    it("is decided between a renewal after a lapse and a newcomer: never both", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, lease } = await held(harness);
      await harness.lapseLease(id);
      const [renewed, newer] = await Promise.all([
        harness.here.lease.renew(lease),
        harness.there.lease.acquire(id),
      ]);
      assert.equal(renewed, newer === undefined);
    });
  });
}
