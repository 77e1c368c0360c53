// The shelf of the in-memory bundle: one record a conversation, bounded by count and by bytes.
// Promises: the oldest idle conversation leaves first, and always as a whole; one that is running, or that still owes
// an answer, never makes room for another. What stands here ends with the process.

import { AppError } from "#app/core/errors.ts";
import type { Conversation, StoredMessage } from "#app/models/conversation.ts";

/** What the store keeps. */
export interface StoredConversation {
  meta: Omit<Conversation, "line" | "runningId" | "seq">;
  seq: number;
  line: Conversation["line"];
  runningId: string | undefined;
  messages: StoredMessage[];
  /** Every user message ever accepted, by id: what makes sending twice harmless. */
  accepted: Map<string, AcceptedMessage>;
  /** The runs of edits that have a mark, by it. */
  edits: Map<string, string>;
}

export interface AcceptedMessage {
  /** As it was sent. */
  readonly text: string;
  /** As it was edited last, whether the edit still waits or not. */
  readonly editedText?: string;
  /** Its newest run. */
  readonly runId: string;
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
  #generation = 0;

  constructor(options: LocalStorageOptions) {
    this.#options = options;
  }

  get now(): number {
    return this.#options.now();
  }

  get size(): number {
    return this.#records.size;
  }

  /** Whether a conversation stands here, as far as anybody has looked: it may be past its time. */
  has(id: string): boolean {
    return this.#records.get(id)?.conversation !== undefined;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A number higher than any before, of whichever conversation: one that has left cannot come back under an old lease. */
  nextGeneration(): number {
    this.#generation += 1;
    return this.#generation;
  }

  /** The record, moved to the young end; undefined when it never was, or its time is over. */
  find(id: string): LocalRecord | undefined {
    const record = this.#records.get(id);
    if (!record) return undefined;
    if (this.#isOld(record) && !this.#isRunning(record)) {
      this.#drop(id, record);
      return undefined;
    }
    record.touchedAt = this.now;
    // Deleting first moves the key to the end: the map's order is the order of last use.
    this.#records.delete(id);
    this.#records.set(id, record);
    return record;
  }

  /** @throws AppError `overloaded` when there is no room and nothing may leave */
  add(id: string): LocalRecord {
    const record: LocalRecord = { bytes: RECORD_OVERHEAD_BYTES, touchedAt: this.now };
    this.#records.set(id, record);
    this.#bytes += record.bytes;
    if (this.#makeRoom(id)) return record;
    this.#drop(id, record);
    throw new AppError("overloaded");
  }

  /** Counts bytes that are about to be kept. @throws AppError `overloaded`, with nothing counted, where they cannot be */
  reserve(id: string, record: LocalRecord, bytes: number): void {
    this.grow(id, record, bytes);
    if (this.#bytes <= this.#options.maxBytes) return;
    this.grow(id, record, -bytes);
    throw new AppError("overloaded");
  }

  /** Counts what a run has added or a log has cut: never refused, since a reply that has begun is not broken off. */
  grow(id: string, record: LocalRecord, bytes: number): void {
    record.bytes += bytes;
    this.#bytes += bytes;
    if (bytes > 0) this.#makeRoom(id);
  }

  /** Drops a conversation with its log and its lease, whatever is going on in it. */
  remove(id: string): void {
    const record = this.#records.get(id);
    if (record) this.#drop(id, record);
  }

  /** Drops everything whose time is over. The oldest stand first, so this stops at the first that is young enough. */
  sweep(): void {
    for (const [id, record] of this.#records) {
      if (!this.#isOld(record)) return;
      if (!this.#isRunning(record)) this.#drop(id, record);
    }
  }

  #isOld(record: LocalRecord): boolean {
    return this.now - record.touchedAt > this.#options.ttlMs;
  }

  #isRunning(record: LocalRecord): boolean {
    return record.lease !== undefined && record.lease.heldUntil > this.now;
  }

  /** Whether an accepted message is on its way to its answer, be it before its lease or after a lapsed one. */
  #isOwed(record: LocalRecord): boolean {
    return record.conversation !== undefined && record.conversation.line.length > 0;
  }

  get #fits(): boolean {
    return this.#bytes <= this.#options.maxBytes && this.#records.size <= this.#options.maxConversations;
  }

  /** Lets the oldest leave until the rest fits; false where it does not, whoever leaves. */
  #makeRoom(keep: string): boolean {
    for (const [id, record] of this.#records) {
      if (this.#fits) break;
      if (id !== keep && !this.#isRunning(record) && !this.#isOwed(record)) this.#drop(id, record);
    }
    return this.#fits;
  }

  #drop(id: string, record: LocalRecord): void {
    this.#records.delete(id);
    this.#bytes -= record.bytes;
  }
}
