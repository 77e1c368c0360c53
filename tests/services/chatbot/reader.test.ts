// One connection's place in a conversation: everything once and in order, from the line or from the log.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { settle } from "../../support/settle.ts";
import { startReading } from "./reading.ts";

describe("a reader that starts", () => {
  it("is level at once where nothing has happened yet, and says so once", async (test) => {
    const { reader, start, levels, publish, shown } = await startReading(test);
    start(0);
    await settle();
    assert.deepEqual(levels, [0]);
    await publish(2);
    assert.deepEqual(shown.seqs, [1, 2]);
    assert.deepEqual(levels, [0]);
    reader.stop();
  });

  it("sends what is behind it from the log, then says that it is level, then goes on live", async (test) => {
    const { start, levels, publish, shown } = await startReading(test);
    await publish(5);
    start(2);
    await settle();
    assert.deepEqual(shown.seqs, [3, 4, 5]);
    assert.deepEqual(levels, [5]);
    await publish(1);
    assert.deepEqual(shown.seqs, [3, 4, 5, 6]);
  });

  it("catches up in several slices while new events are published", async (test) => {
    const { start, publish, shown, levels, storage } = await startReading(test);
    await publish(650);
    for (let slice = 0; slice < 3; slice += 1) storage.afterNext("read", () => publish(10));
    start(0);
    await settle(30);
    const total = 650 + 30;
    assert.deepEqual(
      shown.seqs,
      Array.from({ length: total }, (_, index) => index + 1),
    );
    assert.deepEqual(levels, [total]);
  });

  it("skips what a snapshot has told already, when that is a step ahead of the log's head", async (test) => {
    const { start, publish, shown, levels, head } = await startReading(test);
    await publish(3);
    const stale = await head();
    start(5, stale);
    await settle();
    assert.deepEqual(levels, [5]);
    await publish(4);
    assert.deepEqual(shown.seqs, [6, 7]);
  });

  it("misses nothing that was appended elsewhere before anybody here listened, though the snapshot was ahead", async (test) => {
    const { start, publish, append, shown, levels, head } = await startReading(test);
    await publish(3);
    const stale = await head();
    await append(4);
    start(5, stale);
    await settle();
    assert.deepEqual([shown.seqs, levels], [[6, 7], [7]]);
  });

  it("is lost when its log was, while its snapshot was ahead", async (test) => {
    const { start, publish, lost, levels } = await startReading(test);
    await publish(3);
    start(5, { epoch: "another", lastSeq: 3 });
    await settle();
    assert.deepEqual([lost, levels], [[undefined], []]);
  });

  it("misses nothing of what was published between the look at the head and the start", async (test) => {
    const { start, publish, shown, levels, head } = await startReading(test);
    await publish(3);
    const stale = await head();
    await publish(4);
    start(5, stale);
    await settle();
    assert.deepEqual(shown.seqs, [6, 7]);
    assert.deepEqual(levels, [7]);
  });

  for (const [what, after, epoch] of [
    ["another life of the log", 0, "another"],
    ["a position that was cut away", 0, undefined],
  ] as const) {
    it(`is lost, and sends nothing, in ${what}`, async (test) => {
      const { start, publish, shown, lost, head, storage, channel } = await startReading(test);
      await publish(2_100);
      const { lastSeq, epoch: own } = await head();
      start(after, { lastSeq, epoch: epoch ?? own });
      await settle();
      assert.deepEqual(shown.seqs, []);
      assert.deepEqual(lost, [undefined]);
      assert.equal(channel.readerCount, 0);
      const { length } = storage.calls;
      await settle();
      assert.equal(storage.calls.length, length, "it does not ask on");
    });
  }
});

describe("a reader whose log has shrunk", () => {
  it("is lost rather than asking for ever, when the log ends before what was shown here", async (test) => {
    const { start, publish, append, lost, levels, channel, storage, head } = await startReading(test);
    await publish(2);
    channel.publish(9, ["never confirmed by this log"]);
    start(2, await head());
    await settle();
    assert.deepEqual([lost, levels], [[undefined], []]);
    await append(1);
    assert.equal(storage.calls.filter((call) => call === "read").length, 1);
  });

  it("is not lost for what is shown while an empty read is on its way", async (test) => {
    const { start, publish, publishAtOnce, shown, lost, storage } = await startReading(test);
    await publish(3);
    storage.afterNext("read", () => publishAtOnce(1));
    start(3);
    await settle();
    assert.deepEqual([shown.seqs, lost], [[4], []]);
  });
});

