// What a running reply goes on in when the storage has gone silent: a life of the log of its own, held in memory.
// Promises: numbers go on after what was shown; what is to be recorded is kept in order until the storage is back.
// Source: protocol, guarantee 2: a log that has not confirmed within a second is left.

import { randomUUID } from "node:crypto";
import type { Conversation, ConversationChange } from "#app/models/conversation.ts";
import type { LogHead, LogSlice } from "./event-log.ts";

export class DetachedLog {
  #epoch: string = randomUUID();
  /** As it was last read: whoever comes back here meanwhile is held against its token. */
  readonly conversation: Conversation;
  /** Number of the last event that the storage has confirmed. */
  readonly baseSeq: number;
  readonly events: string[] = [];
  readonly changes: ConversationChange[] = [];

  constructor(conversation: Conversation, baseSeq: number) {
    this.conversation = conversation;
    this.baseSeq = baseSeq;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /**
   * Another life from here on. After an attempt to bring this one home of which nobody knows whether it arrived: there,
   * somebody else may go on under the name that was brought.
   */
  rename(): void {
    this.#epoch = randomUUID();
  }

  get head(): LogHead {
    return { epoch: this.epoch, lastSeq: this.baseSeq + this.events.length };
  }

  /** Undefined for a position before the storage went silent: those events are there, not here. */
  read({ after, limit }: { after: number; limit: number }): LogSlice | undefined {
    const start = after - this.baseSeq;
    if (start < 0 || start > this.events.length) return undefined;
    return { ...this.head, firstSeq: after + 1, events: this.events.slice(start, start + limit) };
  }
}
