// The event log of the in-memory bundle: an array of encoded events a conversation, cut by the window.

import { randomUUID } from "node:crypto";
import { AppError } from "#app/core/errors.ts";
import {
  type EventLog,
  LOG_WINDOW,
  type LogBatch,
  type LogHead,
  type LogSlice,
  type LogWindow,
} from "./event-log.ts";
import type { LocalRecord, LocalStorage, StoredLog } from "./local-storage.ts";
import type { Lease } from "./run-lease.ts";

export class LocalEventLog implements EventLog {
  readonly #storage: LocalStorage;
  readonly #window: LogWindow;

  constructor(storage: LocalStorage, window: LogWindow = LOG_WINDOW) {
    this.#storage = storage;
    this.#window = window;
  }

  async open(conversationId: string): Promise<LogHead> {
    const record = this.#storage.find(conversationId);
    if (!record) return { epoch: randomUUID(), lastSeq: 0 };
    record.log ??= {
      epoch: randomUUID(),
      lastSeq: 0,
      firstSeq: 1,
      events: [],
      appendedAt: this.#storage.now,
    };
    return { epoch: record.log.epoch, lastSeq: record.log.lastSeq };
  }

  async append(lease: Lease, batch: LogBatch): Promise<void> {
    const record = this.#storage.find(lease.conversationId);
    if (!record?.log || record.lease?.generation !== lease.generation) throw new AppError("run_interrupted");
    const log = record.log;
    if (batch.firstSeq !== log.lastSeq + 1) {
      throw new AppError("internal_error", {
        cause: new Error(`event ${batch.firstSeq} cannot follow ${log.lastSeq}`),
      });
    }
    for (const event of batch.events) log.events.push(event);
    log.lastSeq += batch.events.length;
    log.appendedAt = this.#storage.now;
    const grown = batch.events.reduce((bytes, event) => bytes + sizeOf(event), 0);
    this.#storage.grow(lease.conversationId, record, grown - this.#trim(log, batch.floorSeq));
  }

  async read(
    conversationId: string,
    from: { epoch: string; after: number; limit: number },
  ): Promise<LogSlice | undefined> {
    const record = this.#storage.find(conversationId);
    const log = record?.log;
    if (!record || log?.epoch !== from.epoch || from.after > log.lastSeq) return undefined;
    this.#expire(conversationId, record, log);
    if (from.after < log.firstSeq - 1) return undefined;
    const start = from.after + 1 - log.firstSeq;
    return {
      epoch: log.epoch,
      lastSeq: log.lastSeq,
      firstSeq: from.after + 1,
      events: log.events.slice(start, start + from.limit),
    };
  }

  /** There is no other instance to hear of. */
  async subscribe(): Promise<() => Promise<void>> {
    return async () => undefined;
  }

  /** Cuts what exceeds the window; returns the bytes given back. */
  #trim(log: StoredLog, floorSeq: number): number {
    const excess = log.events.length - this.#window.maxEvents;
    const cut = Math.min(excess, floorSeq - log.firstSeq);
    return cut > 0 ? cutFront(log, cut) : 0;
  }

  /** An old log is emptied when it is read, but for its epoch and its number: a reader that is up to date stays so. */
  #expire(id: string, record: LocalRecord, log: StoredLog): void {
    const running = record.lease !== undefined && record.lease.heldUntil > this.#storage.now;
    if (running || this.#storage.now - log.appendedAt <= this.#window.maxAgeMs) return;
    this.#storage.grow(id, record, -cutFront(log, log.events.length));
  }
}

function cutFront(log: StoredLog, count: number): number {
  const bytes = log.events.splice(0, count).reduce((sum, event) => sum + sizeOf(event), 0);
  log.firstSeq += count;
  return bytes;
}

/** V8 keeps a string in one byte a character, or in two where one of them needs it; two is the safe estimate. */
function sizeOf(text: string): number {
  return text.length * 2;
}
