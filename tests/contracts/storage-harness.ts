// What a storage bundle brings to be held against its contracts: fresh keepers, and a way to make time pass.
// The suites know nothing else of it, so that every bundle passes the same ones unchanged.

import type { EventLog, LogWindow } from "#app/services/chatbot/event-log.ts";
import type { ConversationStore } from "#app/services/chatbot/memory.ts";
import type { RunLease } from "#app/services/chatbot/run-lease.ts";

export interface Keepers {
  readonly store: ConversationStore;
  readonly log: EventLog;
  readonly lease: RunLease;
}

export interface StorageHarness extends AsyncDisposable {
  readonly here: Keepers;
  /** Another instance's keepers of the same storage; the same ones where the storage is one process's own. */
  readonly there: Keepers;
  /** Makes the lease of this conversation run out, as if nobody had renewed it. */
  lapseLease(conversationId: string): Promise<void>;
  /** Makes the last append lie further back than the window's `maxAgeMs`. No lease is held meanwhile. */
  outliveEvents(conversationId: string): Promise<void>;
}

/** Makes keepers that hold nothing yet; the window is the event log's. */
export type CreateStorageHarness = (window: LogWindow) => Promise<StorageHarness> | StorageHarness;

/** Small enough to be left within a test, long enough not to be left by accident. */
export const TEST_WINDOW: LogWindow = { maxEvents: 8, maxAgeMs: 60_000 };
