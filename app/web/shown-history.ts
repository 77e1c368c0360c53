// Stored messages in what a page shows: a snapshot that replaces it, an older page before it, a judgement beside one.

import type { ShownMessage } from "#app/models/server-event.ts";
import { defined } from "./defined.ts";
import { fieldsOf, toText } from "./json-fields.ts";
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
  return defined({
    type: "message",
    id,
    role,
    text: content,
    state: partial === true ? "stopped" : waiting === true ? "waiting" : "done",
    source: toText(source),
    // What is stored does not say why the notes answered.
    reason: source === "offline" ? "unknown" : undefined,
    runId: toText(runId),
    speaker: toSpeaker(persona),
    feedback: toFeedback(feedback),
  });
}

function toSpeaker(value: unknown): Speaker | undefined {
  const { kind, id } = fieldsOf(value);
  return (kind === "persona" || kind === "object") && typeof id === "string" ? { kind, id } : undefined;
}

function toFeedback(value: unknown): ChatMessage["feedback"] {
  const { rating } = fieldsOf(value);
  return rating === "up" || rating === "down" ? { rating } : undefined;
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
