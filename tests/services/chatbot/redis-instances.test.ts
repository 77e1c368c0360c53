// Two instances on one Redis: what one does, the other hears of, in order; and how long what they keep lives.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ConversationKey, conversationKey } from "#app/services/chatbot/redis-keys.ts";
import { messageTurn, openConversation, personaTurn, replyTo } from "../../contracts/conversation-samples.ts";
import { batch, nameOf, numbersAfter, openLog } from "../../contracts/event-log-samples.ts";
import { type RedisInstances, startInstances, TTL_MS } from "../../support/redis-harness.ts";
import { until } from "../../support/until.ts";

/** What a listener heard, as `[number, event]`; a gap as `[0]`. */
function createEar() {
  const heard: (readonly [number, string?])[] = [];
  const listen = (firstSeq: number, events: readonly string[]): void => {
    if (events.length === 0) heard.push([firstSeq]);
    for (const [index, event] of events.entries()) heard.push([firstSeq + index, event]);
  };
  return { heard, listen };
}

describe("events of another instance", () => {
  it("are heard in order, byte for byte, one call a batch, from the moment of the subscription on", async () => {
    await using both = await startInstances();
    const { id, lease, head } = await openLog(both.here);
    await both.here.log.append(lease, batch(1, 2));
    const { heard, listen } = createEar();
    const epochs: string[] = [];
    await both.there.log.subscribe(id, (firstSeq, events, epoch) => {
      epochs.push(epoch);
      listen(firstSeq, events);
    });
    const events = ["", "👩‍🔬 İığş\u0000\r\n", "ş😀x".repeat(9_363), '{"a":[]}'];
    await both.here.log.append(lease, { firstSeq: 3, events, floorSeq: 1 });
    await both.here.log.append(lease, batch(7, 7));
    await until("five events", () => heard.length === 5);
    assert.deepEqual(heard, [...events.map((event, index) => [3 + index, event]), [7, nameOf(7)]]);
    assert.deepEqual(epochs, [head.epoch, head.epoch]);
  });

  it("are heard and kept of a batch of any size, and of an empty one there are none", async () => {
    await using both = await startInstances();
    const opened = await openLog(both.here);
    const { heard, listen } = createEar();
    await both.there.log.subscribe(opened.id, listen);
    await both.here.log.append(opened.lease, { firstSeq: 1, events: [], floorSeq: 1 });
    await both.here.log.append(opened.lease, batch(1, 10_000, 1));
    await until("all events", () => heard.length >= 10_000);
    assert.deepEqual(
      [heard.length, heard[0], heard.at(-1)],
      [10_000, [1, nameOf(1)], [10_000, nameOf(10_000)]],
    );
    assert.equal((await numbersAfter(both.there, opened, 0))?.length, 1_000, "a page of them");
  });

  it("are heard by all who listen, by nobody who left, and never of another conversation", async () => {
    await using both = await startInstances();
    const [one, other] = [await openLog(both.here), await openLog(both.here)];
    const ears = [createEar(), createEar(), createEar()] as const;
    const stops = await Promise.all(
      [one, one, other].map(({ id }, index) =>
        both.there.log.subscribe(id, ears[index]?.listen ?? assert.fail),
      ),
    );
    await both.here.log.append(one.lease, batch(1, 1));
    await until("both hear it", () => ears[0].heard.length === 1 && ears[1].heard.length === 1);
    await stops[0]?.();
    await stops[0]?.();
    await both.here.log.append(one.lease, batch(2, 2));
    await until("the other goes on", () => ears[1].heard.length === 2);
    await stops[1]?.();
    assert.equal(both.there.connection.subscriptions.size, 2, "the wakes and the other conversation");
    // The one who left and came back hears again: his SUNSUBSCRIBE did not overtake his SSUBSCRIBE.
    const stop = await both.there.log.subscribe(one.id, ears[0].listen);
    void stop();
    await both.there.log.subscribe(one.id, ears[1].listen);
    await both.here.log.append(one.lease, batch(3, 3));
    await until("the third", () => ears[1].heard.length === 3);
    assert.deepEqual(ears[0].heard, [[1, nameOf(1)]]);
    assert.deepEqual(ears[2].heard, []);
  });

  it("that come during a lost connection are a gap, of which the listener is told", async () => {
    await using both = await startInstances();
    const { id, lease } = await openLog(both.here);
    const { heard, listen } = createEar();
    await both.there.log.subscribe(id, listen);
    await both.server.command("CLIENT", "KILL", "TYPE", "pubsub");
    await until("a gap", () => heard.length === 1);
    assert.deepEqual(heard, [[0]]);
    await both.here.log.append(lease, batch(1, 1));
    await until("events again", () => heard.length === 2);
    assert.deepEqual(heard[1], [1, nameOf(1)]);
    await until("both are back", () => both.log.named("redis_connection_restored").length === 2);
    assert.equal(both.log.named("redis_connection_lost").length, 2, "one line for each instance");
  });

  it("keep their order over 10,000 appends that do not wait for each other", async () => {
    await using both = await startInstances();
    const opened = await openLog(both.here);
    const { heard, listen } = createEar();
    await both.there.log.subscribe(opened.id, listen);
    for (let seq = 1; seq <= 10_000; ) {
      const appends: Promise<void>[] = [];
      for (const end = seq + 500; seq < end; seq += 1)
        appends.push(both.here.log.append(opened.lease, batch(seq, seq)));
      await Promise.all(appends);
    }
    await until("all events", () => heard.length === 10_000);
    assert.ok(heard.every(([seq, event], index) => seq === index + 1 && event === nameOf(seq)));
    assert.deepEqual(
      await numbersAfter(both.there, opened, 9_000),
      heard.slice(9_000).map(([seq]) => seq),
    );
    assert.equal(await both.server.command("XLEN", conversationKey(opened.id, "events")), "2000");
  });
});

