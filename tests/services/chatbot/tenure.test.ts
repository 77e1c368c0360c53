// The time in which one instance numbers a conversation's events: how it begins, is lost, and is given back.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it, type TestContext } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { ConversationChannel } from "#app/services/chatbot/conversation-channel.ts";
import { RemoteFeed } from "#app/services/chatbot/remote-feed.ts";
import { LEASE_TIMES } from "#app/services/chatbot/run-lease.ts";
import { stopCauseOf } from "#app/services/chatbot/run-stop.ts";
import { beginTenure, type Tenure } from "#app/services/chatbot/tenure.ts";
import { batch } from "../../contracts/event-log-samples.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { settle } from "../../support/settle.ts";
import { type WatchedStorage, watchStorage } from "../../support/watched-storage.ts";
import { createSharedStorage } from "./shared-log.ts";

const conversationId = "t".repeat(22);
const away = () => Promise.reject(new AppError("storage_unavailable"));
const event = { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: "x" } as const;

/** One instance: its channel, its feed, and what its reader was shown. */
function createInstance(test: TestContext, storage: WatchedStorage) {
  const channel = new ConversationChannel();
  const logger = createRecordingLogger();
  const feed = new RemoteFeed({ conversationId, log: storage.log, channel, logger });
  const seqs: number[] = [];
  const counts = { rechecks: 0 };
  const reader = {
    deliver: (seq: number) => void seqs.push(seq),
    recheck: () => {
      counts.rechecks += 1;
    },
  };
  test.after(() => feed.pause());
  return {
    channel,
    feed,
    logger,
    seqs,
    counts,
    listen: async (): Promise<void> => {
      await feed.follow();
      channel.join(reader);
    },
    begin: async (): Promise<Tenure> => {
      const tenure = await beginTenure({ conversationId, storage, channel, feed, logger });
      assert.ok(tenure, "the lease is free");
      return tenure;
    },
    tryBegin: () => beginTenure({ conversationId, storage, channel, feed, logger }),
  };
}

function start(test: TestContext) {
  const shared = createSharedStorage();
  test.after(() => shared.close());
  const storage = watchStorage(shared);
  return {
    storage,
    shared: shared.log,
    here: createInstance(test, storage),
    there: createInstance(test, storage),
  };
}

describe("a tenure", () => {
  it("leaves nothing behind on the signal of a line that asks, turn after turn, whether it is reattached", async (test) => {
    const { here } = start(test);
    const tenure = await here.begin();
    test.after(() => tenure.close(true));
    const { signal } = new AbortController();
    for (let turn = 0; turn < 3; turn += 1) await tenure.reattached(signal);
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });

  it("is one instance's at a time, and the next one's once it is given back", async (test) => {
    const { here, there } = start(test);
    const tenure = await here.begin();
    assert.equal(await there.tryBegin(), undefined);
    await tenure.close(true);
    await (await there.begin()).close(true);
  });

  it("numbers on where the last one ended, and gives the lease back after its last word", async (test) => {
    const { here, there, storage } = start(test);
    const first = await here.begin();
    first.writer.write(event);
    first.writer.write(event);
    await first.close(true);
    assert.ok(storage.calls.lastIndexOf("append") < storage.calls.lastIndexOf("release"));
    const second = await there.begin();
    assert.equal(second.writer.write(event), 3);
    await second.close(true);
  });

  it("is heard by readers here once, and by readers elsewhere once, in order, whoever has it", async (test) => {
    const { here, there } = start(test);
    await here.listen();
    await there.listen();
    let seq = 0;
    for (const instance of [here, there, there, here]) {
      const tenure = await instance.begin();
      for (let count = 0; count < 3; count += 1) tenure.writer.write(event);
      await tenure.writer.settled();
      tenure.writer.write(event);
      await tenure.close(true);
      seq += 4;
      await settle();
    }
    const all = Array.from({ length: seq }, (_, index) => index + 1);
    assert.deepEqual([here.seqs, there.seqs], [all, all]);
  });

  it("sends its readers to the log for what the one before said last and they may not have heard", async (test) => {
    const { here, there, shared } = start(test);
    await here.listen();
    const first = await there.begin();
    // Published, and not here yet when the lease changes hands.
    const deaf = shared.listeners;
    assert.equal(deaf, 1);
    await here.feed.pause();
    first.writer.write(event);
    await first.close(true);
    const second = await here.begin();
    assert.deepEqual([here.seqs, here.counts.rechecks], [[], 1]);
    await second.close(true);
  });

  it("asks nobody to look at the log where nothing can have been missed", async (test) => {
    const { here } = start(test);
    await here.listen();
    for (let count = 0; count < 2; count += 1) {
      const tenure = await here.begin();
      tenure.writer.write(event);
      await tenure.close(true);
    }
    assert.deepEqual([here.seqs, here.counts.rechecks], [[1, 2], 0]);
  });

  it("has its readers listening to the others before anybody else can have the lease", async (test) => {
    const { here, storage, shared } = start(test);
    await here.listen();
    const tenure = await here.begin();
    await settle();
    assert.equal(shared.listeners, 0, "its own words are not heard twice");
    let heardBy = -1;
    storage.beforeNext("subscribe", () => settle(3));
    storage.beforeNext("release", () => {
      heardBy = shared.listeners;
    });
    await tenure.close(true);
    assert.equal(heardBy, 1);
  });
});

