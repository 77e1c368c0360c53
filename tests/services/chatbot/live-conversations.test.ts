// What is kept of conversations that are open or running here, and that who listens hears everything: on the instance
// that produces and on any other, whenever the lease changes hands. Two instances on one storage, in one process.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { LiveConversations } from "#app/services/chatbot/live-conversations.ts";
import type { Reader } from "#app/services/chatbot/reader.ts";
import type { StorageBundle } from "#app/services/chatbot/storage-bundle.ts";
import { createChatParts, endOf, MAIN } from "../../support/chat-core.ts";
import { RecordedFrames } from "../../support/recorded-frames.ts";
import { settle } from "../../support/settle.ts";
import { joinDeltas } from "../../support/wire-invariants.ts";
import { createSharedStorage, type SharedLog } from "./shared-log.ts";

const id = "l".repeat(22);

/** One instance on a storage, with what its readers are shown. */
function createInstance(test: TestContext, storage: StorageBundle) {
  const parts = createChatParts(test, { storage });
  const live = new LiveConversations(parts);
  test.after(() => live.drain(0));
  const listen = async (after = 0): Promise<{ shown: RecordedFrames; reader: Reader }> => {
    const shown = new RecordedFrames();
    const transport = { conversationId: id, transport: shown, onLevel: () => undefined };
    const reader = await live.listen({ ...transport, onLost: () => shown.close("internalError") });
    reader.start(after, await parts.storage.log.open(id));
    return { shown, reader };
  };
  return { ...parts, live, listen };
}

type Instance = ReturnType<typeof createInstance>;

async function start(test: TestContext) {
  const shared: StorageBundle & { readonly log: SharedLog } = createSharedStorage();
  const wakes: ((conversationId: string) => void)[] = [];
  const abandoned: string[] = [];
  const storage: StorageBundle = {
    ...shared,
    onWake: (listener) => void wakes.push(listener),
    lease: {
      acquire: (conversationId) => shared.lease.acquire(conversationId),
      renew: (lease) => shared.lease.renew(lease),
      release: (lease, isDone) => shared.lease.release(lease, isDone),
      abandoned: async () => abandoned,
    },
  };
  test.after(() => shared.close());
  await shared.store.create({ id, tokenHash: "", persona: MAIN, createdAt: Date.now() });
  const here = createInstance(test, storage);
  const there = createInstance(test, storage);
  return {
    here,
    there,
    shared: shared.log,
    abandoned,
    wake: (conversationId: string) => {
      for (const wake of wakes) wake(conversationId);
    },
    /** Puts a message in line; nobody is told. */
    accept: async (text: string): Promise<string> => {
      const runId = randomUUID();
      const message = {
        id: randomUUID(),
        role: "user",
        content: text,
        createdAt: Date.now(),
        runId,
      } as const;
      await shared.store.accept(id, { type: "message", runId, message, cancelled: false });
      return runId;
    },
  };
}

/** Lets an instance answer what is in line, to the end. */
async function workOff({ live }: Instance): Promise<void> {
  live.queueOf(id).wake();
  await live.queueOf(id).idle();
}

