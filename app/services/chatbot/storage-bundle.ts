// Everything a conversation is kept by, as one: its store, its log and its lease belong to the same storage.

import type { EventLog } from "./event-log.ts";
import type { ConversationStore } from "./memory.ts";
import type { RunLease } from "./run-lease.ts";
import type { ShelteredEventLog } from "./sheltered-log.ts";

export type StorageKind = "redis" | "memory";

export interface StorageBundle {
  /** Said to clients in `joined.storage`. */
  readonly kind: StorageKind;
  /** Where that conversation lives: `memory` for one that was made while the storage was away. */
  kindOf(conversationId: string): StorageKind;
  /** Names this process among all on the same storage. */
  readonly instanceId: string;
  readonly store: ConversationStore;
  readonly log: EventLog;
  readonly lease: RunLease;
  /** Where replies go on while the storage is away; absent for one that cannot go away. */
  readonly shelter?: ShelteredEventLog;
  /**
   * Tells of a conversation whose lease is held here and whose line another instance has changed; now and then of one
   * whose line nobody changed. The listener must not throw.
   */
  onWake(listener: (conversationId: string) => void): void;
  /**
   * Shows a frame of the moment to the readers of a conversation on other instances; kept nowhere. Those who read on an
   * instance that cannot be reached miss it. Never rejects.
   */
  whisper(conversationId: string, frame: string): Promise<void>;
  /** Tells of what other instances whisper in conversations that are read here. The listener must not throw. */
  onWhisper(listener: (conversationId: string, frame: string) => void): void;
  /** Tells when the storage goes away, and when it is back. The listener must not throw. */
  onAvailability(listener: (isUp: boolean) => void): void;
  close(): Promise<void>;
}
