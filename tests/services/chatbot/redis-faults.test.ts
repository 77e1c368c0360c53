// Redis killed, frozen, emptied, full, made a replica, robbed of a key: what the bundle says, how soon, and how it heals.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toAppError } from "#app/core/errors.ts";
import type { LogHead } from "#app/services/chatbot/event-log.ts";
import type { RedisBundle } from "#app/services/chatbot/redis-bundle.ts";
import { conversationKey } from "#app/services/chatbot/redis-keys.ts";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import {
  messageTurn,
  newConversation,
  openConversation,
  personaTurn,
  rejectsWith,
  replyTo,
} from "../../contracts/conversation-samples.ts";
import { batch, numbersAfter, openLog } from "../../contracts/event-log-samples.ts";
import { assertWithin } from "../../support/held-up.ts";
import { type RedisInstances, startInstances } from "../../support/redis-harness.ts";
import { until } from "../../support/until.ts";

interface Opened {
  readonly id: string;
  readonly lease: Lease;
  readonly head: LogHead;
}

/** Everything that can be asked of the bundle. */
function everyCall(
  { store, log, lease, connection }: RedisBundle,
  opened: Opened,
): Record<string, Promise<unknown>> {
  const { id, head } = opened;
  return {
    create: store.create(newConversation()),
    accept: store.accept(id, messageTurn("Hello")),
    "accept of a persona": store.accept(id, personaTurn("engine")),
    cancel: store.cancel(id, undefined, "all"),
    "record of a start": store.record(opened.lease, { type: "run-started", runId: "run" }),
    "record of an end": store.record(opened.lease, { type: "run-finished", runId: "run", seq: 1 }),
    page: store.page(id, { limit: 10 }),
    open: log.open(id),
    append: log.append(opened.lease, batch(1, 1)),
    read: log.read(id, { epoch: head.epoch, after: 0, limit: 10 }),
    subscribe: log.subscribe(id, () => undefined),
    acquire: lease.acquire(id),
    renew: lease.renew(opened.lease),
    release: lease.release(opened.lease),
    ping: connection.ping(),
  };
}

