// After an outage the leases of others are left to them for 20 s: they have lapsed because nobody could renew them.

import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { conversationKey } from "#app/services/chatbot/redis-keys.ts";
import { newConversation, openConversation, takeLease } from "../../contracts/conversation-samples.ts";
import { startInstances } from "../../support/redis-harness.ts";
import { until } from "../../support/until.ts";

const SPARED_MS = 20_000;

/** Two instances that have seen an outage; `passing` lets time pass for the watch of this one. */
async function startAfterOutage(test: TestContext) {
  const both = await startInstances({ persistent: true });
  test.after(() => both[Symbol.asyncDispose]());
  const { here, there, server } = both;
  const watches = [here.connection.watch, there.connection.watch];
  const { id, lease } = await openConversation(there);
  const own = await openConversation(here);
  await server.kill();
  await until("the outage is seen", () => watches.every(({ isUp }) => !isUp), 10_000);
  await server.restart();
  await until("its end is seen", () => watches.every(({ isUp }) => isUp), 15_000);
  const lapse = (of: string) => server.command("HSET", conversationKey(of, "lease"), "untilMs", "1");
  await Promise.all([lapse(id), lapse(own.id)]);
  const passing = (ms: number): void => {
    const now = performance.now.bind(performance);
    test.mock.method(performance, "now", () => now() + ms);
  };
  return { ...both, id, lease, own, passing };
}

it("a lease that lapsed in an outage is its owner's to renew, and nobody else's to take", async (test) => {
  const { here, there, id, lease } = await startAfterOutage(test);
  assert.equal(await here.lease.acquire(id), undefined);
  assert.equal(await there.lease.renew(lease), true);
});

it("what is spared is only what others had: one's own, a free one and a new one are taken at once", async (test) => {
  const { here, there, id, lease, own } = await startAfterOutage(test);
  const again = await takeLease(here, own.id);
  assert.ok(again.generation > own.lease.generation);
  assert.equal(await there.lease.renew(lease), true);
  await there.lease.release(lease);
  await takeLease(here, id);
  const fresh = newConversation();
  await here.store.create(fresh);
  await takeLease(here, fresh.id);
});

it("after 20 s the owner has had its time", async (test) => {
  const { here, there, id, lease, passing } = await startAfterOutage(test);
  passing(SPARED_MS - 5_000);
  assert.equal(await here.lease.acquire(id), undefined);
  test.mock.restoreAll();
  passing(SPARED_MS);
  const taken = await takeLease(here, id);
  assert.ok(taken.generation > lease.generation);
  assert.equal(await there.lease.renew(lease), false);
});

it("while it lasts nothing of others is taken either, and without any outage a lapsed lease is free", async (test) => {
  const both = await startInstances();
  test.after(() => both[Symbol.asyncDispose]());
  const { here, there, server } = both;
  const { id } = await openConversation(there);
  await server.command("HSET", conversationKey(id, "lease"), "untilMs", "1");
  assert.equal(here.connection.watch.sinceOutageMs, Number.POSITIVE_INFINITY);
  const taken = await takeLease(here, id);
  await server.command("HSET", conversationKey(id, "lease"), "untilMs", "1");
  there.connection.watch.report(new Error("READONLY"));
  assert.equal(there.connection.watch.sinceOutageMs, 0);
  assert.equal(await there.lease.acquire(id), undefined);
  assert.equal(await here.lease.renew(taken), true);
});
