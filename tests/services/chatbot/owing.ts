// A conversation in a storage that has forgotten what was handed in before, and an instance that remembers it.

import type { Conversation, MessageTurn, Turn } from "#app/models/conversation.ts";
import { OwedTurns } from "#app/services/chatbot/owed-turns.ts";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import { openConversation, replyTo } from "../../contracts/conversation-samples.ts";
import { lineOf } from "../../contracts/revision-samples.ts";
import { createLocalBundle } from "../../support/local-bundle.ts";
import { createRecordingLogger, type RecordingLogger } from "../../support/recording-logger.ts";
import type { WatchedStorage } from "../../support/watched-storage.ts";

/** The life in which turns were known to stand in line, and the one after it. */
export const BEFORE = "life-before";
export const AFTER = "life-after";

export interface OwingScene {
  readonly owed: OwedTurns;
  readonly storage: WatchedStorage;
  readonly id: string;
  /** Of the storage, which knows nothing else of it. */
  readonly conversation: Conversation;
  readonly lease: Lease;
  readonly log: RecordingLogger;
  /** Of a tenure that begins in that life of the log. */
  restore(epoch?: string): Promise<boolean>;
  line(): Promise<readonly Turn[]>;
}

/** A conversation in a storage that knows nothing of what was handed in before. */
export async function openOwingScene(): Promise<OwingScene> {
  const storage = createLocalBundle();
  const owed = new OwedTurns();
  const log = createRecordingLogger();
  const { id, lease } = await openConversation(storage);
  const { conversation } = await storage.store.page(id, { limit: 0 });
  return {
    ...{ owed, storage, id, conversation, lease, log },
    restore: (epoch = AFTER) => owed.restore(id, epoch, storage.store, log),
    line: () => lineOf(storage, id),
  };
}

export function acceptsOf({ storage }: OwingScene): number {
  return storage.calls.filter((call) => call === "accept").length;
}

/** Puts it in the history, with an answer. */
export async function answered(
  { storage, id, lease }: OwingScene,
  turn: MessageTurn,
  text: string,
): Promise<void> {
  await storage.store.accept(id, turn);
  const reply = replyTo(turn, text);
  await storage.store.record(lease, { type: "run-finished", runId: turn.runId, reply, seq: 4 });
}
