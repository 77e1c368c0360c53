// Revisions as the suites make them, and a conversation that they begin with: one answered message, and two in line.

import { randomUUID } from "node:crypto";
import type {
  ConversationChange,
  MessageTurn,
  RevisionTurn,
  StoredMessage,
  Turn,
} from "#app/models/conversation.ts";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import { messageTurn, openConversation, replyTo } from "./conversation-samples.ts";
import type { Keepers } from "./storage-harness.ts";

interface Talk {
  readonly id: string;
  readonly lease: Lease;
  /** Answered, and in the history. */
  readonly old: MessageTurn;
  readonly reply: StoredMessage;
  /** First in line. */
  readonly first: MessageTurn;
  readonly second: MessageTurn;
}

/** One message that has been answered, and two in line, of which the first runs where that is said. */
export async function startTalk(keepers: Keepers, runs: boolean): Promise<Talk> {
  const { store } = keepers;
  const { id, lease } = await openConversation(keepers);
  const [old, first, second] = [messageTurn("old"), messageTurn("first"), messageTurn("second")];
  for (const turn of [old, first, second]) await store.accept(id, turn);
  const reply = replyTo(old, "answer");
  await store.record(lease, { type: "run-finished", runId: old.runId, reply, seq: 4 });
  if (runs) await store.record(lease, { type: "run-started", runId: first.runId });
  return { id, lease, old, reply, first, second };
}

export async function lineOf(keepers: Keepers, id: string): Promise<readonly Turn[]> {
  return (await keepers.store.page(id, { limit: 0 })).conversation.line;
}

export function stopped<Any extends Turn>(turn: Any): Any {
  return { ...turn, cancelled: true };
}

/** With a text an edit of that message; without, it is answered again. */
export function revisionTurn(messageId: string, text?: string): RevisionTurn {
  const isEdit = text !== undefined;
  return {
    type: "revision",
    runId: randomUUID(),
    messageId,
    isEdit,
    text: text ?? "as it was",
    createdAt: Date.UTC(2026, 10, 20, 13),
    cancelled: false,
  };
}

/** The change that applies the revision, and the turn that takes its place. */
export function revisedBy(
  { runId, messageId, text, createdAt }: RevisionTurn,
  removed: readonly string[],
  seq: number,
  parentRunId?: string,
): ConversationChange & { readonly type: "revised" } {
  const message = { id: messageId, role: "user", content: text, createdAt, runId } as const;
  const by: MessageTurn = {
    type: "message",
    runId,
    cancelled: false,
    message: { ...message, ...(parentRunId !== undefined && { parentRunId }) },
  };
  return { type: "revised", runId, by, removed, seq };
}
