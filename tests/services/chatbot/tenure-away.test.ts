// A tenure whose storage goes away, on a real Redis: it comes home, is lost, or is given up; and under which name.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { ConversationChannel } from "#app/services/chatbot/conversation-channel.ts";
import { conversationKey } from "#app/services/chatbot/redis-keys.ts";
import { stopCauseOf } from "#app/services/chatbot/run-stop.ts";
import { beginTenure } from "#app/services/chatbot/tenure.ts";
import { replyTo, takeLease } from "../../contracts/conversation-samples.ts";
import { assertWithin } from "../../support/held-up.ts";
import { until } from "../../support/until.ts";
import { away, startTenure } from "./away-tenure.ts";
import { delta } from "./away-writer.ts";

const NEVER = new AbortController().signal;

type Scene = Awaited<ReturnType<typeof startTenure>>;

const isHome = ({ tenure, logger }: Scene): Promise<void> =>
  until("it is home", () => !tenure.writer.detached && logger.named("run_reattached").length > 0);

describe("a tenure whose storage is away for a while", () => {
  it("goes on, comes home under the same name, and says so once each", async (test) => {
    const scene = await startTenure(test);
    await scene.write("a");
    await scene.leave("b");
    await scene.write("c");
    const name = scene.tenure.writer.detached?.epoch;
    assert.equal(scene.shelter.detachedOf(scene.id)?.epoch, name);
    await isHome(scene);
    await scene.write("d");
    assert.deepEqual(scene.shown, ["1:a", "2:b", "3:c", "4:d"]);
    assert.deepEqual(await scene.readThere(), scene.shown);
    assert.equal((await scene.there.log.open(scene.id)).epoch, name);
    assert.deepEqual(scene.epochs, [name, name], "away, and home again");
    assert.equal(scene.shelter.detachedOf(scene.id), undefined);
    assert.deepEqual(scene.logger.named("run_reattached")[0]?.fields, { events: 2 });
    assert.equal(scene.logger.named("run_detached").length, 1);
  });

  it("brings home what was to be recorded, in order, and then is reattached", async (test) => {
    const scene = await startTenure(test);
    const { writer } = scene.tenure;
    await scene.leave("a");
    const reply = replyTo(scene.turn, "a");
    writer.note({ type: "run-started", runId: scene.turn.runId });
    writer.conclude([delta("end")], (seq) => ({ type: "run-finished", runId: scene.turn.runId, reply, seq }));
    const page = () => scene.there.store.page(scene.id, { limit: 10 });
    assert.deepEqual((await page()).messages, []);
    await scene.tenure.reattached(NEVER);
    const { conversation, messages } = await page();
    assert.deepEqual(messages, [scene.turn.message, reply]);
    assert.deepEqual([conversation.line, conversation.seq, conversation.runningId], [[], 2, undefined]);
  });

  it("is reattached at once where nothing was away", async (test) => {
    const scene = await startTenure(test);
    await scene.write("a");
    await scene.tenure.reattached(NEVER);
    assert.deepEqual(scene.epochs, []);
  });

  it("tries again as long as it is not answered, under the same name", async (test) => {
    const scene = await startTenure(test);
    scene.storage.beforeNext("renew", away);
    scene.storage.beforeNext("renew", away);
    await scene.leave("a");
    const name = scene.tenure.writer.detached?.epoch;
    await isHome(scene);
    assert.equal((await scene.there.log.open(scene.id)).epoch, name);
  });

  it("keeps its name where the storage took nothing, and tells its readers nothing of it", async (test) => {
    const scene = await startTenure(test);
    let attempts = 0;
    scene.adoption.instead = async () => {
      attempts += 1;
      return false;
    };
    await scene.leave("a");
    await until("an attempt", () => attempts > 0);
    await scene.write("b");
    assert.equal(scene.epochs.length, 1);
    assert.equal(scene.shown.at(-1), "2:b");
    scene.adoption.instead = undefined;
    await isHome(scene);
    assert.deepEqual(await scene.readThere(), ["1:a", "2:b"]);
    assert.equal(new Set(scene.epochs).size, 1);
  });

  it("takes another name after an attempt of which nobody knows whether it arrived", async (test) => {
    const scene = await startTenure(test);
    const names: string[] = [];
    scene.adoption.instead = async (lease, life) => {
      scene.adoption.instead = undefined;
      names.push(life.epoch);
      // It has arrived, and nobody here hears of it.
      await scene.shelter.adopt(lease, life);
      throw new AppError("storage_unavailable");
    };
    await scene.leave("a");
    await until("the attempt", () => names.length > 0 && scene.epochs.length === 2);
    await scene.write("b");
    assert.deepEqual(await scene.readThere(), ["1:a"], "under the first name nothing more is said");
    await isHome(scene);
    await scene.write("c");
    const name = (await scene.there.log.open(scene.id)).epoch;
    assert.ok(!names.includes(name));
    assert.deepEqual(await scene.readThere(), ["1:a", "2:b", "3:c"]);
    assert.deepEqual(scene.shown, ["1:a", "2:b", "3:c"]);
    assert.deepEqual(scene.epochs, [names[0], name, name]);
  });

  it("takes another name, and records once, where the log was taken in and a record was not", async (test) => {
    const scene = await startTenure(test);
    const { writer } = scene.tenure;
    await scene.leave("a");
    const name = writer.detached?.epoch;
    const reply = replyTo(scene.turn, "a");
    writer.note({ type: "run-started", runId: scene.turn.runId });
    writer.conclude([delta("end")], (seq) => ({ type: "run-finished", runId: scene.turn.runId, reply, seq }));
    // The start is recorded, the end is recorded too, and its answer is lost.
    scene.storage.afterNext("record", () => undefined);
    scene.storage.afterNext("record", away);
    await isHome(scene);
    assert.notEqual((await scene.there.log.open(scene.id)).epoch, name);
    const { conversation, messages } = await scene.there.store.page(scene.id, { limit: 10 });
    assert.deepEqual([messages.length, conversation.line, conversation.seq], [2, [], 2]);
    assert.deepEqual(await scene.readThere(), ["1:a", "2:end"]);
  });

  it("leaves and comes home a second time, under a name of its own each", async (test) => {
    const scene = await startTenure(test);
    await scene.leave("a");
    await isHome(scene);
    await scene.write("b");
    await scene.leave("c");
    await until("home again", () => scene.logger.named("run_reattached").length === 2);
    await scene.write("d");
    assert.deepEqual(scene.shown, ["1:a", "2:b", "3:c", "4:d"]);
    assert.deepEqual(await scene.readThere(), scene.shown);
    assert.equal(new Set(scene.epochs).size, 2);
  });
});

