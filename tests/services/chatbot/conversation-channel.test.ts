// The live line of a conversation: everyone who reads along gets the same strings in the same order.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ChannelReader, ConversationChannel } from "#app/services/chatbot/conversation-channel.ts";

function recorder(): ChannelReader & { readonly got: [number, string][]; rechecks: number } {
  const got: [number, string][] = [];
  return {
    got,
    rechecks: 0,
    deliver: (seq, event) => void got.push([seq, event]),
    recheck() {
      this.rechecks += 1;
    },
  };
}

describe("the conversation channel", () => {
  it("hands consecutive events to everyone who has joined, with their numbers", () => {
    const channel = new ConversationChannel();
    const readers = [recorder(), recorder()];
    for (const reader of readers) channel.join(reader);
    channel.publish(7, ["a", "b"]);
    channel.publish(9, ["c"]);
    for (const { got } of readers)
      assert.deepEqual(got, [
        [7, "a"],
        [8, "b"],
        [9, "c"],
      ]);
  });

  it("knows the newest number although nobody reads", () => {
    const channel = new ConversationChannel();
    assert.equal(channel.lastSeq, 0);
    channel.publish(1, ["a", "b", "c"]);
    assert.equal(channel.lastSeq, 3);
    channel.publish(4, []);
    assert.equal(channel.lastSeq, 3);
  });

  it("keeps nothing: who joins later gets what comes later", () => {
    const channel = new ConversationChannel();
    channel.publish(1, ["a"]);
    const late = recorder();
    channel.join(late);
    channel.publish(2, ["b"]);
    assert.deepEqual(late.got, [[2, "b"]]);
  });

  it("has moved on to a number before anybody is handed its event", () => {
    const channel = new ConversationChannel();
    const numbers: number[] = [];
    channel.join({ ...recorder(), deliver: () => void numbers.push(channel.lastSeq) });
    channel.publish(1, ["a", "b"]);
    assert.deepEqual(numbers, [1, 2]);
  });

  it("counts who reads: twice joined is once, and who has left gets nothing", () => {
    const channel = new ConversationChannel();
    const reader = recorder();
    channel.join(reader);
    channel.join(reader);
    assert.equal(channel.readerCount, 1);
    channel.publish(1, ["a"]);
    channel.leave(reader);
    channel.leave(reader);
    assert.equal(channel.readerCount, 0);
    channel.publish(2, ["b"]);
    assert.deepEqual(reader.got, [[1, "a"]]);
  });

  it("bears readers that leave while they are handed an event, others' too", () => {
    const channel = new ConversationChannel();
    const second = recorder();
    const first: ChannelReader = {
      deliver: () => {
        channel.leave(first);
        channel.leave(second);
      },
      recheck: () => undefined,
    };
    const third = recorder();
    for (const reader of [first, second, third]) channel.join(reader);
    channel.publish(1, ["a", "b"]);
    assert.deepEqual(second.got, []);
    assert.deepEqual(third.got.length, 2);
    assert.equal(channel.readerCount, 1);
  });
});
