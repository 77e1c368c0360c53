// A detached life that Redis takes in: the fence, what stays of the old log, and how other instances hear of it.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { DetachedLog } from "#app/services/chatbot/detached-log.ts";
import { conversationKey, keysOf } from "#app/services/chatbot/redis-keys.ts";
import { ADOPT } from "#app/services/chatbot/redis-log-scripts.ts";
import { openConversation, rejectsWith, takeLease } from "../../contracts/conversation-samples.ts";
import { batch, nameOf, numbersAfter, type OpenLog, openLog } from "../../contracts/event-log-samples.ts";
import { type RedisInstances, startInstances } from "../../support/redis-harness.ts";
import { until } from "../../support/until.ts";
import { asConversation } from "./away-writer.ts";

/** Numbers `baseSeq + 1` to `lastSeq`, of a life that goes on from that log. */
function lifeOf({ id }: OpenLog, baseSeq: number, lastSeq: number): DetachedLog {
  const life = new DetachedLog({ ...asConversation(), id }, baseSeq);
  for (let seq = baseSeq + 1; seq <= lastSeq; seq += 1) life.events.push(nameOf(seq));
  return life;
}

for (const cluster of [false, true])
  describe(cluster ? "on a node of a cluster" : "on a single Redis", () => {
    let instances: RedisInstances | undefined;
    before(async () => {
      instances = await startInstances({ cluster });
    });
    after(() => instances?.[Symbol.asyncDispose]());

    /** A log of so many events, here and there. */
    async function start(lastSeq: number) {
      assert.ok(instances);
      const { here, there, server } = instances;
      const opened = await openLog(here);
      if (lastSeq > 0) await here.log.append(opened.lease, batch(1, lastSeq));
      const numbersOf = (life: DetachedLog, seq: number) =>
        numbersAfter(there, { ...opened, head: life.head }, seq);
      return { here, there, server, opened, numbersOf };
    }

    it("goes on under its name and with its numbers, on every instance, with what both lives have", async () => {
      const { here, there, opened, numbersOf } = await start(5);
      const life = lifeOf(opened, 5, 8);
      assert.equal(await here.shelter.adopt(opened.lease, life), true);
      assert.deepEqual(await there.log.open(opened.id), life.head);
      assert.deepEqual(await numbersOf(life, 0), [1, 2, 3, 4, 5, 6, 7, 8]);
      assert.equal(await numbersAfter(there, opened, 0), undefined, "the old name is no more");
      await here.log.append(opened.lease, batch(9, 9));
      assert.deepEqual(await numbersOf(life, 7), [8, 9]);
    });

    it("puts its own events in the place of those that were never confirmed", async () => {
      const { here, opened, there } = await start(5);
      const life = new DetachedLog({ ...asConversation(), id: opened.id }, 3);
      life.events.push("x4", "x5", "x6");
      await here.shelter.adopt(opened.lease, life);
      const slice = await there.log.read(opened.id, { epoch: life.epoch, after: 2, limit: 10 });
      assert.deepEqual([slice?.lastSeq, slice?.events], [6, [nameOf(3), "x4", "x5", "x6"]]);
    });

    it("cuts what was appended and never confirmed, where the life itself has nothing", async () => {
      const { here, opened, numbersOf } = await start(5);
      const life = lifeOf(opened, 3, 3);
      await here.shelter.adopt(opened.lease, life);
      assert.deepEqual(await numbersOf(life, 0), [1, 2, 3]);
      await here.log.append(opened.lease, batch(4, 4));
      assert.deepEqual(await numbersOf(life, 3), [4]);
    });

    it("is refused as a whole by an empty log, and by one that has lost its newest events", async () => {
      for (const kept of [0, 2]) {
        const { here, opened, numbersOf, there } = await start(kept);
        const life = lifeOf(opened, 5, 7);
        await rejectsWith("run_interrupted", here.shelter.adopt(opened.lease, life));
        assert.deepEqual(await there.log.open(opened.id), { ...opened.head, lastSeq: kept });
        assert.equal(await numbersOf(life, 5), undefined);
      }
    });

    it("is taken in though the events before it have aged out, and proves nothing of those", async () => {
      const { here, opened, numbersOf, server } = await start(5);
      await server.command("DEL", conversationKey(opened.id, "events"));
      const life = lifeOf(opened, 5, 7);
      await here.shelter.adopt(opened.lease, life);
      assert.deepEqual([await numbersOf(life, 5), await numbersOf(life, 4)], [[6, 7], undefined]);
      const left = Number(await server.command("PTTL", conversationKey(opened.id, "events")));
      assert.ok(left > 0, "and ages in its turn");
    });

    it("is refused where a later attempt of the same lease has come before it", async () => {
      const { here, opened, numbersOf } = await start(2);
      const late = lifeOf(opened, 2, 3);
      const lateArgs = [String(opened.lease.generation), late.epoch, "2", "60000", "1", ...late.events];
      const life = lifeOf(opened, 2, 6);
      await here.shelter.adopt(opened.lease, life);
      const arrives = here.connection.run(ADOPT, keysOf(ADOPT, opened.id), lateArgs);
      await rejectsWith("run_interrupted", arrives);
      assert.deepEqual(await numbersOf(life, 0), [1, 2, 3, 4, 5, 6]);
    });

    it("is taken in whole however long it is, again under a newer name, and nothing stands twice", async () => {
      const { here, opened, numbersOf } = await start(2);
      const life = lifeOf(opened, 2, 1_500);
      await here.shelter.adopt(opened.lease, life);
      life.rename();
      life.events.push(nameOf(1_501));
      await here.shelter.adopt(opened.lease, life);
      assert.equal((await numbersOf(life, 501))?.length, 1_000);
      assert.deepEqual(await numbersOf(life, 1_499), [1_500, 1_501]);
      assert.deepEqual((await numbersOf(life, 0))?.slice(0, 3), [1, 2, 3]);
    });

    it("is refused as a whole by the fence, once somebody else has the lease", async () => {
      const { here, there, opened, server } = await start(3);
      await server.command("HSET", conversationKey(opened.id, "lease"), "untilMs", "1");
      const theirs = await takeLease(there, opened.id);
      await rejectsWith("run_interrupted", here.shelter.adopt(opened.lease, lifeOf(opened, 3, 5)));
      assert.deepEqual(await there.log.open(opened.id), { ...opened.head, lastSeq: 3 });
      await there.log.append(theirs, batch(4, 4));
      assert.deepEqual(await numbersAfter(here, opened, 0), [1, 2, 3, 4]);
    });

    it("is refused where the conversation is no longer there", async () => {
      const { here, opened, server } = await start(3);
      await server.command("FLUSHALL");
      await rejectsWith("run_interrupted", here.shelter.adopt(opened.lease, lifeOf(opened, 3, 5)));
      assert.equal(await server.command("DBSIZE"), "0", "and brings nothing of it back");
    });

    it("is heard of on other instances: they are told to look, and under which name", async () => {
      const { here, there, opened } = await start(3);
      const heard: [number, number, string][] = [];
      await there.log.subscribe(opened.id, (seq, events, epoch) => heard.push([seq, events.length, epoch]));
      const life = lifeOf(opened, 3, 5);
      await here.shelter.adopt(opened.lease, life);
      await here.log.append(opened.lease, batch(6, 6));
      await until("both", () => heard.length === 2);
      assert.deepEqual(heard, [
        [0, 0, life.epoch],
        [6, 1, life.epoch],
      ]);
    });

    it("is not taken in by a Redis that takes no writes, which says so for sure", async () => {
      const { here, opened, server } = await start(3);
      const life = lifeOf(opened, 3, 5);
      await server.command("CONFIG", "SET", "maxmemory", "1");
      assert.equal(await here.shelter.adopt(opened.lease, life), false);
      await server.command("CONFIG", "SET", "maxmemory", "0");
      assert.deepEqual(await here.log.open(opened.id), { ...opened.head, lastSeq: 3 });
      assert.deepEqual(await here.log.read(opened.id, { ...opened.head, after: 3, limit: 9 }), {
        ...{ epoch: opened.head.epoch, firstSeq: 4, lastSeq: 3 },
        events: [],
      });
    });
  });

it("a life whose fate nobody knows is storage_unavailable, not refused", async () => {
  await using both = await startInstances();
  const { id, lease } = await openConversation(both.here);
  const head = await both.here.log.open(id);
  both.server.pause();
  await rejectsWith("storage_unavailable", both.here.shelter.adopt(lease, lifeOf({ id, lease, head }, 0, 2)));
  both.server.resume();
  await until("it arrives", () => both.here.connection.isReady);
  assert.notEqual((await both.here.log.open(id)).epoch, head.epoch, "frozen, it had it in its socket");
});
