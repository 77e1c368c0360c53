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
  /** The run before that one: it was interrupted, or its reply was replaced. */
  readonly parentRunId?: string;
  /** The run before was interrupted by its server's death: the message is not tried once more. */
  readonly retried?: boolean;
  /** Who said it; replies only. */
  readonly persona?: PersonaRef;
  /** Where a reply's words came from: `model`, `fallback-model`, `offline`, `scripted`. */
  readonly source?: string;
  /** Revision of the persona that a reply was made with. */
  readonly revision?: string;
  /** The reply was stopped or failed after it began. */
  readonly partial?: boolean;
  /** What the visitor thinks of it. */
  readonly feedback?: Feedback;
}

export interface Feedback {
  readonly rating: "up" | "down";
  readonly comment?: string;
}

/** A step of the conversation that waits its turn: every change goes through the line, in order. */
export type Turn = MessageTurn | RevisionTurn | PersonaTurn;

export interface MessageTurn {
  readonly type: "message";
  readonly runId: string;
  readonly message: StoredMessage;
  /** Somebody asked to stop it; the one who runs the line ends it as `cancelled`. */
  readonly cancelled: boolean;
}

/** A message of the visitor's is answered anew: once its turn comes, a {@link MessageTurn} takes its place. */
export interface RevisionTurn {
  readonly type: "revision";
  /** The run that will answer it. */
  readonly runId: string;
  readonly messageId: string;
  /** Whether it says something else from then on, or is just answered again. */
  readonly isEdit: boolean;
  /** What it says from then on. */
  readonly text: string;
  /** The visitor's own name for an edit: a copy of it that comes late is told from another edit by it. */
  readonly commandId?: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
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
  /** The life of the event log at that instant, where the storage says so. */
  readonly epoch?: string;
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
      readonly type: "revised";
      /** The run of the revision, which is the successor's too. */
      readonly runId: string;
      /** Takes the revision's place in the line; its `cancelled` is the one that stands there by then. */
      readonly by: MessageTurn;
      /** What stood in the history behind the message: it leaves, and so does the message, until it has been answered. */
      readonly removed: readonly string[];
      readonly seq: number;
    }
  | {
      readonly type: "persona-changed";
      readonly turnId: string;
      readonly persona: PersonaRef;
      readonly seq: number;
    };

/** A change by a visitor that waits for nobody's turn. */
export type Amendment =
  | { readonly type: "feedback"; readonly messageId: string; readonly feedback: Feedback }
  /** The conversation is no more. Only with the hash of its own token. */
  | { readonly type: "erased"; readonly tokenHash: string };
