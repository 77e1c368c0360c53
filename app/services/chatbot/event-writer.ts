// The one writer of a conversation's events while its lease is held: numbers them, encodes each once, appends them in
// order and publishes them once the log has confirmed. An append that fails ends the tenure: nothing more is shown.

import { type ConversationEvent, encodeEvent } from "#app/models/server-event.ts";
import type { ConversationChannel } from "./conversation-channel.ts";
import type { EventLog, LogHead } from "./event-log.ts";
import type { Lease } from "./run-lease.ts";

export interface EventWriterOptions {
  readonly log: EventLog;
  readonly lease: Lease;
  readonly head: LogHead;
  readonly channel: ConversationChannel;
  /** Called once, with what the log said, when an append failed. */
  readonly onFailure: (error: unknown) => void;
}

export class EventWriter {
  readonly #options: EventWriterOptions;
  #lastSeq: number;
  #floorSeq = 0;
  #pending: string[] = [];
  #confirmed: Promise<unknown> = Promise.resolve();
  #failed = false;

  constructor(options: EventWriterOptions) {
    this.#options = options;
    this.#lastSeq = options.head.lastSeq;
  }

  /** Number of the newest event that was written, confirmed or not. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** From this number on, nothing may be cut from the log until {@link releaseFloor}. */
  holdFloor(seq: number): void {
    this.#floorSeq = seq;
  }

  releaseFloor(): void {
    this.#floorSeq = 0;
  }

  /**
   * Numbers an event and hands it to the log; what is written in one go travels as one append.
   * @returns its `seq`
   */
  write(event: ConversationEvent): number {
    this.#lastSeq += 1;
    // The first one of a tick books the append; the microtask runs once whoever is writing has finished.
    if (this.#pending.length === 0) queueMicrotask(() => this.#append());
    this.#pending.push(encodeEvent(event, this.#lastSeq, Date.now()));
    return this.#lastSeq;
  }

  /** What was written just now, and all that follows, is shown only after this has happened too. */
  holdUntil(done: Promise<void>): void {
    this.#confirmed = Promise.all([this.#confirmed, done]);
    this.#confirmed.catch((error: unknown) => this.#fail(error));
  }

  /**
   * Writes what ends something, and records that it has ended: in the log first, then in the store, and shown only after
   * both. Whoever finds the end in the log alone can still record it; an end that stood in the store alone would be
   * missing from the row of numbers for ever.
   */
  conclude(events: readonly ConversationEvent[], record: (seq: number) => Promise<void>): void {
    this.#append();
    for (const event of events) this.write(event);
    const seq = this.#lastSeq;
    this.#append(() => record(seq));
  }

  /** Resolves when everything written so far was confirmed and published, or has failed. */
  async settled(): Promise<void> {
    // One turn of the microtask queue, so that what was written just now is on its way.
    await Promise.resolve();
    await this.#confirmed.catch(() => undefined);
  }

  #append(afterwards?: () => Promise<void>): void {
    const events = this.#pending;
    this.#pending = [];
    if (this.#failed || events.length === 0) return;
    const firstSeq = this.#lastSeq - events.length + 1;
    const floorSeq = this.#floorSeq || this.#lastSeq + 1;
    const appended = this.#options.log.append(this.#options.lease, { firstSeq, events, floorSeq });
    this.#confirmed = Promise.all([this.#confirmed, appended])
      .then(() => (this.#failed ? undefined : afterwards?.()))
      .then(() => {
        if (!this.#failed) this.#options.channel.publish(firstSeq, events);
      });
    this.#confirmed.catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#options.onFailure(error);
  }
}
