// The contract of the event log: one append-only row of numbered, encoded events a conversation.
// The promises are held against every implementation by tests/contracts/event-log.ts.

import type { Lease } from "./run-lease.ts";

/** Where a log stands. */
export interface LogHead {
  /** Names one life of the log; no `seq` is used twice within one. */
  readonly epoch: string;
  /** Number of the newest event; 0 before the first. */
  readonly lastSeq: number;
}

/** Consecutive encoded events; the first has the number `firstSeq`. */
export interface LogSlice extends LogHead {
  readonly firstSeq: number;
  readonly events: readonly string[];
}

/** Events to append: numbered `firstSeq`, `firstSeq + 1`, … */
export interface LogBatch {
  readonly firstSeq: number;
  readonly events: readonly string[];
  /** Number of the first event that must stay readable however long the log grows (the running run's start). */
  readonly floorSeq: number;
}

/** How much of a log can be read again, at least as far as the running run's start. */
export interface LogWindow {
  readonly maxEvents: number;
  /** After the last append. */
  readonly maxAgeMs: number;
}

export const LOG_WINDOW: LogWindow = { maxEvents: 2_000, maxAgeMs: 5 * 60_000 };

/** Told of consecutive encoded events of a log's life; the first has the number `firstSeq`. Must not throw. */
export type AppendListener = (firstSeq: number, events: readonly string[], epoch: string) => void;

export interface EventLog {
  /**
   * Where the log stands; its epoch is made if there is none. Of a conversation that is not there nothing is kept: each
   * time it is another, empty life.
   */
  open(conversationId: string): Promise<LogHead>;
  /**
   * Appends, all or nothing. Calls take effect in the order in which they were made.
   * @throws AppError `run_interrupted` when the lease is no longer the newest; `internal_error` when `firstSeq` is
   *   not the head's next; `storage_unavailable` when it cannot say.
   */
  append(lease: Lease, batch: LogBatch): Promise<void>;
  /**
   * Events after `after`, at most `limit`, oldest first; an empty slice where nothing follows. Undefined where the
   * row cannot be proved whole: another epoch, a position above the head, or below what is still kept. The slice names
   * another epoch where the log goes on under that name, with the same numbers up to the position.
   */
  read(
    conversationId: string,
    from: { epoch: string; after: number; limit: number },
  ): Promise<LogSlice | undefined>;
  /**
   * Hears of what other instances append from now on; resolves once it does, with what ends it. A call without events
   * means that some may have been missed: look at the log. A log of one process has no others, and never calls.
   */
  subscribe(conversationId: string, onEvents: AppendListener): Promise<() => Promise<void>>;
}
