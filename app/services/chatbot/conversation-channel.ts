// A conversation's live line on this instance: what has been confirmed goes to every connection that reads along.
// Promises: events arrive in order, as the same string for everyone. Keeps no event: the log does.

/** Somebody who reads along. Must not throw. */
export interface ChannelReader {
  /** `bytes`: of the event in UTF-8. */
  deliver(seq: number, event: string, bytes: number): void;
  /** Something may have been missed: look at the log. */
  recheck(): void;
  /** The log goes on in another life from here, or has come home in it. Absent: looks at the log. */
  move?(epoch: string, lastSeq: number): void;
  /** A frame of the moment, which no log keeps. Absent: hears none. */
  whisper?(frame: string): void;
  /** The conversation is no more; the frame is the last word. Absent: finds the log gone when it looks. */
  end?(frame: string): void;
}

export class ConversationChannel {
  readonly #readers = new Set<ChannelReader>();
  #epoch: string | undefined;
  #lastSeq = 0;
  /** What is said here is in no storage, and goes on whatever one says of the life that was left. */
  #isDetached = false;

  /** Names the life of the log that events belong to; undefined before it was heard of. */
  get epoch(): string | undefined {
    return this.#epoch;
  }

  /** Number of the newest event of this epoch that was published here; 0 where none was. */
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

  /**
   * Names the life of the log that events belong to from now on. In another life every number begins anew.
   * @returns false for a life that has been left here: a number of it would get a second meaning
   */
  enter(epoch: string): boolean {
    if (epoch === this.#epoch) return true;
    if (this.#isDetached) return false;
    const isAnother = this.#epoch !== undefined;
    this.#epoch = epoch;
    this.#lastSeq = 0;
    if (isAnother) this.recheck();
    return true;
  }

  /** The log of what is produced here goes on without the storage, in another life: see {@link move}. */
  detach(epoch: string, lastSeq: number): void {
    this.move(epoch, lastSeq);
    this.#isDetached = true;
  }

  /** The storage's word counts again. */
  attach(): void {
    this.#isDetached = false;
  }

  /** The log of what is produced here goes on as another life, with the same numbers: who is level goes on with it. */
  move(epoch: string, lastSeq: number): void {
    this.#epoch = epoch;
    this.#lastSeq = lastSeq;
    for (const reader of this.#readers) {
      if (reader.move) reader.move(epoch, lastSeq);
      else reader.recheck();
    }
  }

  /** Events that another instance has appended. What does not follow on sends the readers to the log. */
  receive(firstSeq: number, events: readonly string[], epoch: string): void {
    if (events.length > 0 && !this.enter(epoch)) return;
    // Without events: some may have been missed.
    if (events.length === 0 || firstSeq <= this.#lastSeq) this.recheck();
    else this.publish(firstSeq, events);
  }

  /** Every reader looks at the log: something may have been missed. */
  recheck(): void {
    for (const reader of this.#readers) reader.recheck();
  }

  /** A frame of the moment for everybody who reads along, but for the one it comes from. */
  whisper(frame: string, from?: ChannelReader): void {
    for (const reader of this.#readers) if (reader !== from) reader.whisper?.(frame);
  }

  /** The conversation is no more: everybody who reads along is told so with this frame, and let go. */
  end(frame: string): void {
    for (const reader of this.#readers) reader.end?.(frame);
  }

  /** Only what the log has confirmed may be handed in here. */
  publish(firstSeq: number, events: readonly string[]): void {
    for (const [index, event] of events.entries()) {
      this.#lastSeq = firstSeq + index;
      if (this.#readers.size === 0) continue;
      // Once for all of them: it is a pass over the text.
      const bytes = Buffer.byteLength(event);
      for (const reader of this.#readers) reader.deliver(this.#lastSeq, event, bytes);
    }
  }
}