describe("a tenure that cannot come home", () => {
  it("is lost when somebody else has the lease, and changes nothing of what they say", async (test) => {
    const scene = await startTenure(test);
    await scene.write("a");
    // Before it leaves: a second later it would come home, and nobody else could have the lease.
    await scene.server.command("HSET", conversationKey(scene.id, "lease"), "untilMs", "1");
    const theirs = await takeLease(scene.there, scene.id);
    await scene.leave("b");
    await until("it is lost", () => scene.tenure.ended.aborted);
    assert.equal(stopCauseOf(scene.tenure.ended), "lease-lost");
    await scene.tenure.reattached(NEVER);
    await scene.tenure.close(true);
    assert.deepEqual(await scene.readThere(), ["1:a"]);
    assert.equal(await scene.there.lease.renew(theirs), true, "and their lease is theirs");
    assert.equal(scene.shelter.detachedOf(scene.id), undefined);
    assert.equal(scene.counts.rechecks, 1, "its readers look at what the others say");
    assert.equal(scene.logger.named("detached_run_dropped").length, 1);
  });

  it("is lost when the conversation is gone, and brings nothing of it back", async (test) => {
    const scene = await startTenure(test);
    await scene.leave("a");
    await scene.server.command("FLUSHALL");
    await until("it is lost", () => scene.tenure.ended.aborted);
    await scene.tenure.close(true);
    assert.equal(await scene.server.command("EXISTS", conversationKey(scene.id, "meta")), "0");
  });

  it("can be closed while it is away, without waiting for the storage, and says what is dropped", async (test) => {
    const scene = await startTenure(test);
    await scene.write("a");
    await scene.leave("b");
    const startedAt = performance.now();
    await scene.tenure.close(true);
    // Before the first attempt to come home.
    assertWithin("the end", performance.now() - startedAt, 900, startedAt);
    assert.equal(scene.logger.named("detached_run_dropped").length, 1);
    assert.equal(scene.shelter.detachedOf(scene.id), undefined);
    assert.deepEqual(await scene.readThere(), ["1:a"]);
    assert.ok(await scene.there.lease.acquire(scene.id), "who comes next need not wait");
  });

  it("waits, when it is closed, for an attempt that is under way", async (test) => {
    const scene = await startTenure(test);
    const gate = Promise.withResolvers<void>();
    let isTrying = false;
    scene.adoption.instead = async (lease, life) => {
      scene.adoption.instead = undefined;
      isTrying = true;
      await gate.promise;
      return scene.shelter.adopt(lease, life);
    };
    await scene.leave("a");
    await until("an attempt", () => isTrying);
    const closing = scene.tenure.close(true);
    gate.resolve();
    await closing;
    assert.deepEqual(await scene.readThere(), ["1:a"]);
    assert.equal(scene.logger.named("detached_run_dropped").length, 0);
  });

  it("does not keep a stopping instance: waiting for home ends with the signal", async (test) => {
    const scene = await startTenure(test);
    await scene.leave("a");
    const stopping = new AbortController();
    const waiting = scene.tenure.reattached(stopping.signal);
    stopping.abort();
    await waiting;
    assert.ok(scene.tenure.writer.detached);
    await scene.tenure.reattached(stopping.signal);
  });
});

it("a tenure that never read its conversation has nothing to go on with, and is lost", async (test) => {
  const scene = await startTenure(test);
  await scene.tenure.close(true);
  const { id, storage, feed, logger } = scene;
  const tenure = await beginTenure({
    ...{ conversationId: id, storage, feed, logger },
    channel: new ConversationChannel(),
  });
  assert.ok(tenure);
  storage.beforeNext("append", away);
  tenure.writer.write(delta("a"));
  await until("it is lost", () => tenure.ended.aborted);
  assert.equal(logger.named("event_append_failed").length, 1);
  await tenure.close(false);
});
