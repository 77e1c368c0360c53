// The words in which a page thinks of a conversation: what has been said, what waits, and how the line stands.

import type { PersonaRef } from "#app/models/persona.ts";
import type { ShownPersona } from "#app/models/server-event.ts";
import type { TransportName } from "./transport.ts";

/** What went wrong, by the code of the protocol's table; `message` is the server's wording, in English. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number;
}

/** A stored reply names its speaker by id alone. */
export interface Speaker extends PersonaRef {
  readonly name?: string;
}

export interface ChatMessage {
  readonly type: "message";
  readonly id: string;
  readonly role: "user" | "assistant";
  readonly text: string;
  /** `stopped`: cut by the visitor; `interrupted`: cut by a fault; `waiting`: accepted and in line. */
  readonly state: "waiting" | "streaming" | "done" | "stopped" | "interrupted" | "refused";
  readonly runId?: string;
  /** Who says it; replies only. */
  readonly speaker?: Speaker;
  /** Where the words come from: `model`, `fallback-model`, `offline`, `scripted`. */
  readonly source?: string;
  /** Code of what kept the model from answering; `unknown` where it is no longer known; absent where nothing did. */
  readonly reason?: string;
  /** `length` or `content_filter` where the model was cut short. */
  readonly finishReason?: string;
  readonly problem?: Problem;
  /** The visitor's judgement of a reply, as the server has stored it. */
  readonly feedback?: { readonly rating: "up" | "down" };
}

/** Somebody else answers from here on. */
export interface PersonaChange {
  readonly type: "change";
  readonly id: string;
  readonly persona: ShownPersona;
}

export type TranscriptItem = ChatMessage | PersonaChange;

export type LinkState =
  | { readonly status: "connecting" }
  | { readonly status: "online" }
  /** Comes back by itself at `untilMs` (milliseconds since 1970). */
  | { readonly status: "waiting"; readonly untilMs: number }
  /** Comes back at the visitor's next action. */
  | { readonly status: "paused" }
  | { readonly status: "stopped"; readonly code: string };

export interface UnsentMessage {
  readonly id: string;
  readonly text: string;
}

export interface ConversationState {
  readonly link: LinkState;
  /** Which way the frames go, or went last. */
  readonly transport?: TransportName;
  /** The conversation is open on the present connection. */
  readonly joined: boolean;
  readonly storage?: "redis" | "memory";
  readonly persona?: ShownPersona;
  /** Who greeted at the top of the transcript. */
  readonly opening?: ShownPersona;
  /** A conversation before this one is no longer on the server. */
  readonly ended?: true;
  /** It was erased, from another tab or device: nothing of it stays to be read here either. */
  readonly erased?: true;
  /** Conversations that ended under the visitor's eyes, oldest first. */
  readonly past: readonly TranscriptItem[];
  readonly messages: readonly TranscriptItem[];
  /** There may be messages before the first one: `loadOlder` asks for them. */
  readonly hasOlder?: boolean;
  /** Somebody writes on another connection of this conversation. */
  readonly othersTyping?: boolean;
  /** Accepted messages that wait in line. */
  readonly waiting: readonly ChatMessage[];
  /** Messages that the server has not accepted yet, in the order in which they go out. */
  readonly unsent: readonly UnsentMessage[];
  readonly run?: { readonly runId: string; readonly messageId: string; readonly speaker: Speaker };
  readonly epoch?: string;
  /** Number of the last event that this state holds. */
  readonly seq: number;
  readonly maxMessageChars?: number;
  /** The last refusal; gone when something is sent or taken, or when the server goes on. */
  readonly problem?: Problem;
}
