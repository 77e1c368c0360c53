// The one writer of a conversation's events while its lease is held: numbers them, encodes each once, appends them in
// order and publishes them once the log has confirmed. Where the log does not answer, it goes on in a detached life;
// where it refuses, or there is no such life, the tenure ends and nothing more is shown.

import { toAppError } from "#app/core/errors.ts";
import type { ConversationChange } from "#app/models/conversation.ts";
import { type ConversationEvent, encodeEvent } from "#app/models/server-event.ts";
import type { ConversationChannel } from "./conversation-channel.ts";
import type { DetachedLog } from "./detached-log.ts";
import type { EventLog, LogHead } from "./event-log.ts";
import type { Lease } from "./run-lease.ts";

export interface EventWriterOptions {
  readonly log: EventLog;
  readonly lease: Lease;
  readonly head: LogHead;
  readonly channel: ConversationChannel;
  /** Has the store record a change, under the lease. */
  readonly record: (change: ConversationChange) => Promise<void>;
  /** A life of its own after the newest event that was shown, where the storage has gone silent. */
  readonly detach?: (shownSeq: number) => DetachedLog | undefined;
  /** Called once, with what the log said, when nothing can be shown any more. */
  readonly onFailure: (error: unknown) => void;
}

/** What is shown together, once the log and then the store have confirmed it. */
interface Step {
  readonly firstSeq: number;
  readonly events: readonly string[];
  readonly change?: ConversationChange | undefined;
  readonly floorSeq: number;
}

export class EventWriter {
  readonly #options: EventWriterOptions;
  /** Names the life of the log that readers here were told of last. */
  #epoch: string;
  #lastSeq: number;
  #shownSeq: number;
  #floorSeq = 0;
  #pending: string[] = [];
  /** On their way to the log, in order. */
  readonly #steps: Step[] = [];
  #confirmed: Promise<unknown> = Promise.resolve();
  #detached: DetachedLog | undefined;
  /** Steps of the time in which a detached life is brought home: where they belong is not known yet. */
  #held: { readonly steps: Step[]; readonly released: PromiseWithResolvers<void> } | undefined;
  #failed = false;

  constructor(options: EventWriterOptions) {
    this.#options = options;
    this.#epoch = options.head.epoch;
    this.#lastSeq = options.head.lastSeq;
    this.#shownSeq = options.head.lastSeq;
  }

  /** Number of the newest event that was written, confirmed or not. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** The life it writes in while the storage is away. */
  get detached(): DetachedLog | undefined {
    return this.#detached;
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

  /** Records a change; what was written just now, and all that follows, is shown only after that. */
  note(change: ConversationChange): void {
    this.#take({ firstSeq: this.#lastSeq + 1, events: [], change, floorSeq: 0 });
  }

  /**
   * Writes what ends something, and records that it has ended: in the log first, then in the store, and shown only after
   * both. Whoever finds the end in the log alone can still record it; an end that stood in the store alone would be
   * missing from the row of numbers for ever.
   */
  conclude(events: readonly ConversationEvent[], changeOf: (seq: number) => ConversationChange): void {
    this.#append();
    for (const event of events) this.write(event);
    this.#append(changeOf(this.#lastSeq));
  }

  /** Resolves when everything written so far was confirmed and published, or has failed. */
  async settled(): Promise<void> {
    // One turn of the microtask queue, so that what was written just now is on its way.
    await Promise.resolve();
    while (this.#held) await this.#held.released.promise;
    await this.#confirmed.catch(() => undefined);
  }

  /** Shows nothing more until {@link reattach} or {@link goOn}. What is written meanwhile waits. */
  hold(): void {
    this.#held ??= { steps: [], released: Promise.withResolvers() };
  }

  /** The storage has taken the detached life in: what comes next is written there. */
  reattach(): void {
    this.#detached = undefined;
    this.#confirmed = Promise.resolve();
    this.#release();
  }

  /** It has not, or nobody knows: what comes next belongs to the life under its newest name. */
  goOn(): void {
    if (this.#detached) this.#moveTo(this.#detached);
    this.#release();
  }

  /** Readers are told once a name. */
  #moveTo({ epoch }: DetachedLog): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#options.channel.detach(epoch, this.#shownSeq);
  }

  #release(): void {
    const held = this.#held;
    this.#held = undefined;
    for (const step of held?.steps ?? []) this.#take(step);
    held?.released.resolve();
  }

  #append(change?: ConversationChange): void {
    const events = this.#pending;
    this.#pending = [];
    if (events.length === 0) {
      if (change) this.note(change);
      return;
    }
    const firstSeq = this.#lastSeq - events.length + 1;
    this.#take({ firstSeq, events, change, floorSeq: this.#floorSeq || this.#lastSeq + 1 });
  }

  #take(step: Step): void {
    if (this.#failed) return;
    if (this.#held) this.#held.steps.push(step);
    else if (this.#detached) this.#showDetached(this.#detached, step);
    else this.#hand(step);
  }

  /** To the log, and after it to the store; a change without events goes at once, beside what is on its way. */
  #hand(step: Step): void {
    const { log, lease, record } = this.#options;
    const { firstSeq, events, change, floorSeq } = step;
    this.#steps.push(step);
    const noted = events.length === 0 && change ? record(change) : undefined;
    const appended = noted ?? log.append(lease, { firstSeq, events, floorSeq });
    this.#confirmed = Promise.all([this.#confirmed, appended])
      .then(() => (this.#isAttached && change && !noted ? record(change) : undefined))
      .then(() => {
        if (!this.#isAttached) return;
        this.#steps.shift();
        this.#publish(step);
      });
    this.#confirmed.catch((error: unknown) => this.#fail(error));
  }

  get #isAttached(): boolean {
    return !this.#failed && !this.#detached;
  }

  #publish({ firstSeq, events }: Step): void {
    if (events.length === 0) return;
    this.#shownSeq = firstSeq + events.length - 1;
    this.#options.channel.publish(firstSeq, events);
  }

  #showDetached(life: DetachedLog, step: Step): void {
    life.events.push(...step.events);
    if (step.change) life.changes.push(step.change);
    this.#publish(step);
  }

  /** What was never shown is numbered as it was, in a life of its own; what was shown stands in the old one for good. */
  #fail(error: unknown): void {
    if (!this.#isAttached) return;
    const { detach, onFailure } = this.#options;
    const isAway = toAppError(error).code === "storage_unavailable";
    const life = isAway ? detach?.(this.#shownSeq) : undefined;
    if (!life) {
      this.#failed = true;
      onFailure(error);
      return;
    }
    this.#detached = life;
    this.#moveTo(life);
    for (const step of this.#steps.splice(0)) this.#showDetached(life, step);
  }
}
