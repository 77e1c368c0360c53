// The in-memory bundle for the storage contracts, with a clock that the test turns.

import { LOG_WINDOW, type LogWindow } from "#app/services/chatbot/event-log.ts";
import { LocalEventLog } from "#app/services/chatbot/local-event-log.ts";
import { LocalConversationStore } from "#app/services/chatbot/local-memory.ts";
import { LocalRunLease } from "#app/services/chatbot/local-run-lease.ts";
import { LocalStorage, type LocalStorageOptions } from "#app/services/chatbot/local-storage.ts";
import { LEASE_TIMES } from "#app/services/chatbot/run-lease.ts";
import type { Keepers, StorageHarness } from "../contracts/storage-harness.ts";

export interface LocalHarness extends StorageHarness {
  readonly storage: LocalStorage;
  /** Lets time pass, for everything at once. */
  readonly passMs: (durationMs: number) => void;
}

export function createLocalHarness(
  window: LogWindow = LOG_WINDOW,
  limits: Partial<LocalStorageOptions> = {},
): LocalHarness {
  let now = Date.UTC(2026, 10, 20);
  const storage = new LocalStorage({
    maxConversations: 100,
    maxBytes: 64 * 1024 * 1024,
    ttlMs: 24 * 3_600_000,
    now: () => now,
    ...limits,
  });
  const passMs = (durationMs: number): void => {
    now += durationMs;
  };
  const keepers: Keepers = {
    store: new LocalConversationStore(storage),
    log: new LocalEventLog(storage, window),
    lease: new LocalRunLease(storage),
  };
  return {
    here: keepers,
    there: keepers,
    storage,
    passMs,
    lapseLease: async () => passMs(LEASE_TIMES.lifeMs + 1),
    outliveEvents: async () => passMs(window.maxAgeMs + 1),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
