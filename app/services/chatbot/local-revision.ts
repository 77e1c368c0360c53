// Revisions in the in-memory store: a message that is asked again, or says something else from now on.

import { AppError } from "#app/core/errors.ts";
import { deepFreeze } from "#app/core/frozen-value.ts";
import type { ConversationChange, Feedback, RevisionTurn, Turn } from "#app/models/conversation.ts";
import { editMarkOf } from "./edit-mark.ts";
import type { AcceptedMessage, StoredConversation } from "./local-storage.ts";
import { type Acceptance, MAX_WAITING } from "./memory.ts";

/** @param reserve takes so many bytes for it, or throws */
export function acceptRevision(
  stored: StoredConversation,
  turn: RevisionTurn,
  reserve: (bytes: number) => void,
): Acceptance {
  const { messageId, runId, text, isEdit } = turn;
  const mark = editMarkOf(turn);
  const marked = mark === undefined ? undefined : stored.edits.get(mark);
  const known = stored.accepted.get(messageId);
  const standsAt = stored.line.findLastIndex((entry) => messageIdOf(entry) === messageId);
  const isThere = standsAt >= 0 || marked !== undefined || stored.messages.some(({ id }) => id === messageId);
  if (!known || !isThere) throw new AppError("message_not_found");
  const isNewest = saysTheSame(turn, known, stored.line[standsAt]);
  if (isNewest || marked !== undefined) {
    if (mark !== undefined && marked === undefined) {
      reserve(sizeOf(mark));
      stored.edits.set(mark, known.runId);
    }
    // Its run may have been taken over since.
    const by = isNewest ? known.runId : (marked ?? known.runId);
    return { ...standingOf(stored, by), runId: by, duplicate: true };
  }
  assertRoomInLine(stored);
  const before = known.editedText === undefined ? 0 : sizeOf(known.editedText);
  if (isEdit) reserve(sizeOf(text) - before + (mark === undefined ? 0 : sizeOf(mark)));
  const first = stored.runningId === undefined ? 0 : 1;
  // Who was chosen before it answers it.
  const position = Math.max(stored.line[first]?.type === "persona" ? first + 1 : first, standsAt + 1);
  const line = stored.line.map((entry, index) =>
    index === standsAt || (index < first && standsAt < first) ? toCancelled(entry) : entry,
  );
  stored.line = line.toSpliced(position, 0, turn);
  stored.accepted.set(messageId, { ...known, runId, ...(isEdit && { editedText: text }) });
  if (mark !== undefined) stored.edits.set(mark, runId);
  return { runId, state: "waiting", position, duplicate: false };
}

/** Whether it is the newest edit of the message, or the answer that it waits for already. */
function saysTheSame(
  { isEdit, text }: RevisionTurn,
  known: AcceptedMessage,
  standing: Turn | undefined,
): boolean {
  if (isEdit) return text === (known.editedText ?? known.text);
  return standing?.type === "revision" && !standing.cancelled;
}

/** Returns the bytes that the conversation has grown by. A revision that has left the line changes nothing. */
export function applyRevision(
  stored: StoredConversation,
  change: ConversationChange & { readonly type: "revised" },
): number {
  const turn = stored.line.find((entry) => entry.type === "revision" && entry.runId === change.runId);
  if (turn?.type !== "revision") return 0;
  const by = deepFreeze({ ...change.by, cancelled: turn.cancelled });
  stored.line = stored.line.map((entry) => (entry === turn ? by : entry));
  stored.seq = change.seq;
  const place = stored.messages.findIndex(({ id }) => id === turn.messageId);
  // What a visitor has said stays known by its id, so that it can be sent twice: only replies make room.
  return (place < 0 ? [] : stored.messages.splice(place)).reduce(
    (bytes, { role, content, feedback }) =>
      bytes - (role === "assistant" ? sizeOf(content) : 0) - feedbackSizeOf(feedback),
    0,
  );
}

/** One is being answered, or about to be; the others wait. @throws AppError `queue_full` */
export function assertRoomInLine(stored: StoredConversation): void {
  const unanswered = stored.line.filter((entry) => entry.type !== "persona").length;
  if (unanswered >= MAX_WAITING + 1) throw new AppError("queue_full");
}

export function standingOf(
  stored: StoredConversation,
  runId: string,
): Pick<Acceptance, "state" | "position"> {
  const position = stored.line.findIndex((turn) => turn.type !== "persona" && turn.runId === runId);
  if (position < 0) return { state: "finished", position: 0 };
  return { state: runId === stored.runningId ? "running" : "waiting", position };
}

/** What a text costs to keep, in bytes. */
export function sizeOf(text: string): number {
  return text.length * 2 + 256;
}

export function feedbackSizeOf(feedback: Feedback | undefined): number {
  return feedback ? sizeOf(feedback.comment ?? "") : 0;
}

function messageIdOf(turn: Turn): string | undefined {
  if (turn.type === "message") return turn.message.id;
  return turn.type === "revision" ? turn.messageId : undefined;
}

function toCancelled(turn: Turn): Turn {
  return turn.type === "persona" || turn.cancelled ? turn : deepFreeze({ ...turn, cancelled: true });
}
