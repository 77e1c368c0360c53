// What a page shows of a conversation, as one immutable value, and the pure function that moves it on.
// Promises: an event changes the state only where its number is the next one, so that a repeat or a straggler
// does nothing; a snapshot replaces what was known. Does not send, wait or touch a page.

import { applyEvent } from "./conversation-event.ts";
import { defined } from "./defined.ts";
import type { ConnectionFrame, ServerFrame } from "./server-frame.ts";
import { addOlder, applySnapshot, holds, setFeedback } from "./shown-history.ts";
import type { ConversationState, LinkState, Problem, UnsentMessage } from "./transcript.ts";
import type { TransportName } from "./transport.ts";

export type ConversationAction =
  | { readonly type: "frame"; readonly frame: ServerFrame }
  | { readonly type: "link"; readonly link: LinkState; readonly transport?: TransportName | undefined }
  | { readonly type: "typing"; readonly othersTyping: boolean }
  | { readonly type: "queued"; readonly message: UnsentMessage }
  /** The server will never take this message. */
  | { readonly type: "refused"; readonly id: string; readonly problem: Problem }
  | { readonly type: "failed"; readonly problem: Problem }
  /** The server no longer has the conversation: what was said stays to be read, what was not answered goes again. */
  | { readonly type: "lost" }
  /** What is known has a hole: the next join asks for the whole. */
  | { readonly type: "position-lost" }
  /** The visitor has erased the conversation elsewhere: only what never left this page remains. */
  | { readonly type: "erased" }
  /** The visitor begins anew. */
  | { readonly type: "cleared" };

export const INITIAL_STATE: ConversationState = {
  link: { status: "connecting" },
  joined: false,
  past: [],
  messages: [],
  waiting: [],
  unsent: [],
  seq: 0,
};

export function reduceConversation(state: ConversationState, action: ConversationAction): ConversationState {
  switch (action.type) {
    case "frame":
      return applyFrame(state, action.frame);
    case "link":
      return applyLink(state, action.link, action.transport);
    case "typing":
      if ((state.othersTyping ?? false) === action.othersTyping) return state;
      return { ...state, othersTyping: action.othersTyping };
    case "queued":
      return { ...without(state, "problem"), unsent: [...state.unsent, action.message] };
    case "refused":
      return refuse(state, action.id, action.problem);
    case "failed":
      return { ...state, problem: action.problem };
    case "lost":
      return lose(state);
    case "position-lost":
      return { ...without(state, "epoch"), joined: false };
    case "erased":
      return { ...anew(state), ended: true, erased: true, unsent: state.unsent };
    case "cleared":
      return anew(state);
    default:
      return action satisfies never;
  }
}

/** A copy without some optional fields, which an `undefined` may not stand for. */
function without<Key extends keyof ConversationState>(
  state: ConversationState,
  ...keys: readonly Key[]
): Omit<ConversationState, Key> {
  const rest = { ...state };
  for (const key of keys) delete rest[key];
  return rest;
}

function applyFrame(state: ConversationState, frame: ServerFrame): ConversationState {
  switch (frame.kind) {
    case "event": {
      if (frame.seq !== state.seq + 1) return state;
      const next = { ...withoutOutage(state), seq: frame.seq };
      return frame.event ? applyEvent(next, frame.event) : next;
    }
    case "snapshot":
      return applySnapshot(state, frame.messages, frame.seq);
    case "erased":
      // What follows is the caller's: a conversation's end is no step in it.
      return state;
    case "connection":
      return applyConnectionFrame(state, frame);
    default:
      return frame satisfies never;
  }
}

function applyConnectionFrame(state: ConversationState, frame: ConnectionFrame): ConversationState {
  switch (frame.name) {
    case "hello":
      return { ...state, maxMessageChars: frame.value.limits.maxMessageChars };
    case "joined": {
      const { epoch, persona, storage } = frame.value;
      const seq = frame.value.new ? 0 : state.seq;
      const untouched = state.messages.length === 0 && state.waiting.length === 0;
      const opening = state.opening && !untouched ? state.opening : persona;
      return { ...without(state, "problem"), joined: true, epoch, persona, storage, seq, opening };
    }
    case "accepted": {
      const sent = state.unsent.find(({ id }) => id === frame.value.messageId);
      if (!sent) return without(state, "problem");
      const unsent = state.unsent.filter((message) => message !== sent);
      const known = holds(state.waiting, sent.id) || holds(state.messages, sent.id);
      // Shown as in line until the event that numbers it arrives; a finished duplicate stands in the history.
      if (known || frame.value.state === "finished") return { ...without(state, "problem"), unsent };
      const message = {
        type: "message",
        role: "user",
        state: "waiting",
        ...sent,
        runId: frame.value.runId,
      } as const;
      return { ...without(state, "problem"), unsent, waiting: [...state.waiting, message] };
    }
    case "history":
      return addOlder(state, frame.value.messages, frame.value.hasMore);
    case "feedback.saved":
      return setFeedback(without(state, "problem"), frame.value.messageId, frame.value.rating);
    default:
      return state;
  }
}

function applyLink(
  state: ConversationState,
  link: LinkState,
  transport: TransportName | undefined,
): ConversationState {
  const isOnline = link.status === "online";
  return {
    ...(isOnline ? state : without(state, "othersTyping")),
    link,
    joined: state.joined && isOnline,
    ...(isOnline && transport ? { transport } : {}),
  };
}

/** An outage is over when something comes again. */
function withoutOutage(state: ConversationState): ConversationState {
  return state.problem?.code === "storage_unavailable" ? without(state, "problem") : state;
}

function refuse(state: ConversationState, id: string, problem: Problem): ConversationState {
  const refused = state.unsent.find((message) => message.id === id);
  if (!refused) return { ...state, problem };
  const message = { type: "message", role: "user", state: "refused", ...refused, problem } as const;
  return {
    ...state,
    unsent: state.unsent.filter((unsent) => unsent !== refused),
    messages: [...state.messages, message],
  };
}

function lose(state: ConversationState): ConversationState {
  const ended = state.messages.map((item) =>
    item.type === "message" && item.state === "streaming"
      ? ({ ...item, state: "interrupted" } as const)
      : item,
  );
  const again = state.waiting.map(({ id, text }) => ({ id, text }));
  return {
    ...anew(state),
    ended: true,
    past: [...state.past, ...ended],
    unsent: [...again, ...state.unsent],
  };
}

/** What belongs to the server and the visitor's choice rather than to one conversation stays. */
function anew({ link, transport, maxMessageChars, persona }: ConversationState): ConversationState {
  return { ...INITIAL_STATE, ...defined({ link, transport, maxMessageChars, persona }) };
}
