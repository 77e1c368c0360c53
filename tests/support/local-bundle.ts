// The in-memory bundle with a log that is cut as early as a test wants it; with watched-storage.ts around it.

import { LOG_WINDOW } from "#app/services/chatbot/event-log.ts";
import { LocalEventLog } from "#app/services/chatbot/local-event-log.ts";
import { LocalConversationStore } from "#app/services/chatbot/local-memory.ts";
import { LocalRunLease } from "#app/services/chatbot/local-run-lease.ts";
import { LocalStorage } from "#app/services/chatbot/local-storage.ts";
import { createStorageBundle } from "#app/services/chatbot/memory-factory.ts";
import { type WatchedStorage, watchStorage } from "./watched-storage.ts";

/** @param maxEvents how many events a log keeps */
export function createLocalBundle(maxEvents: number = LOG_WINDOW.maxEvents): WatchedStorage {
  const storage = new LocalStorage({
    maxConversations: 1_000,
    maxBytes: 64 * 1024 * 1024,
    ttlMs: 3_600_000,
    now: Date.now,
  });
  return watchStorage({
    ...createStorageBundle({ conversationTtlMs: 3_600_000 }),
    store: new LocalConversationStore(storage),
    log: new LocalEventLog(storage, { ...LOG_WINDOW, maxEvents }),
    lease: new LocalRunLease(storage),
  });
}