describe("a wake", () => {
  async function withWakes(
    run: (both: RedisInstances, wakes: Record<"here" | "there", string[]>) => Promise<void>,
  ) {
    await using both = await startInstances();
    const wakes = { here: [] as string[], there: [] as string[] };
    both.here.onWake((id) => wakes.here.push(id));
    both.there.onWake((id) => wakes.there.push(id));
    await run(both, wakes);
  }

  it("reaches the holder of the lease for each message, persona and stop that came in elsewhere", () =>
    withWakes(async ({ here, there }, wakes) => {
      const { id } = await openConversation(here);
      await there.store.accept(id, messageTurn("Hello"));
      await until("one wake", () => wakes.here.length === 1);
      await there.store.accept(id, personaTurn("engine"));
      await until("two wakes", () => wakes.here.length === 2);
      await there.store.cancel(id, undefined, "all");
      await until("three wakes", () => wakes.here.length === 3);
      assert.deepEqual(wakes, { here: [id, id, id], there: [] });
    }));

  it("is not sent where nothing changed, nor to oneself, nor to a holder whose lease has ended", () =>
    withWakes(async ({ here, there, server }, wakes) => {
      const [one, lapsed, released] = [
        await openConversation(here),
        await openConversation(here),
        await openConversation(here),
      ];
      await server.command("HSET", conversationKey(lapsed.id, "lease"), "untilMs", "1");
      await here.lease.release(released.lease);
      const turn = messageTurn("Hello");
      await here.store.accept(one.id, turn);
      await there.store.accept(one.id, turn);
      await there.store.cancel(one.id, "unknown", "all");
      for (const { id } of [lapsed, released]) await there.store.accept(id, messageTurn("Hello"));
      // A last one that is sent: wakes keep their order, so nothing came before it.
      const last = await openConversation(here);
      await there.store.accept(last.id, messageTurn("last"));
      await until("a wake", () => wakes.here.length > 0);
      assert.deepEqual(wakes, { here: [last.id], there: [] });
    }));

  it("that may have been missed is made up for, for every conversation that runs here", () =>
    withWakes(async ({ here, server }, wakes) => {
      const [one, other] = [await openConversation(here), await openConversation(here)];
      await here.lease.release(other.lease);
      await server.command("CLIENT", "KILL", "TYPE", "pubsub");
      await until("a wake", () => wakes.here.length > 0);
      assert.deepEqual(wakes, { here: [one.id], there: [] });
    }));
});

