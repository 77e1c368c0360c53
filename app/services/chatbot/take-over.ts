// Ends a run whose producer died, and puts the same message in line again: once. What was said of it stays in the log
// and leaves the history; a message that kills processes must not take one after the other down.

import { randomUUID } from "node:crypto";
import { z } from "zod";
import { ERROR_TABLE, type ErrorCode, isErrorCode } from "#app/core/errors.ts";
import type {
  Conversation,
  ConversationChange,
  MessageTurn,
  StoredMessage,
} from "#app/models/conversation.ts";
import type { PersonaRef } from "#app/models/persona.ts";
import type { ConversationEvent } from "#app/models/server-event.ts";
import type { EventLog } from "./event-log.ts";

/** What the dead producer had shown of its run. */
interface LeftBehind {
  readonly started: boolean;
  /** The reply that it began, and whether its end was shown. */
  readonly messageId?: string;
  readonly messageEnded?: boolean;
  /** How the run's end was shown: its code, or its type. Only the record of it is missing then. */
  readonly endedBy?: string;
  /** Who speaks, what was said so far, and what stands beside it: what the record has to hold. */
  readonly persona?: PersonaRef | undefined;
  readonly revision?: string | undefined;
  readonly mark?: z.output<typeof markSchema> | undefined;
  readonly text?: string;
  readonly metadata?: z.output<typeof endMetadataSchema> | undefined;
}

/** What is to be written, and recorded, to take a run over. */
export interface TakeOver {
  readonly events: readonly ConversationEvent[];
  /** Of the log after those events. */
  readonly change: (seq: number) => ConversationChange;
  /** Undefined where the message is not tried again. */
  readonly successorId: string | undefined;
}

const READ_LIMIT = 500;
const runMetadataSchema = z.object({
  persona: z.object({ kind: z.enum(["persona", "object"]), id: z.string(), revision: z.string() }),
});
const markSchema = z.object({
  source: z.string(),
  reason: z.custom<ErrorCode>(isErrorCode).optional().catch(undefined),
});
const endMetadataSchema = z.object({
  source: z.string().exactOptional(),
  revision: z.string().exactOptional(),
  createdAt: z.number(),
  partial: z.boolean().exactOptional(),
});
const eventSchema = z.object({
  type: z.string(),
  delta: z.string().optional(),
  metadata: z.unknown().optional(),
  runId: z.string().optional(),
  messageId: z.string().optional(),
  code: z.string().optional(),
});

/**
 * What to do about the run that the conversation says is running; undefined where its producer had not even shown its
 * start, so that it can simply begin. `isPlanned`: the producer itself lets go of it.
 */
export async function planTakeOver(
  conversation: Conversation,
  turn: MessageTurn,
  log: EventLog,
  isPlanned = false,
): Promise<TakeOver | undefined> {
  const left = await readLeftBehind(conversation, turn.runId, log);
  if (!left.started) return undefined;
  const { message, runId } = turn;
  const { endedBy = "run_interrupted" } = left;
  // Tried twice is enough; who was told to stop is not asked again; and what ended by itself needs no other end.
  const mayTry = isPlanned || !message.retried;
  const isTriedAgain = mayTry && !turn.cancelled && endedBy === "run_interrupted";
  const successor = isTriedAgain ? toSuccessor(turn, isPlanned) : undefined;
  return {
    events: left.endedBy === undefined ? eventsOf(conversation.id, turn, left) : [],
    successorId: successor?.runId,
    change: (seq) =>
      successor
        ? { type: "run-replaced", runId, by: successor, seq }
        : { type: "run-finished", runId, ...toReply(left, runId), seq },
  };
}

/** The reply of a run whose end was shown and not recorded, as its readers saw it. */
function toReply(left: LeftBehind, runId: string): { reply?: StoredMessage } {
  const { endedBy, messageId, messageEnded, text = "", persona, metadata } = left;
  const isWhole = endedBy !== undefined && endedBy !== "run_interrupted" && messageEnded;
  if (!isWhole || messageId === undefined || metadata === undefined) return {};
  return {
    reply: {
      id: messageId,
      role: "assistant",
      content: text,
      runId,
      ...metadata,
      ...(persona && { persona }),
    },
  };
}

async function readLeftBehind(conversation: Conversation, runId: string, log: EventLog): Promise<LeftBehind> {
  const { id, seq } = conversation;
  const { epoch, lastSeq } = await log.open(id);
  let left: LeftBehind = { started: false };
  for (let after = seq; ; ) {
    const slice = await log.read(id, { epoch, after, limit: READ_LIMIT });
    // Too old to be read: something was shown since the last end, and what runs is the first that is.
    if (!slice) return { started: lastSeq > seq };
    if (slice.events.length === 0) return left;
    for (const event of slice.events) left = follow(left, eventSchema.parse(JSON.parse(event)), runId);
    after += slice.events.length;
  }
}

function follow(left: LeftBehind, event: z.output<typeof eventSchema>, runId: string): LeftBehind {
  if (event.type === "RUN_STARTED") {
    const by = runMetadataSchema.safeParse(event.metadata).data?.persona;
    const persona = by && { kind: by.kind, id: by.id };
    return { started: event.runId === runId, persona, revision: by?.revision, text: "" };
  }
  if (!left.started) return left;
  if (event.type === "TEXT_MESSAGE_START" && event.messageId !== undefined) {
    const mark = markSchema.safeParse(event.metadata).data;
    return { ...left, messageId: event.messageId, mark };
  }
  if (event.type === "TEXT_MESSAGE_CONTENT") return { ...left, text: left.text + (event.delta ?? "") };
  if (event.type === "RUN_ERROR" || event.type === "RUN_FINISHED") {
    return { ...left, endedBy: event.code ?? event.type };
  }
  if (event.type !== "TEXT_MESSAGE_END") return left;
  return { ...left, messageEnded: true, metadata: endMetadataSchema.safeParse(event.metadata).data };
}

/** A stop that was planned takes no try: whoever stops its servers one after the other kills no message. */
function toSuccessor(turn: MessageTurn, isPlanned: boolean): MessageTurn {
  const runId = randomUUID();
  const message = { ...turn.message, runId, parentRunId: turn.runId };
  return { ...turn, runId, message: isPlanned ? message : { ...message, retried: true } };
}

function eventsOf(threadId: string, { runId, message }: MessageTurn, left: LeftBehind): ConversationEvent[] {
  const events: ConversationEvent[] = [];
  const { messageId, mark: { source, reason } = { source: "model" }, revision = "" } = left;
  if (messageId !== undefined && !left.messageEnded) {
    const ended = { source, revision, createdAt: Date.now(), interrupted: true as const };
    const metadata = { ...ended, ...(reason !== undefined && { reason }) };
    events.push({ type: "TEXT_MESSAGE_END", messageId, metadata });
  }
  const { message: wording, retryable } = ERROR_TABLE.run_interrupted;
  events.push({
    type: "RUN_ERROR",
    threadId,
    runId,
    code: "run_interrupted",
    message: wording,
    metadata: { retryable },
  });
  if (messageId !== undefined) {
    const value = { messageId: message.id, removed: [messageId] };
    events.push({ type: "CUSTOM", name: "conversation.edited", value });
  }
  return events;
}
