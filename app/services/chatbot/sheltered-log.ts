// The event log of a storage that can go away, with a roof for the replies that run meanwhile.
// Promises: a detached life is readable on this instance until its conversation is given up or brought home; what is
// brought home keeps its epoch and its numbers, so that readers everywhere can go on from there.

import type { Conversation } from "#app/models/conversation.ts";
import { DetachedLog } from "./detached-log.ts";
import type { AppendListener, EventLog, LogBatch, LogHead, LogSlice } from "./event-log.ts";
import type { Lease } from "./run-lease.ts";

/** A log that can take a detached life in. */
export interface HomeLog extends EventLog {
  /**
   * The log goes on as that life: its epoch, what had been confirmed up to its base, its events. All or nothing.
   * @returns false where it surely does not, and has not heard of it: it takes nothing at the moment
   * @throws AppError `run_interrupted` when the lease is no longer the newest; `storage_unavailable` when nobody knows
   */
  adopt(lease: Lease, life: DetachedLog): Promise<boolean>;
}

export class ShelteredEventLog implements EventLog {
  readonly #home: HomeLog;
  readonly #detached = new Map<string, DetachedLog>();

  constructor(home: HomeLog) {
    this.#home = home;
  }

  /** A new life for a conversation whose storage is away, after the newest event that was shown. */
  detach(conversation: Conversation, shownSeq: number): DetachedLog {
    const life = new DetachedLog(conversation, shownSeq);
    this.#detached.set(conversation.id, life);
    return life;
  }

  /** The detached life of a conversation, while it has one. */
  detachedOf(conversationId: string): DetachedLog | undefined {
    return this.#detached.get(conversationId);
  }

  /** Hands the life to the storage. It stays readable here until {@link release}. Returns and throws as HomeLog.adopt. */
  adopt(lease: Lease, life: DetachedLog): Promise<boolean> {
    return this.#home.adopt(lease, life);
  }

  /** From here on only the storage knows the conversation. */
  release(conversationId: string): void {
    this.#detached.delete(conversationId);
  }

  async open(conversationId: string): Promise<LogHead> {
    return this.#detached.get(conversationId)?.head ?? this.#home.open(conversationId);
  }

  append(lease: Lease, batch: LogBatch): Promise<void> {
    return this.#home.append(lease, batch);
  }

  async read(
    conversationId: string,
    from: { epoch: string; after: number; limit: number },
  ): Promise<LogSlice | undefined> {
    const life = this.#detached.get(conversationId);
    return life?.epoch === from.epoch ? life.read(from) : this.#home.read(conversationId, from);
  }

  subscribe(conversationId: string, onEvents: AppendListener): Promise<() => Promise<void>> {
    return this.#home.subscribe(conversationId, onEvents);
  }
}
