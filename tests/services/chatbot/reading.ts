// A reader on a real in-memory log, whose events a test writes.

import type { TestContext } from "node:test";
import { ConversationChannel } from "#app/services/chatbot/conversation-channel.ts";
import type { LogHead } from "#app/services/chatbot/event-log.ts";
import { Reader } from "#app/services/chatbot/reader.ts";
import { RecordedFrames } from "../../support/recorded-frames.ts";
import { settle } from "../../support/settle.ts";
import { storageFor } from "../../support/watched-storage.ts";

const conversationId = "r".repeat(22);

/** `eventBytes`: how long each event is. */
export async function startReading(test: TestContext, { eventBytes = 0 } = {}) {
  const storage = storageFor(test);
  const channel = new ConversationChannel();
  const shown = new RecordedFrames();
  const levels: number[] = [];
  const lost: unknown[] = [];
  const moves: LogHead[] = [];
  const lease = await storage.lease.acquire(conversationId);
  if (!lease) throw new Error("the lease was not free");
  const first = await storage.log.open(conversationId);
  // As the one who produces does before it publishes anything.
  channel.enter(first.epoch);
  let lastSeq = 0;
  const reader = new Reader({
    conversationId,
    transport: shown,
    channel,
    log: storage.log,
    onLevel: (seq) => void levels.push(seq),
    onLost: (error) => void lost.push(error),
    onMoved: (head) => void moves.push(head),
  });
  test.after(() => reader.stop());

  /** Appends that many events, which this instance's line does not get to see. */
  const append = async (count: number): Promise<string[]> => {
    const firstSeq = lastSeq + 1;
    const events = Array.from({ length: count }, (_, index) => encode(firstSeq + index, eventBytes));
    lastSeq += count;
    await storage.log.append(lease, { firstSeq, events, floorSeq: lastSeq + 1 });
    return events;
  };
  /** Appends that many events, and hands them to the line. */
  const publishAtOnce = async (count: number): Promise<void> => {
    const firstSeq = lastSeq + 1;
    channel.publish(firstSeq, await append(count));
  };
  return {
    storage,
    channel,
    shown,
    levels,
    lost,
    moves,
    reader,
    append,
    publishAtOnce,
    /** The same, with a pause before and after in which the reader does what it has to do. */
    publish: async (count: number): Promise<void> => {
      await settle(3);
      await publishAtOnce(count);
      await settle(3);
    },
    head: (): Promise<LogHead> => storage.log.open(conversationId),
    start: (after: number, head: LogHead = { epoch: first.epoch, lastSeq }) => reader.start(after, head),
  };
}

function encode(seq: number, bytes: number): string {
  return JSON.stringify({ type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: "x", seq }).padEnd(bytes);
}