describe("a tenure that is lost", () => {
  it("says so when the log refuses, and has its readers look at what the log holds", async (test) => {
    const { here, storage } = start(test);
    await here.listen();
    const tenure = await here.begin();
    storage.beforeNext("append", away);
    tenure.writer.write(event);
    await tenure.writer.settled();
    await settle(1);
    assert.equal(stopCauseOf(tenure.ended), "lease-lost");
    await tenure.close(false);
    assert.deepEqual([here.seqs, here.counts.rechecks], [[], 1]);
    assert.equal(here.logger.named("event_append_failed").length, 1);
  });

  it("says so within one renewal after another has it, and takes nothing from the other", async (test) => {
    test.mock.timers.enable({ apis: ["setInterval", "Date"], now: 1_000_000 });
    const { here, there, storage } = start(test);
    const tenure = await here.begin();
    const { generation } = tenure.lease;
    await storage.lease.release({ conversationId, generation });
    const other = await there.begin();
    test.mock.timers.tick(LEASE_TIMES.renewEveryMs);
    await settle();
    assert.equal(stopCauseOf(tenure.ended), "lease-lost");
    await tenure.close(false);
    await storage.log.append(other.lease, batch(1, 1));
    await other.close(true);
  });

  it("goes on when one renewal is not answered, and is renewed by the next", async (test) => {
    test.mock.timers.enable({ apis: ["setInterval", "Date"], now: 1_000_000 });
    const { here, there, storage } = start(test);
    const tenure = await here.begin();
    storage.beforeNext("renew", away);
    for (let count = 0; count < 10; count += 1) {
      test.mock.timers.tick(LEASE_TIMES.renewEveryMs);
      await settle(1);
    }
    assert.equal(tenure.ended.aborted, false);
    assert.equal(await there.tryBegin(), undefined, "three lives of a lease later it is still held");
    await tenure.close(true);
    const calls = storage.calls.length;
    test.mock.timers.tick(10 * LEASE_TIMES.renewEveryMs);
    assert.equal(storage.calls.length, calls, "and is renewed no more");
  });
});

describe("a tenure that cannot begin", () => {
  it("keeps no lease and no feed at rest, and says why", async (test) => {
    const { here, there, storage, shared } = start(test);
    await here.listen();
    storage.beforeNext("open", away);
    await assert.rejects(here.tryBegin(), { code: "storage_unavailable" });
    assert.equal(shared.listeners, 1);
    const tenure = await there.begin();
    tenure.writer.write(event);
    await tenure.close(true);
    assert.deepEqual(here.seqs, [1]);
  });

  it("leaves everything as it was where the lease cannot be asked for", async (test) => {
    const { here, storage, shared } = start(test);
    await here.listen();
    storage.beforeNext("acquire", away);
    await assert.rejects(here.tryBegin(), { code: "storage_unavailable" });
    assert.equal(shared.listeners, 1);
  });

  it("can begin again after a lease that could not be given back", async (test) => {
    test.mock.timers.enable({ apis: ["setInterval", "Date"], now: 1_000_000 });
    const { here, storage } = start(test);
    const tenure = await here.begin();
    storage.beforeNext("release", away);
    await assert.rejects(tenure.close(true), { code: "storage_unavailable" });
    assert.equal(await here.tryBegin(), undefined);
    test.mock.timers.tick(LEASE_TIMES.lifeMs);
    await (await here.begin()).close(true);
  });
});
