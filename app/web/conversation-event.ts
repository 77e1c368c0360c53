// One numbered event of the log, applied to what a page shows. The caller has checked the number.

import type { ConversationEvent } from "#app/models/server-event.ts";
import { defined } from "./defined.ts";
import { fieldsOf, toText } from "./json-fields.ts";
import type { ChatMessage, ConversationState, Problem, TranscriptItem } from "./transcript.ts";

type EventOf<Type extends ConversationEvent["type"]> = Extract<ConversationEvent, { type: Type }>;

export function applyEvent(state: ConversationState, event: ConversationEvent): ConversationState {
  switch (event.type) {
    case "RUN_STARTED":
      return startRun(state, event);
    case "TEXT_MESSAGE_START":
      return startReply(state, event);
    case "TEXT_MESSAGE_CONTENT":
      return updateMessage(state, event.messageId, (message) => ({
        ...message,
        text: message.text + event.delta,
      }));
    case "TEXT_MESSAGE_END":
      return updateMessage(state, event.messageId, (message) => ({
        ...message,
        state: toEndState(event.metadata),
        source: event.metadata.source,
        ...defined({ finishReason: event.metadata.finishReason, reason: toText(event.metadata.reason) }),
      }));
    case "RUN_FINISHED":
      return endRun(state, event.runId, event.outcome.type === "cancelled" ? "stopped" : "done", undefined);
    case "RUN_ERROR":
      return endRun(state, event.runId, "interrupted", toProblem(event));
    case "CUSTOM":
      return applyCustom(state, event);
    default:
      return event satisfies never;
  }
}

function startRun(state: ConversationState, event: EventOf<"RUN_STARTED">): ConversationState {
  const [asked] = event.input.messages;
  if (!asked) return state;
  const { kind, id, name } = event.metadata.persona;
  const question: ChatMessage = {
    type: "message",
    id: asked.id,
    role: "user",
    text: asked.content,
    state: "done",
    runId: event.runId,
  };
  return {
    ...state,
    // A message that is answered again leaves its old place, together with the reply that did not hold.
    messages: [...state.messages.filter((item) => !isReplaced(item, asked.id, event.parentRunId)), question],
    waiting: state.waiting.filter(({ id }) => id !== asked.id),
    unsent: state.unsent.filter(({ id }) => id !== asked.id),
    run: { runId: event.runId, messageId: asked.id, speaker: { kind, id, name } },
  };
}

function isReplaced(item: TranscriptItem, askedId: string, parentRunId: string | undefined): boolean {
  if (item.id === askedId) return true;
  return parentRunId !== undefined && item.type === "message" && item.runId === parentRunId;
}

function startReply(
  state: ConversationState,
  { messageId, metadata }: EventOf<"TEXT_MESSAGE_START">,
): ConversationState {
  const { source, reason } = fieldsOf(metadata);
  const message: ChatMessage = {
    type: "message",
    id: messageId,
    role: "assistant",
    text: "",
    state: "streaming",
    ...(state.run ? { runId: state.run.runId, speaker: state.run.speaker } : {}),
    // Unchecked at the door: a reply without it is shown all the same.
    ...defined({ source: toText(source), reason: toText(reason) }),
  };
  return { ...state, messages: [...state.messages, message] };
}

function endRun(
  state: ConversationState,
  runId: string,
  outcome: "done" | "stopped" | "interrupted",
  problem: Problem | undefined,
): ConversationState {
  const { run, ...rest } = state;
  // Where nothing was said, the question carries the outcome: silence would leave the visitor guessing.
  const carrier =
    state.messages.findLast((item) => item.type === "message" && item.runId === runId)?.id ?? "";
  const ended = updateMessage(rest, carrier, (message) => ({
    ...message,
    state: outcome === "done" && message.state !== "streaming" ? message.state : outcome,
    ...defined({ problem }),
  }));
  return run && run.runId !== runId ? { ...ended, run } : ended;
}

function applyCustom(state: ConversationState, event: EventOf<"CUSTOM">): ConversationState {
  if (event.name === "persona.changed") return changePersona(state, event);
  if (event.name === "conversation.edited") {
    const removed = new Set(event.value.removed);
    return { ...state, messages: state.messages.filter(({ id }) => !removed.has(id)) };
  }
  const { messageId, runId, text } = event.value;
  const message: ChatMessage = {
    type: "message",
    id: messageId,
    role: "user",
    text,
    state: "waiting",
    runId,
  };
  const known = state.waiting.some(({ id }) => id === messageId);
  return {
    ...state,
    waiting: known
      ? state.waiting.map((waiting) => (waiting.id === messageId ? message : waiting))
      : [...state.waiting, message],
    messages: state.messages.filter(({ id }) => id !== messageId),
    unsent: state.unsent.filter(({ id }) => id !== messageId),
  };
}

function changePersona(
  state: ConversationState,
  { value: persona }: Extract<ConversationEvent, { name: "persona.changed" }>,
): ConversationState {
  const said = state.messages.filter((item) => item.type === "message");
  if (said.length === 0) return { ...state, persona, opening: persona, messages: [] };
  const change = { type: "change", id: `change-${state.seq}`, persona } as const;
  return { ...state, persona, messages: [...state.messages, change] };
}

function updateMessage(
  state: ConversationState,
  id: string,
  update: (message: ChatMessage) => ChatMessage,
): ConversationState {
  const index = state.messages.findLastIndex((item) => item.id === id);
  const message = state.messages[index];
  if (message?.type !== "message") return state;
  return { ...state, messages: state.messages.with(index, update(message)) };
}

function toEndState(metadata: EventOf<"TEXT_MESSAGE_END">["metadata"]): ChatMessage["state"] {
  if ("interrupted" in metadata && metadata.interrupted === true) return "interrupted";
  return metadata.partial ? "stopped" : "done";
}

function toProblem({ code, message, metadata }: EventOf<"RUN_ERROR">): Problem {
  return defined({ code, message, retryAfterMs: metadata.retryAfterMs });
}
