// A conversation as it is stored: who speaks, what was said, what waits to be answered.

import type { PersonaRef } from "./persona.ts";

/** A message that stands in the history: finished, never a part of one that is still being written. */
export interface StoredMessage {
  readonly id: string;
  readonly role: "user" | "assistant";
  readonly content: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** The run that answers it, or that it comes from. */
  readonly runId: string;
  /** The run before that one, which was interrupted; once there is one, the message is not tried again. */
  readonly parentRunId?: string;
  /** Who said it; replies only. */
  readonly persona?: PersonaRef;
  /** Where a reply's words came from: `model`, `fallback-model`, `offline`, `scripted`. */
  readonly source?: string;
  /** Revision of the persona that a reply was made with. */
  readonly revision?: string;
  /** The reply was stopped or failed after it began. */
  readonly partial?: boolean;
}

/** A step of the conversation that waits its turn: every change goes through the line, in order. */
export type Turn = MessageTurn | PersonaTurn;

export interface MessageTurn {
  readonly type: "message";
  readonly runId: string;
  readonly message: StoredMessage;
  /** Somebody asked to stop it; the one who runs the line ends it as `cancelled`. */
  readonly cancelled: boolean;
}

export interface PersonaTurn {
  readonly type: "persona";
  readonly turnId: string;
  readonly persona: PersonaRef;
}

/** What is needed to make a conversation. */
export interface NewConversation {
  readonly id: string;
  /** SHA-256 of the resume token, hex. The token itself is stored nowhere. */
  readonly tokenHash: string;
  readonly persona: PersonaRef;
  /** Two-letter language that the visitor's page asked for. */
  readonly locale?: string;
  /** Stands for whoever made it, for limits: no address, and not to be traced back to one. */
  readonly visitor?: string;
  readonly createdAt: number;
}

export interface Conversation extends NewConversation {
  /** The position in the event log that the finished history stands for. */
  readonly seq: number;
  /** What runs (the first, once `runningId` names it) and what waits. */
  readonly line: readonly Turn[];
  /** The run that has begun and not ended. */
  readonly runningId?: string;
}

/** A conversation and a page of its history, read at one instant. */
export interface ConversationPage {
  readonly conversation: Conversation;
  /** Oldest first. */
  readonly messages: readonly StoredMessage[];
  /** How many older messages there are before the first one here. */
  readonly olderCount: number;
}

/** A change that only the holder of the conversation's lease may make. */
export type ConversationChange =
  | { readonly type: "run-started"; readonly runId: string }
  | {
      readonly type: "run-finished";
      readonly runId: string;
      /** Absent where nothing was said. */
      readonly reply?: StoredMessage;
      /** Number of the run's terminal event. */
      readonly seq: number;
    }
  | {
      readonly type: "run-replaced";
      /** The run that was interrupted. */
      readonly runId: string;
      /** Answers the same message, in the same place of the line. */
      readonly by: MessageTurn;
      readonly seq: number;
    }
  | {
      readonly type: "persona-changed";
      readonly turnId: string;
      readonly persona: PersonaRef;
      readonly seq: number;
    };
