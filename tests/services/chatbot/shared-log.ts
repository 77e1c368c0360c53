// A log and a lease that two instances share, in one process: what one appends, the other hears when the test lets it.

import type { AppendListener, EventLog, LogBatch } from "#app/services/chatbot/event-log.ts";
import { createStorageBundle } from "#app/services/chatbot/memory-factory.ts";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import type { StorageBundle } from "#app/services/chatbot/storage-bundle.ts";

export interface SharedLog extends EventLog {
  /** How many listen. */
  readonly listeners: number;
  /** Tells all who listen that they may have missed something. */
  gap(): void;
  /** Says to all who listen what stands in no log. */
  say(firstSeq: number, events: readonly string[], epoch: string): void;
}

/** The in-memory log, heard by all who have subscribed. */
export function shareLog(log: EventLog): SharedLog {
  const listeners = new Set<{ hear: AppendListener }>();
  const say = (firstSeq: number, events: readonly string[], epoch: string): void => {
    for (const { hear } of listeners) hear(firstSeq, events, epoch);
  };
  return {
    get listeners() {
      return listeners.size;
    },
    gap: () => say(0, [], ""),
    say,
    open: (id) => log.open(id),
    read: (id, from) => log.read(id, from),
    async append(lease: Lease, batch: LogBatch) {
      await log.append(lease, batch);
      const { epoch } = await log.open(lease.conversationId);
      say(batch.firstSeq, batch.events, epoch);
    },
    async subscribe(_id, hear) {
      const listener = { hear };
      listeners.add(listener);
      return async () => void listeners.delete(listener);
    },
  };
}

/** An in-memory bundle whose log is shared; hand it to as many instances as the test has. */
export function createSharedStorage(): StorageBundle & { readonly log: SharedLog } {
  const bundle = createStorageBundle({ conversationTtlMs: 3_600_000 });
  return { ...bundle, log: shareLog(bundle.log) };
}
