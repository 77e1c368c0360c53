// Stored messages in what a page shows: a snapshot that replaces it, an older page before it, a judgement beside one.

import type { ShownMessage } from "#app/models/server-event.ts";
import type { ChatMessage, ConversationState, Speaker, TranscriptItem } from "./transcript.ts";

/** The most that a snapshot holds (protocol 2.4): one that is full says nothing of what is before it. */
const SNAPSHOT_MESSAGES = 50;

export function applySnapshot(
  state: ConversationState,
  shown: readonly ShownMessage[],
  seq: number,
): ConversationState {
  const messages: TranscriptItem[] = [];
  const waiting: ChatMessage[] = [];
  for (const message of shown) {
    const item = toChatMessage(message);
    if (item.state === "waiting") waiting.push(item);
    else messages.push(item);
  }
  const unsent = state.unsent.filter(({ id }) => !holds(messages, id) && !holds(waiting, id));
  const rest = { ...state };
  delete rest.run;
  const hasOlder = messages.length >= SNAPSHOT_MESSAGES;
  return { ...rest, messages, waiting, unsent, seq, hasOlder };
}

function toChatMessage({ id, role, content, metadata }: ShownMessage): ChatMessage {
  const { persona, source, partial, waiting, runId, feedback } = metadata;
  return {
    type: "message",
    id,
    role,
    text: content,
    state: partial === true ? "stopped" : waiting === true ? "waiting" : "done",
    ...(typeof source === "string" ? { source } : {}),
    ...(typeof runId === "string" ? { runId } : {}),
    ...(isSpeaker(persona) ? { speaker: { kind: persona.kind, id: persona.id } } : {}),
    ...(isRated(feedback) ? { feedback: { rating: feedback.rating } } : {}),
  };
}

function isSpeaker(value: unknown): value is Speaker {
  if (typeof value !== "object" || value === null || !("kind" in value) || !("id" in value)) return false;
  return (value.kind === "persona" || value.kind === "object") && typeof value.id === "string";
}

function isRated(value: unknown): value is { readonly rating: "up" | "down" } {
  if (typeof value !== "object" || value === null || !("rating" in value)) return false;
  return value.rating === "up" || value.rating === "down";
}

/** Puts a page before what is shown; what stands there already keeps its place. */
export function addOlder(
  state: ConversationState,
  page: readonly ShownMessage[],
  hasOlder: boolean,
): ConversationState {
  const older = page.filter(({ id }) => !holds(state.messages, id) && !holds(state.waiting, id));
  return { ...state, hasOlder, messages: [...older.map(toChatMessage), ...state.messages] };
}

export function setFeedback(
  state: ConversationState,
  messageId: string,
  rating: "up" | "down",
): ConversationState {
  const messages = state.messages.map((item) =>
    item.type === "message" && item.id === messageId ? { ...item, feedback: { rating } } : item,
  );
  return { ...state, messages };
}

export function holds(items: readonly TranscriptItem[], id: string): boolean {
  return items.some((item) => item.id === id);
}
