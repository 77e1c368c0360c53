// The shelf of the in-memory bundle: one record a conversation, bounded by count and by bytes.
// Promises: the oldest idle conversation leaves first, and always as a whole; one that is running never leaves.
// What stands here ends with the process.

import { AppError } from "#app/core/errors.ts";
import type { Conversation, MessageTurn, StoredMessage } from "#app/models/conversation.ts";

/** What the store keeps. */
export interface StoredConversation {
  meta: Omit<Conversation, "line" | "runningId" | "seq">;
  seq: number;
  line: Conversation["line"];
  runningId: string | undefined;
  messages: StoredMessage[];
  /** Every user message ever accepted, by id: what makes sending twice harmless. */
  accepted: Map<string, MessageTurn>;
}

/** What the log keeps. */
export interface StoredLog {
  epoch: string;
  lastSeq: number;
  firstSeq: number;
  events: string[];
  appendedAt: number;
}

/** What the lease keeps. */
export interface StoredLease {
  generation: number;
  heldUntil: number;
}

export interface LocalRecord {
  conversation?: StoredConversation;
  log?: StoredLog;
  lease?: StoredLease;
  bytes: number;
  touchedAt: number;
}

export interface LocalStorageOptions {
  readonly maxConversations: number;
  readonly maxBytes: number;
  /** A conversation nobody touched for so long is gone. */
  readonly ttlMs: number;
  /** Milliseconds since 1970; a test brings its own clock. */
  readonly now: () => number;
}

export const LOCAL_STORAGE_LIMITS = { maxConversations: 10_000, maxBytes: 256 * 1024 * 1024 } as const;

/** What a record costs beside its texts: objects, map entries, ids. Measured, rounded up. */
const RECORD_OVERHEAD_BYTES = 1_024;

export class LocalStorage {
  readonly #records = new Map<string, LocalRecord>();
  readonly #options: LocalStorageOptions;
  #bytes = 0;

  constructor(options: LocalStorageOptions) {
    this.#options = options;
  }

  get now(): number {
    return this.#options.now();
  }

  get size(): number {
    return this.#records.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The record, moved to the young end; undefined when it never was, or its time is over. */
  find(id: string): LocalRecord | undefined {
    const record = this.#records.get(id);
    if (!record) return undefined;
    if (this.#isOver(record)) {
      this.#drop(id, record);
      return undefined;
    }
    record.touchedAt = this.now;
    // Deleting first moves the key to the end: the map's order is the order of last use.
    this.#records.delete(id);
    this.#records.set(id, record);
    return record;
  }

  /** @throws AppError `overloaded` when everything that is kept is running. */
  add(id: string): LocalRecord {
    const record: LocalRecord = { bytes: RECORD_OVERHEAD_BYTES, touchedAt: this.now };
    this.#records.set(id, record);
    this.#bytes += record.bytes;
    this.#makeRoom(id);
    return record;
  }

  /** Tells how much a record has grown or shrunk, in bytes, and makes room if the whole is too large now. */
  grow(id: string, record: LocalRecord, bytes: number): void {
    record.bytes += bytes;
    this.#bytes += bytes;
    if (bytes > 0) this.#makeRoom(id);
  }

  /** Drops everything whose time is over. The oldest stand first, so this stops at the first that stays. */
  sweep(): void {
    for (const [id, record] of this.#records) {
      if (!this.#isOver(record)) return;
      this.#drop(id, record);
    }
  }

  #isOver(record: LocalRecord): boolean {
    return this.now - record.touchedAt > this.#options.ttlMs && !this.#isRunning(record);
  }

  #isRunning(record: LocalRecord): boolean {
    return record.lease !== undefined && record.lease.heldUntil > this.now;
  }

  #makeRoom(keep: string): void {
    for (const [id, record] of this.#records) {
      if (this.#bytes <= this.#options.maxBytes && this.#records.size <= this.#options.maxConversations)
        return;
      if (id !== keep && !this.#isRunning(record)) this.#drop(id, record);
    }
    if (this.#records.size <= this.#options.maxConversations) return;
    const newest = this.#records.get(keep);
    if (newest) this.#drop(keep, newest);
    throw new AppError("overloaded");
  }

  #drop(id: string, record: LocalRecord): void {
    this.#records.delete(id);
    this.#bytes -= record.bytes;
  }
}
