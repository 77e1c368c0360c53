// A line under trouble: the lease is elsewhere or lost, storage fails, the instance stops. Nothing hangs, nothing
// rejects unheard, and the message is still there.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { settle } from "../../support/settle.ts";
import type { StorageCall } from "../../support/watched-storage.ts";
import { CONVERSATION_ID, startQueue } from "./queueing.ts";

const never = new Promise<void>(() => undefined);
const away = () => Promise.reject(new AppError("storage_unavailable"));

describe("a line whose lease is held elsewhere", () => {
  it("is left to the holder, and worked off once it is free and somebody wakes it", async (test) => {
    const { queue, say, storage, story, stored, model } = await startQueue(test);
    const held = await storage.lease.acquire(CONVERSATION_ID);
    await say("a");
    await queue.idle();
    assert.deepEqual([story(), model.calls.length], [[], 0]);
    assert.equal((await stored()).conversation.line.length, 1);
    if (held) await storage.lease.release(held);
    queue.wake();
    await queue.idle();
    assert.deepEqual(story(), ["start a", "success"]);
  });

  it("is given back after every tenure", async (test) => {
    const { queue, say, storage } = await startQueue(test);
    await say("a");
    await queue.idle();
    assert.notEqual(await storage.lease.acquire(CONVERSATION_ID), undefined);
  });
});

describe("a lease that is lost in the middle of a run", () => {
  it("stops the model and writes nothing more, since another speaks now", async (test) => {
    const { queue, say, storage, model, shown } = await startQueue(test);
    const gate = Promise.withResolvers<void>();
    model.script("one", { until: gate.promise }, " two", { until: never });
    await say("a");
    await settle();
    const shownBefore = shown.sent.length;
    // Another instance has taken over: a generation that is newer than ours.
    const generation = 1;
    await storage.lease.release({ conversationId: CONVERSATION_ID, generation });
    const taken = await storage.lease.acquire(CONVERSATION_ID);
    assert.equal(taken?.generation, generation + 1);
    gate.resolve();
    await queue.idle();
    assert.equal(shown.sent.length, shownBefore);
    assert.equal(model.active, 0);
    assert.notEqual(taken && (await storage.lease.renew(taken)), false, "the other's lease is untouched");
  });
});

describe("storage that fails in the middle of a tenure", () => {
  const calls: readonly StorageCall[] = ["acquire", "open", "page", "append", "record"];
  for (const call of calls) {
    it(`does not hang, and answers the message at the next wake (${call})`, async (test) => {
      const { queue, say, storage, story, stored, logger, model } = await startQueue(test);
      storage.beforeNext(call, away);
      await say("a");
      await queue.idle();
      await settle();
      assert.ok(
        logger.lines.some(({ level }) => level === "error" || level === "warn"),
        "it is logged",
      );
      assert.equal(model.active, 0);
      assert.equal((await stored()).conversation.line.length, 1);
      queue.wake();
      await queue.idle();
      assert.equal((await stored()).conversation.line.length, 0);
      assert.equal(story().at(-1), "success");
    });
  }

  it("does not end a run whose line could not be looked at", async (test) => {
    const { queue, say, storage, model, story, logger } = await startQueue(test);
    const gate = Promise.withResolvers<void>();
    model.script({ until: gate.promise }, "one");
    await say("a");
    await settle();
    storage.beforeNext("page", away);
    queue.wake();
    await settle();
    assert.equal(logger.named("run_queue_look_up_failed").length, 1);
    gate.resolve();
    await queue.idle();
    assert.deepEqual(story(), ["start a", "success"]);
  });

  it("keeps no lease of a conversation that is gone", async (test) => {
    const { queue, storage, logger } = await startQueue(test);
    storage.beforeNext("page", () => Promise.reject(new AppError("conversation_not_found")));
    queue.wake();
    await queue.idle();
    assert.equal(logger.named("run_queue_failed").length, 1);
    assert.notEqual(await storage.lease.acquire(CONVERSATION_ID), undefined);
  });
});

describe("a line that is drained", () => {
  it("ends the running turn and all that wait as interrupted", async (test) => {
    const { queue, say, model, story, stored } = await startQueue(test);
    model.script("one", { until: never });
    for (const text of ["a", "b"]) await say(text);
    await settle();
    queue.drain();
    await queue.idle();
    const told = story().filter((line) => !line.startsWith("waits"));
    assert.deepEqual(told, ["start a", "run_interrupted", "start b", "run_interrupted"]);
    assert.equal(model.calls.length, 1);
    assert.equal((await stored()).conversation.line.length, 0);
  });

  it("answers nothing that comes afterwards", async (test) => {
    const { queue, say, model, story } = await startQueue(test);
    queue.drain();
    await say("a");
    await queue.idle();
    assert.deepEqual(story(), ["start a", "run_interrupted"]);
    assert.equal(model.calls.length, 0);
  });
});
