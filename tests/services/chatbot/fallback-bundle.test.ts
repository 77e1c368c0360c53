// Redis with memory beside it: a conversation stays where it was made, whatever is asked of it, and whenever.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { createFallbackBundle } from "#app/services/chatbot/fallback-bundle.ts";
import { createStorageBundle } from "#app/services/chatbot/memory-factory.ts";
import {
  messageTurn,
  newConversation,
  rejectsWith,
  takeLease,
} from "../../contracts/conversation-samples.ts";
import { batch } from "../../contracts/event-log-samples.ts";
import { startInstances, TTL_MS } from "../../support/redis-harness.ts";
import { until } from "../../support/until.ts";

async function start(test: TestContext) {
  const both = await startInstances({ persistent: true });
  const local = createStorageBundle({ conversationTtlMs: TTL_MS });
  const bundle = createFallbackBundle(both.here, local);
  test.after(async () => {
    await bundle.close();
    await both[Symbol.asyncDispose]();
  });
  const isBack = () => until("Redis is back", () => both.here.connection.isReady, 10_000);
  return { ...both, local, bundle, isBack };
}

type Bundle = Awaited<ReturnType<typeof start>>["bundle"];

/** Every call there is on a conversation that was just made; returns the events that it says. */
async function live(bundle: Bundle, id: string): Promise<number> {
  const turn = messageTurn("Hello");
  await bundle.store.accept(id, turn);
  const lease = await takeLease(bundle, id);
  const { epoch } = await bundle.log.open(id);
  const leave = await bundle.log.subscribe(id, () => undefined);
  await bundle.log.append(lease, batch(1, 3));
  await bundle.store.record(lease, { type: "run-started", runId: turn.runId });
  await bundle.store.cancel(id, undefined, "all");
  await bundle.store.record(lease, { type: "run-finished", runId: turn.runId, seq: 3 });
  const feedback = { rating: "up" } as const;
  const messageId = turn.message.id;
  await bundle.store.amend(id, { type: "feedback", messageId, feedback }).catch(() => undefined);
  assert.equal(await bundle.lease.renew(lease), true);
  await bundle.whisper(id, "{}");
  await leave();
  await bundle.lease.release(lease, true);
  assert.equal((await bundle.store.page(id, { limit: 5 })).messages.length, 1);
  return (await bundle.log.read(id, { epoch, after: 0, limit: 10 }))?.events.length ?? 0;
}

describe("a bundle that falls back on memory", () => {
  it("keeps in Redis what is made while Redis is there, all of it", async (test) => {
    const { bundle, local, there } = await start(test);
    const wish = newConversation();
    await bundle.store.create(wish);
    assert.equal(await live(bundle, wish.id), 3);
    assert.deepEqual([bundle.kindOf(wish.id), local.has(wish.id)], ["redis", false]);
    assert.equal((await there.store.page(wish.id, { limit: 5 })).messages.length, 1);
  });

  it("keeps in memory what is made while Redis is away, all of it, and leaves it there afterwards", async (test) => {
    const { bundle, server, there, isBack } = await start(test);
    await server.kill();
    const wish = newConversation();
    assert.equal((await bundle.store.create(wish)).created, true);
    assert.equal(await live(bundle, wish.id), 3);
    assert.equal(bundle.kindOf(wish.id), "memory");
    await server.restart();
    await isBack();
    assert.equal(bundle.kindOf(wish.id), "memory");
    assert.equal((await bundle.store.page(wish.id, { limit: 5 })).messages.length, 1);
    assert.equal((await bundle.store.create(wish)).created, false, "the same pair again is the same one");
    await until("the other one is back", () => there.connection.isReady, 10_000);
    await rejectsWith("conversation_not_found", there.store.page(wish.id, { limit: 5 }));
  });

  it("never goes on in memory with what Redis keeps, and says that nothing was found only when it was asked", async (test) => {
    const { bundle, local, server, isBack } = await start(test);
    const wish = newConversation();
    await bundle.store.create(wish);
    const lease = await takeLease(bundle, wish.id);
    await server.kill();
    const { id } = wish;
    const calls = [
      bundle.store.page(id, { limit: 1 }),
      bundle.store.accept(id, messageTurn("Hello")),
      bundle.store.cancel(id, undefined, "all"),
      bundle.store.record(lease, { type: "run-started", runId: "run" }),
      bundle.log.open(id),
      bundle.log.append(lease, batch(1, 1)),
      bundle.log.read(id, { epoch: "e", after: 0, limit: 1 }),
      bundle.log.subscribe(id, () => undefined),
      bundle.lease.acquire(id),
      bundle.lease.renew(lease),
      bundle.store.page(newConversation().id, { limit: 1 }),
    ];
    await Promise.all(calls.map((call) => rejectsWith("storage_unavailable", call)));
    assert.equal(local.has(id), false);
    await server.restart();
    await isBack();
    assert.equal((await bundle.store.page(id, { limit: 1 })).conversation.id, id);
    await rejectsWith("conversation_not_found", bundle.store.page(newConversation().id, { limit: 1 }));
  });

  it("does not make a second conversation of a refusal that is no outage", async (test) => {
    const { bundle, local } = await start(test);
    const wish = newConversation();
    await bundle.store.create(wish);
    const foreign = { ...wish, tokenHash: newConversation().tokenHash };
    await rejectsWith("conversation_not_found", bundle.store.create(foreign));
    assert.equal(local.has(wish.id), false);
  });

  it("looks for abandoned runs in Redis alone, and none where it is away", async (test) => {
    const { bundle, server } = await start(test);
    const wish = newConversation();
    await bundle.store.create(wish);
    await server.command("ZADD", "parley:runs", "1", wish.id);
    assert.deepEqual(await bundle.lease.abandoned(), [wish.id]);
    await server.kill();
    assert.deepEqual(await bundle.lease.abandoned(), []);
  });
});