describe("who listens", () => {
  it("hears what is said on the other instance, once and in order, and then what is said here", async (test) => {
    const { here, there, accept } = await start(test);
    const { shown } = await here.listen();
    for (const instance of [there, here, there]) {
      const runId = await accept("Hello");
      await workOff(instance);
      await endOf(shown, runId);
    }
    assert.deepEqual(
      shown.seqs,
      shown.sent.map((_, index) => index + 1),
    );
    assert.equal(joinDeltas(shown.frames), "okokok");
  });

  it("has the same strings on both instances", async (test) => {
    const { here, there, accept } = await start(test);
    const ears = [await here.listen(), await there.listen()];
    await accept("Hello");
    await workOff(here);
    await accept("Hello again");
    await workOff(there);
    await settle();
    assert.ok(ears[0] && ears[0].shown.sent.length > 8);
    assert.deepEqual(ears[0].shown.sent, ears[1]?.shown.sent);
  });

  it("is subscribed before it is told so, and not where this instance produces", async (test) => {
    const { here, shared, accept } = await start(test);
    await here.listen();
    assert.equal(shared.listeners, 1);
    const gate = Promise.withResolvers<void>();
    here.model.script("a", { until: gate.promise });
    await accept("Hello");
    here.live.queueOf(id).wake();
    await settle();
    assert.equal(shared.listeners, 0);
    const { shown } = await here.listen();
    await settle();
    assert.equal(shared.listeners, 0);
    assert.equal(joinDeltas(shown.frames), "a");
    gate.resolve();
    await here.live.queueOf(id).idle();
    assert.equal(shared.listeners, 1, "once nothing is produced here, others may");
  });

  it("misses nothing though a whole reply was given here while it was on its way in", async (test) => {
    const { here, there, accept, shared } = await start(test);
    const gate = Promise.withResolvers<void>();
    here.storage.beforeNext("subscribe", () => gate.promise);
    const arriving = here.listen();
    await accept("Hello");
    await workOff(here);
    gate.resolve();
    const { shown } = await arriving;
    assert.equal(shared.listeners, 1);
    const last = await accept("And now?");
    await workOff(there);
    await endOf(shown, last);
    assert.equal(joinDeltas(shown.frames), "okok");
  });

  for (const call of ["append", "record", "release"] as const) {
    it(`misses nothing when it comes while a tenure here is ending (${call})`, async (test) => {
      const { here, there, accept } = await start(test);
      const gate = Promise.withResolvers<void>();
      await accept("Hello");
      if (call === "release") here.storage.beforeNext("release", () => gate.promise);
      else here.model.script({ until: gate.promise }, "ok");
      here.live.queueOf(id).wake();
      await settle();
      if (call !== "release") here.storage.afterNext(call, () => settle(3));
      const arriving = here.listen();
      gate.resolve();
      const { shown } = await arriving;
      await here.live.queueOf(id).idle();
      const last = await accept("And now?");
      await workOff(there);
      await endOf(shown, last);
      assert.equal(joinDeltas(shown.frames), "okok");
    });
  }

  it("is refused where the others cannot be heard, and nothing is kept of it", async (test) => {
    const { here } = await start(test);
    here.storage.beforeNext("subscribe", () => Promise.reject(new AppError("storage_unavailable")));
    await assert.rejects(here.listen(), { code: "storage_unavailable" });
    assert.deepEqual(here.live.counts, { live: 0, running: 0 });
    await here.listen();
  });

  it("and those who came with it are one subscription, which ends with the last of them", async (test) => {
    const { here, shared } = await start(test);
    const ears = await Promise.all([here.listen(), here.listen(), here.listen()]);
    for (const { reader } of ears) {
      assert.equal(shared.listeners, 1);
      here.live.leave(id, reader);
      await settle(1);
    }
    assert.equal(shared.listeners, 0);
    assert.equal(here.live.counts.live, 0);
  });

  it("bears that others come and go in any order while messages are answered on either instance", async (test) => {
    const { here, there, accept } = await start(test);
    const { shown: first } = await here.listen();
    const { shown: second } = await there.listen();
    for (let round = 0; round < 12; round += 1) {
      const runId = await accept(`Question ${round}`);
      const instance = round % 3 === 0 ? there : here;
      const passing = [here.listen(), there.listen()];
      instance.live.queueOf(id).wake();
      for (let turn = 0; turn < round; turn += 1) await Promise.resolve();
      const [one, other] = await Promise.all(passing);
      if (one) here.live.leave(id, one.reader);
      if (other) there.live.leave(id, other.reader);
      await endOf(first, runId);
      await endOf(second, runId);
      await instance.live.queueOf(id).idle();
    }
    assert.deepEqual(first.sent, second.sent);
    assert.deepEqual(
      first.seqs,
      first.sent.map((_, index) => index + 1),
    );
  });
});

describe("what is live", () => {
  it("is kept while somebody reads or something runs, and then forgotten", async (test) => {
    const { here, accept } = await start(test);
    assert.equal(here.live.knownQueueOf(id), undefined);
    const { reader } = await here.listen();
    const gate = Promise.withResolvers<void>();
    here.model.script({ until: gate.promise });
    await accept("Hello");
    here.live.queueOf(id).wake();
    await settle();
    here.live.leave(id, reader);
    assert.deepEqual(here.live.counts, { live: 1, running: 1 });
    gate.resolve();
    await here.live.queueOf(id).idle();
    await settle();
    assert.deepEqual(here.live.counts, { live: 0, running: 0 });
  });

  it("is kept while a line is to be looked at again, because another instance holds it", async (test) => {
    test.mock.timers.enable({ apis: ["setTimeout"] });
    const { here, there, accept } = await start(test);
    there.model.script({ until: new Promise(() => undefined) });
    const runId = await accept("Hello");
    there.live.queueOf(id).wake();
    await settle();
    await workOff(here);
    assert.deepEqual(here.live.counts, { live: 1, running: 0 });
    assert.equal(here.model.calls.length, 0);
    await there.storage.store.cancel(id, runId, "all");
    await workOff(there);
    test.mock.timers.tick(10_000);
    await settle();
    assert.deepEqual(here.live.counts, { live: 0, running: 0 });
  });

  it("begins with a wake of the storage", async (test) => {
    const { here, accept, wake } = await start(test);
    await accept("Hello");
    wake(id);
    await settle(30);
    const { messages } = await here.storage.store.page(id, { limit: 5 });
    assert.equal(messages[1]?.content, "ok");
  });

  it("bears a wake for a conversation that is gone", async (test) => {
    const { here, wake } = await start(test);
    wake("nobody".padEnd(22, "x"));
    await settle(30);
    assert.equal(here.live.counts.live, 0);
  });
});

describe("what an instance that died has left", () => {
  it("is looked for at the start and every two seconds, and answered", async (test) => {
    test.mock.timers.enable({ apis: ["setInterval"] });
    const { here, abandoned, accept } = await start(test);
    await accept("Hello");
    abandoned.push(id);
    await settle(30);
    assert.equal(here.model.calls.length, 0);
    test.mock.timers.tick(2_000);
    await settle(30);
    const { conversation, messages } = await here.storage.store.page(id, { limit: 5 });
    assert.deepEqual([conversation.line.length, messages[1]?.content], [0, "ok"]);
  });

  it("is left to others once this instance is drained", async (test) => {
    test.mock.timers.enable({ apis: ["setInterval"] });
    const { here, there, abandoned, accept } = await start(test);
    await Promise.all([here.live.drain(0), there.live.drain(0)]);
    await accept("Hello");
    abandoned.push(id);
    test.mock.timers.tick(10_000);
    await settle(30);
    assert.equal((await here.storage.store.page(id, { limit: 5 })).conversation.line.length, 1);
    assert.deepEqual([here.live.isDrained, here.live.counts.live], [true, 0]);
  });
});
