// A conversation's live line on this instance: what has been confirmed goes to every connection that reads along.
// Promises: events arrive in order, as the same string for everyone. Keeps no event: the log does.

/** Somebody who reads along. Must not throw. */
export interface ChannelReader {
  deliver(seq: number, event: string): void;
}

export class ConversationChannel {
  readonly #readers = new Set<ChannelReader>();
  #lastSeq = 0;

  /** Number of the newest event that was published here; 0 where none was. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  get readerCount(): number {
    return this.#readers.size;
  }

  join(reader: ChannelReader): void {
    this.#readers.add(reader);
  }

  leave(reader: ChannelReader): void {
    this.#readers.delete(reader);
  }

  /** Only what the log has confirmed may be handed in here. */
  publish(firstSeq: number, events: readonly string[]): void {
    for (const [index, event] of events.entries()) {
      this.#lastSeq = firstSeq + index;
      for (const reader of this.#readers) reader.deliver(this.#lastSeq, event);
    }
  }
}
