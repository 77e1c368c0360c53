// What other instances say, on its way to the readers here: live or at rest, never silently deaf.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { type ChannelReader, ConversationChannel } from "#app/services/chatbot/conversation-channel.ts";
import { RemoteFeed } from "#app/services/chatbot/remote-feed.ts";
import { batch, nameOf, openLog } from "../../contracts/event-log-samples.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { settle } from "../../support/settle.ts";
import { watchStorage } from "../../support/watched-storage.ts";
import { createSharedStorage } from "./shared-log.ts";

class Ear implements ChannelReader {
  readonly heard: (readonly [number, string])[] = [];
  rechecks = 0;

  deliver(seq: number, event: string): void {
    this.heard.push([seq, event]);
  }

  recheck(): void {
    this.rechecks += 1;
  }
}

const away = () => Promise.reject(new AppError("storage_unavailable"));

async function start(test: TestContext) {
  const shared = createSharedStorage();
  test.after(() => shared.close());
  const storage = watchStorage(shared);
  const { id, lease, head } = await openLog(shared);
  const channel = new ConversationChannel();
  channel.enter(head.epoch);
  const ear = new Ear();
  channel.join(ear);
  const logger = createRecordingLogger();
  const feed = new RemoteFeed({ conversationId: id, log: storage.log, channel, logger });
  test.after(() => feed.pause());
  return {
    storage,
    shared: shared.log,
    channel,
    ear,
    feed,
    logger,
    head,
    append: (from: number, to = from) => shared.log.append(lease, batch(from, to)),
  };
}

describe("a feed that follows", () => {
  it("brings every later event, with its number, as the same string", async (test) => {
    const { feed, ear, append } = await start(test);
    await append(1);
    assert.equal(feed.isLive, false);
    await feed.follow();
    assert.equal(feed.isLive, true);
    await append(2, 3);
    await append(4);
    assert.deepEqual(
      ear.heard,
      [2, 3, 4].map((seq) => [seq, nameOf(seq)]),
    );
  });

  it("is one subscription, however many ask for it", async (test) => {
    const { feed, ear, append, shared } = await start(test);
    await Promise.all([feed.follow(), feed.follow()]);
    await feed.follow();
    assert.equal(shared.listeners, 1);
    await append(1);
    assert.equal(ear.heard.length, 1);
  });

  it("sends its readers to the log after a gap, and for what was said before", async (test) => {
    const { feed, ear, append, shared, head } = await start(test);
    await feed.follow();
    shared.gap();
    assert.equal(ear.rechecks, 1);
    await append(1, 2);
    shared.say(2, [nameOf(2)], head.epoch);
    assert.deepEqual([ear.rechecks, ear.heard.length], [2, 2]);
  });

  it("takes no event of another life of the log for one of this life", async (test) => {
    const { feed, ear, append, shared } = await start(test);
    await feed.follow();
    await append(1, 2);
    shared.say(3, ["of another life"], "another");
    assert.equal(ear.rechecks, 1, "the readers ask the log first, and are told that theirs is lost");
  });

  it("says that it could not subscribe, and can be asked again", async (test) => {
    const { feed, storage, ear, append } = await start(test);
    storage.beforeNext("subscribe", away);
    await assert.rejects(feed.follow(), { code: "storage_unavailable" });
    assert.equal(feed.isLive, false);
    await feed.follow();
    await append(1);
    assert.deepEqual([feed.isLive, ear.heard.length], [true, 1]);
  });
});

describe("a feed that is paused", () => {
  it("brings nothing and leaves no subscription, also when it was only on its way", async (test) => {
    const { feed, ear, append, shared, storage } = await start(test);
    await feed.follow();
    await feed.pause();
    assert.deepEqual([feed.isLive, shared.listeners], [false, 0]);
    const gate = Promise.withResolvers<void>();
    storage.beforeNext("subscribe", () => gate.promise);
    const followed = feed.follow();
    const paused = feed.pause();
    gate.resolve();
    await Promise.all([followed, paused]);
    assert.equal(feed.isLive, false, "what has been asked for meanwhile is not there");
    assert.equal(shared.listeners, 0);
    await append(1);
    assert.deepEqual(ear.heard, []);
  });

  it("bears a subscription that fails, and an end that fails", async (test) => {
    const { feed, storage } = await start(test);
    const gate = Promise.withResolvers<void>();
    storage.beforeNext("subscribe", () => gate.promise);
    const followed = feed.follow();
    const paused = feed.pause();
    gate.reject(new AppError("storage_unavailable"));
    await assert.rejects(followed, { code: "storage_unavailable" });
    await paused;
    await feed.pause();
  });

  it("can be followed again before the old subscription has ended", async (test) => {
    const { feed, ear, append, shared } = await start(test);
    await feed.follow();
    void feed.pause();
    await feed.follow();
    await settle();
    assert.equal(shared.listeners, 1);
    await append(1);
    assert.equal(ear.heard.length, 1);
  });
});

describe("a feed at rest, while this instance produces", () => {
  it("is live without a subscription, and asks for none", async (test) => {
    const { feed, ear, append, shared, storage } = await start(test);
    await feed.follow();
    feed.rest();
    await settle();
    assert.deepEqual([feed.isLive, shared.listeners], [true, 0]);
    await feed.follow();
    assert.equal(storage.calls.filter((call) => call === "subscribe").length, 1);
    await append(1);
    assert.deepEqual(ear.heard, []);
  });

  it("listens for its readers again before it is given back, and not where nobody reads", async (test) => {
    const { feed, ear, append, channel, shared } = await start(test);
    feed.rest();
    await feed.resume();
    await append(1);
    assert.equal(ear.heard.length, 1);
    feed.rest();
    channel.leave(ear);
    await feed.resume();
    await settle(1);
    assert.deepEqual([feed.isLive, shared.listeners], [false, 0]);
  });

  it("goes on trying when it cannot listen, and then sends its readers to the log", async (test) => {
    test.mock.timers.enable({ apis: ["setTimeout"] });
    const { feed, ear, append, storage, logger } = await start(test);
    feed.rest();
    for (let count = 0; count < 2; count += 1) storage.beforeNext("subscribe", away);
    await feed.resume();
    assert.deepEqual([feed.isLive, logger.named("remote_feed_failed").length], [false, 1]);
    await append(1);
    for (let count = 0; count < 2; count += 1) {
      assert.equal(ear.rechecks, 0);
      test.mock.timers.tick(1_000);
      await settle();
    }
    assert.deepEqual([feed.isLive, ear.rechecks], [true, 1]);
    await append(2);
    assert.deepEqual(ear.heard, [[2, nameOf(2)]]);
  });

  it("stops trying when nobody reads any more", async (test) => {
    test.mock.timers.enable({ apis: ["setTimeout"] });
    const { feed, storage } = await start(test);
    storage.beforeNext("subscribe", away);
    await feed.resume();
    await feed.pause();
    test.mock.timers.tick(10_000);
    await settle();
    assert.equal(storage.calls.filter((call) => call === "subscribe").length, 1);
  });
});