async function outcomes(calls: Record<string, Promise<unknown>>): Promise<Record<string, string>> {
  const entries = Object.entries(calls).map(async ([name, call]) => {
    const outcome = await call.then(
      () => "done",
      (error: unknown) => toAppError(error).code,
    );
    return [name, outcome] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function allUnavailable(bundle: RedisBundle, opened: Opened): Promise<void> {
  const startedAt = performance.now();
  const calls = everyCall(bundle, opened);
  const names = Object.keys(calls);
  const errors = Promise.allSettled(Object.values(calls));
  assert.deepEqual(
    await outcomes(calls),
    Object.fromEntries(names.map((name) => [name, "storage_unavailable"])),
  );
  const tookMs = performance.now() - startedAt;
  assertWithin("every refusal", tookMs, 1_000, startedAt);
  for (const settled of await errors) {
    assert.ok(settled.status === "rejected" && settled.reason.retryAfterMs === 1_000);
  }
}

async function healed({ here, server }: RedisInstances): Promise<void> {
  await until("Redis is back", () => here.connection.isReady, 8_000);
  assert.equal(await server.command("PING"), "PONG");
}

describe("a Redis that is away", () => {
  it("is storage_unavailable within a second for every call, killed just now and long since", async () => {
    await using both = await startInstances();
    const opened = await openLog(both.here);
    await both.server.kill();
    await allUnavailable(both.here, opened);
    await until("it is noticed", () => !both.here.connection.isReady);
    await allUnavailable(both.here, opened);
  });

  it("is storage_unavailable within a second for every call when it hangs, and answers when it goes on", async () => {
    await using both = await startInstances();
    const opened = await openLog(both.here);
    both.server.pause();
    await allUnavailable(both.here, opened);
    both.server.resume();
    await healed(both);
    assert.equal((await both.here.store.page(opened.id, { limit: 1 })).conversation.id, opened.id);
  });

  it("stores a message once, whose answer was lost and that was sent again", async () => {
    await using both = await startInstances();
    const { id } = await openConversation(both.here);
    const turn = messageTurn("Hello");
    both.server.pause();
    await rejectsWith("storage_unavailable", both.here.store.accept(id, turn));
    both.server.resume();
    await healed(both);
    const again = await both.here.store.accept(id, turn);
    // Frozen, it had the first one in its socket already.
    assert.deepEqual([again.runId, again.position], [turn.runId, 0]);
    assert.equal((await both.here.store.page(id, { limit: 1 })).conversation.line.length, 1);
  });

  it("comes back with every conversation, message, event and lease", async () => {
    await using both = await startInstances({ persistent: true });
    const opened = await openLog(both.here);
    const { id, lease } = opened;
    const turn = messageTurn("Hello");
    const reply = replyTo(turn, "Good day 👩‍🔬");
    await both.here.store.accept(id, turn);
    await both.here.log.append(lease, batch(1, 5));
    await both.here.store.record(lease, { type: "run-finished", runId: turn.runId, reply, seq: 5 });
    const before = await both.here.store.page(id, { limit: 10 });
    await both.server.restart();
    await healed(both);
    assert.deepEqual(await both.here.store.page(id, { limit: 10 }), before);
    assert.deepEqual(await numbersAfter(both.here, opened, 2), [3, 4, 5]);
    assert.equal(await both.here.lease.acquire(id), undefined);
    await both.here.log.append(lease, batch(6, 6));
    assert.deepEqual(before.messages, [turn.message, reply]);
  });

  it("is waited for when the connection was lost just now: the call is made again, and said so", async () => {
    await using both = await startInstances();
    const { id } = await openConversation(both.here);
    const { client } = both.here.connection;
    const lost = new Promise((resolve) => client.once("close", resolve));
    await both.server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await lost;
    const position = (await both.here.store.accept(id, messageTurn("Hello"))).position;
    assert.equal(position, 0);
    const [line] = both.log.named("redis_call_retry");
    assert.equal(line?.fields.script, "accept");
  });

  it("never makes an append again, which a later one could have overtaken", async () => {
    await using both = await startInstances();
    const opened = await openLog(both.here);
    const lost = new Promise((resolve) => both.here.connection.client.once("close", resolve));
    await both.server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await lost;
    await rejectsWith("storage_unavailable", both.here.log.append(opened.lease, batch(1, 1)));
    assert.deepEqual(both.log.named("redis_call_retry"), []);
  });
});

describe("a Redis that lost what it held", () => {
  it("knows no conversation after FLUSHALL, begins a new epoch, and fences the old holder off", async () => {
    await using both = await startInstances();
    const { here, there, server } = both;
    const { id, lease, head } = await openLog(here);
    await here.log.append(lease, batch(1, 3));
    await server.command("FLUSHALL");
    await rejectsWith("conversation_not_found", here.store.page(id, { limit: 1 }));
    await rejectsWith("conversation_not_found", here.store.accept(id, messageTurn("Hello")));
    await rejectsWith("run_interrupted", here.log.append(lease, batch(4, 4)));
    assert.equal(await here.lease.renew(lease), false);
    const reopened = await there.log.open(id);
    assert.notEqual(reopened.epoch, head.epoch);
    assert.equal(reopened.lastSeq, 0);
    assert.equal(await there.log.read(id, { epoch: head.epoch, after: 3, limit: 1 }), undefined);
    const newer = await there.lease.acquire(id);
    assert.ok(newer && newer.generation > lease.generation, "generations grow over the loss");
    await rejectsWith("run_interrupted", here.log.append(lease, batch(1, 1)));
  });

  for (const key of ["meta", "messages", "line", "ids"] as const) {
    it(`shows nothing of a conversation of which ${key} was evicted, and makes it anew for its owner`, async () => {
      await using both = await startInstances();
      const { store, lease, log } = both.here;
      const wish = newConversation();
      await store.create(wish);
      const [first, second] = [messageTurn("first"), messageTurn("second")];
      for (const turn of [first, second]) await store.accept(wish.id, turn);
      const held = await lease.acquire(wish.id);
      assert.ok(held);
      const head = await log.open(wish.id);
      await log.append(held, batch(1, 3));
      await store.record(held, {
        type: "run-finished",
        runId: first.runId,
        reply: replyTo(first, "r"),
        seq: 3,
      });
      await both.server.command("DEL", conversationKey(wish.id, key));
      await rejectsWith("conversation_not_found", store.page(wish.id, { limit: 10 }));
      await rejectsWith("conversation_not_found", store.accept(wish.id, messageTurn("third")));
      await rejectsWith("conversation_not_found", store.cancel(wish.id, undefined, "all"));
      const change = { type: "run-started", runId: second.runId } as const;
      await rejectsWith("conversation_not_found", store.record(held, change));
      const made = await store.create(wish);
      assert.deepEqual(made, { conversation: { ...wish, seq: 0, line: [] }, created: true });
      assert.deepEqual((await store.page(wish.id, { limit: 10 })).messages, []);
      const opened = { id: wish.id, lease: held, head: await log.open(wish.id) };
      assert.notEqual(opened.head.epoch, head.epoch, "what a client read before is another life");
      await log.append(held, batch(1, 1));
      assert.deepEqual(await numbersAfter(both.here, opened, 0), [1], "and nothing of the old one is in it");
    });
  }

  it("proves nothing of a log whose events were evicted, but to a reader that is up to date", async () => {
    await using both = await startInstances();
    const opened = await openLog(both.here);
    await both.here.log.append(opened.lease, batch(1, 3));
    await both.server.command("DEL", conversationKey(opened.id, "events"));
    assert.equal(await numbersAfter(both.here, opened, 2), undefined);
    assert.deepEqual(await numbersAfter(both.here, opened, 3), []);
    await both.here.log.append(opened.lease, batch(4, 4));
    assert.deepEqual(await numbersAfter(both.here, opened, 3), [4]);
  });

  it("calls a record that was spoilt internal_error, and repeats none of it", async () => {
    await using both = await startInstances();
    const { id } = await openConversation(both.here);
    for (const value of ['{"secret":"words', '{"kind":"secret words","id":1}']) {
      await both.server.command("HSET", conversationKey(id, "meta"), "persona", value);
      await assert.rejects(both.here.store.page(id, { limit: 1 }), (error: unknown) => {
        const { code, cause } = toAppError(error);
        return (
          code === "internal_error" && !/secret/.test(String(cause)) && /spoilt|no JSON/.test(String(cause))
        );
      });
    }
  });
});

describe("a Redis that does not take writes", () => {
  it("is storage_unavailable when its memory is full, whole or not at all, and still reads, stops and releases", async () => {
    await using both = await startInstances();
    const opened = await openLog(both.here);
    const turn = messageTurn("Hello");
    await both.here.store.accept(opened.id, turn);
    await both.server.command("CONFIG", "SET", "maxmemory", "1");
    const said = await outcomes(everyCall(both.here, opened));
    const works = ["cancel", "page", "read", "subscribe", "renew", "release", "ping"];
    for (const [name, outcome] of Object.entries(said)) {
      assert.equal(outcome, works.includes(name) ? "done" : "storage_unavailable", name);
    }
    await both.server.command("CONFIG", "SET", "maxmemory", "0");
    const { conversation } = await both.here.store.page(opened.id, { limit: 1 });
    assert.deepEqual(conversation.line, [{ ...turn, cancelled: true }]);
    assert.equal((await both.here.store.accept(opened.id, messageTurn("more"))).position, 1);
  });

  it("is storage_unavailable as a replica, and heals when it is a primary again", async () => {
    await using both = await startInstances();
    const { id } = await openConversation(both.here);
    await both.server.command("REPLICAOF", "127.0.0.1", "1");
    const startedAt = performance.now();
    await rejectsWith("storage_unavailable", both.here.store.accept(id, messageTurn("Hello")));
    assertWithin("the refusal", performance.now() - startedAt, 1_000, startedAt);
    // The line is there already: the refused call itself waited for the connection once.
    const isRestored = () => both.log.named("redis_connection_restored").length > 0;
    await until("it connects again", () => isRestored() && both.here.connection.isReady);
    assert.equal((await both.here.store.page(id, { limit: 1 })).conversation.id, id, "a replica can be read");
    await both.server.command("REPLICAOF", "NO", "ONE");
    assert.equal((await both.here.store.accept(id, messageTurn("Hello"))).position, 0);
  });
});
