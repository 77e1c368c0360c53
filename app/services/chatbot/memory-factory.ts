// Chooses where conversations live: the one place that knows which keepers there are.

import type { EventLog } from "./event-log.ts";
import { LocalEventLog } from "./local-event-log.ts";
import { LocalConversationStore } from "./local-memory.ts";
import { LocalRunLease } from "./local-run-lease.ts";
import { LOCAL_STORAGE_LIMITS, LocalStorage } from "./local-storage.ts";
import type { ConversationStore } from "./memory.ts";
import type { RunLease } from "./run-lease.ts";

/** Everything a conversation is kept by. */
export interface StorageBundle {
  /** Said to clients in `joined.storage`. */
  readonly kind: "redis" | "memory";
  readonly store: ConversationStore;
  readonly log: EventLog;
  readonly lease: RunLease;
  close(): Promise<void>;
}

const SWEEP_EVERY_MS = 60_000;

/** The in-memory bundle; its three keepers share one bounded shelf, so that a conversation leaves as a whole. */
export function createStorageBundle(options: { conversationTtlMs: number }): StorageBundle {
  const storage = new LocalStorage({
    ...LOCAL_STORAGE_LIMITS,
    ttlMs: options.conversationTtlMs,
    now: Date.now,
  });
  const sweeper = setInterval(() => storage.sweep(), SWEEP_EVERY_MS);
  sweeper.unref();
  return {
    kind: "memory",
    store: new LocalConversationStore(storage),
    log: new LocalEventLog(storage),
    lease: new LocalRunLease(storage),
    close: async () => clearInterval(sweeper),
  };
}
