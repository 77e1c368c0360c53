// An event writer whose log and store answer when the test says so, with a detached life to go on in.

import type { Conversation, ConversationChange } from "#app/models/conversation.ts";
import type { ConversationEvent } from "#app/models/server-event.ts";
import { ConversationChannel } from "#app/services/chatbot/conversation-channel.ts";
import { DetachedLog } from "#app/services/chatbot/detached-log.ts";
import type { EventLog, LogBatch } from "#app/services/chatbot/event-log.ts";
import { EventWriter } from "#app/services/chatbot/event-writer.ts";
import { newConversation } from "../../contracts/conversation-samples.ts";
import { parseFrame } from "../../support/recorded-frames.ts";

interface Answer {
  readonly confirm: () => void;
  readonly refuse: (error: Error) => void;
}

export const delta = (text: string): ConversationEvent => ({
  type: "TEXT_MESSAGE_CONTENT",
  messageId: "m1",
  delta: text,
});

export const asConversation = (): Conversation => ({ ...newConversation(), seq: 0, line: [] });

export function startAwayWriter(lastSeq = 0, hasShelter = true) {
  const appends: (LogBatch & Answer)[] = [];
  const records: (Answer & { readonly change: ConversationChange })[] = [];
  const lives: DetachedLog[] = [];
  const failures: unknown[] = [];
  /** What the reader here saw: `seq:text`, and `moved seq` at each change of the log's life. */
  const shown: string[] = [];
  const epochs: string[] = [];
  const channel = new ConversationChannel();
  channel.join({
    deliver: (seq, event) => void shown.push(`${seq}:${String(parseFrame(event).delta)}`),
    recheck: () => undefined,
    move: (epoch, seq) => {
      epochs.push(epoch);
      shown.push(`moved ${seq}`);
    },
  });
  const pending = (keep: (answer: Answer) => void): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    keep({ confirm: resolve, refuse: reject });
    return promise;
  };
  const log: EventLog = {
    open: () => Promise.resolve({ epoch: "home", lastSeq }),
    append: (_lease, batch) => pending((answer) => appends.push({ ...batch, ...answer })),
    read: () => Promise.resolve(undefined),
    subscribe: () => Promise.resolve(() => Promise.resolve()),
  };
  const writer = new EventWriter({
    ...{ log, channel, head: { epoch: "home", lastSeq }, lease: { conversationId: "c", generation: 1 } },
    record: (change) => pending((answer) => records.push({ change, ...answer })),
    onFailure: (error) => void failures.push(error),
    detach: (shownSeq) => {
      if (!hasShelter) return undefined;
      const life = new DetachedLog(asConversation(), shownSeq);
      lives.push(life);
      return life;
    },
  });
  return { writer, appends, records, lives, failures, shown, epochs };
}