describe("what is kept", () => {
  const LASTING = ["meta", "messages", "line", "ids", "lease"] as const;

  async function lives(
    both: RedisInstances,
    id: string,
    keys: readonly ConversationKey[],
  ): Promise<number[]> {
    const { client } = both.here.connection;
    return Promise.all(keys.map((key) => client.pttl(conversationKey(id, key))));
  }

  /** As if the conversation had been touched long ago. */
  async function age(both: RedisInstances, id: string): Promise<void> {
    const { client } = both.here.connection;
    for (const key of [...LASTING, "events"] as const)
      await client.pexpire(conversationKey(id, key), 100_000);
  }

  it("lives CONVERSATION_TTL_SECONDS from the last accept, start, end and renewal, all of it to one moment", async () => {
    await using both = await startInstances();
    const { id, lease, head } = await openLog(both.here);
    const [first, second] = [messageTurn("first"), messageTurn("second")];
    const { store, log } = both.here;
    await store.accept(id, first);
    await store.record(lease, {
      type: "run-finished",
      runId: first.runId,
      reply: replyTo(first, "r"),
      seq: 1,
    });
    const touches: Readonly<Record<string, () => Promise<unknown>>> = {
      accept: () => store.accept(id, second),
      persona: () => store.accept(id, personaTurn("engine")),
      start: () => store.record(lease, { type: "run-started", runId: second.runId }),
      renewal: () => both.here.lease.renew(lease),
    };
    for (const [name, touch] of Object.entries(touches)) {
      await age(both, id);
      await touch();
      const left = await lives(both, id, LASTING);
      assert.ok(
        left.every((ms) => ms > TTL_MS - 10_000 && ms <= TTL_MS),
        `${name}: ${left.join(" ")}`,
      );
    }
    await age(both, id);
    await log.append(lease, batch(1, 1));
    await log.open(id);
    await log.read(id, { epoch: head.epoch, after: 0, limit: 10 });
    await store.page(id, { limit: 10 });
    await store.accept(id, first);
    assert.ok(
      (await lives(both, id, LASTING)).every((ms) => ms <= 100_000),
      "not at each append or look",
    );
    await store.record(lease, { type: "run-finished", runId: second.runId, seq: 2 });
    assert.ok(
      (await lives(both, id, ["meta", "messages", "ids", "lease"])).every((ms) => ms > TTL_MS - 10_000),
    );
  });

  it("lives as events 5 minutes from the last append, or as long as the run", async () => {
    await using both = await startInstances();
    const { id, lease } = await openLog(both.here);
    const life = async () => (await lives(both, id, ["events"]))[0] ?? 0;
    await both.here.log.append(lease, batch(1, 1));
    await age(both, id);
    await both.here.log.append(lease, batch(2, 2));
    assert.ok((await life()) > 290_000 && (await life()) <= 300_000);
    await age(both, id);
    await both.here.lease.renew(lease);
    assert.ok((await life()) > 290_000);
  });

  it("has an end also where only a lease was taken; of a log alone nothing is kept", async () => {
    await using both = await startInstances();
    await both.here.log.open("a-log-alone");
    assert.equal(await both.server.command("DBSIZE"), "0");
    await both.here.lease.acquire("a-lease-alone");
    const [lease] = await lives(both, "a-lease-alone", ["lease"]);
    assert.ok(lease !== undefined && lease > 0 && lease <= TTL_MS);
  });
});