describe("a reader that is level", () => {
  it("heals a gap in the line from the log", async (test) => {
    const { start, publish, append, shown, lost } = await startReading(test);
    start(0);
    await publish(2);
    await append(3);
    assert.deepEqual(shown.seqs, [1, 2]);
    await publish(1);
    await settle();
    assert.deepEqual(shown.seqs, [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(lost, []);
  });

  it("ignores what it has sent before", async (test) => {
    const { start, publish, channel, shown } = await startReading(test);
    start(0);
    await publish(3);
    channel.publish(2, [shown.sent[1] ?? "", shown.sent[2] ?? ""]);
    assert.deepEqual(shown.seqs, [1, 2, 3]);
  });

  it("is lost when the log goes while there is a gap, with the reason where there is one", async (test) => {
    const { start, publish, append, lost, storage } = await startReading(test);
    start(0);
    await settle();
    await append(1);
    const away = new AppError("storage_unavailable");
    storage.beforeNext("read", () => Promise.reject(away));
    await publish(1);
    await settle();
    assert.deepEqual(lost, [away]);
  });
});

describe("a reader that is stopped", () => {
  it("sends nothing more and has left the line", async (test) => {
    const { reader, start, publish, shown, channel } = await startReading(test);
    start(0);
    await publish(1);
    reader.stop();
    reader.stop();
    await publish(1);
    reader.acknowledge(1);
    assert.deepEqual(shown.seqs, [1]);
    assert.equal(channel.readerCount, 0);
  });

  it("sends nothing of a read that was under way, and is not level afterwards", async (test) => {
    const { reader, start, publish, shown, levels, storage } = await startReading(test);
    await publish(3);
    storage.afterNext("read", () => reader.stop());
    start(0);
    await settle();
    assert.deepEqual(shown.seqs, []);
    assert.deepEqual(levels, []);
  });

  it("is not lost when a read that was under way fails", async (test) => {
    const { reader, start, publish, lost, storage } = await startReading(test);
    await publish(3);
    storage.afterNext("read", () => {
      reader.stop();
      throw new AppError("storage_unavailable");
    });
    start(0);
    await settle();
    assert.deepEqual(lost, []);
  });

  it("sends nothing more when the stop comes from within a send", async (test) => {
    const { reader, start, publish, shown, levels, channel } = await startReading(test);
    await publish(5);
    shown.onSend = () => {
      if (shown.sent.length === 2) reader.stop();
    };
    start(0);
    await settle();
    assert.deepEqual(shown.seqs, [1, 2]);
    assert.deepEqual(levels, []);
    assert.equal(channel.readerCount, 0);
    await publish(1);
    assert.deepEqual(shown.seqs, [1, 2]);
  });
});

describe("a reader whose log goes on in another life", () => {
  it("is lost when it was behind: what it has read belongs to the old one", async (test) => {
    const { start, publish, channel, shown, lost, storage } = await startReading(test);
    await publish(250);
    storage.beforeNext("read", async () => channel.move("another", 250));
    start(0);
    await settle(30);
    assert.deepEqual([shown.seqs, lost], [[], [undefined]]);
  });

  it("is lost when it was left between the look at its head and the start, and gets nothing of the new one", async (test) => {
    const { reader, publish, channel, shown, lost, levels, head } = await startReading(test);
    await publish(3);
    const before = await head();
    channel.detach("another", 3);
    reader.start(3, before);
    channel.publish(4, ["{}"]);
    await settle(30);
    assert.deepEqual([shown.seqs, levels, lost], [[], [], [undefined]]);
    assert.equal(channel.readerCount, 0);
  });

  it("goes on under the log's new name, and is told of it before what follows, where both have its position", async (test) => {
    const { start, publish, channel, shown, levels, lost, moves, storage } = await startReading(test);
    await publish(2);
    start(2);
    await settle();
    const slice = { epoch: "renamed", lastSeq: 3, firstSeq: 3, events: ['{"type":"X","seq":3}'] };
    storage.replyToNextRead(slice);
    storage.replyToNextRead(slice);
    const sentAt: number[] = [];
    shown.onSend = () => sentAt.push(moves.length);
    channel.receive(3, slice.events, "renamed");
    await settle();
    assert.deepEqual([shown.seqs, lost, levels], [[3], [], [2]]);
    assert.deepEqual(moves, [{ epoch: "renamed", lastSeq: 2 }]);
    assert.deepEqual(sentAt, [1]);
    channel.publish(4, ['{"type":"X","seq":4}']);
    assert.deepEqual(shown.seqs, [3, 4], "and is level there");
  });

  it("enters the storage's life again when that counts again", async (test) => {
    const { start, publish, channel, lost, levels } = await startReading(test);
    await publish(3);
    channel.detach("another", 3);
    channel.attach();
    start(3);
    await settle(30);
    assert.deepEqual([levels, lost], [[3], []]);
  });

  it("gets nothing twice when the life it reads comes home meanwhile", async (test) => {
    const { start, publish, channel, shown, levels, storage, head } = await startReading(test);
    await publish(450);
    const { epoch, lastSeq } = await head();
    storage.beforeNext("read", async () => channel.move(epoch, lastSeq));
    start(0);
    await settle(30);
    assert.deepEqual(
      shown.seqs,
      Array.from({ length: 450 }, (_, index) => index + 1),
    );
    assert.deepEqual(levels, [450]);
  });
});
