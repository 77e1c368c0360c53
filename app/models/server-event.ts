// What the server says. Conversation events are numbered and replayed; connection frames are neither.
// All of them are AG-UI 1.0 events: the tests hold every frame against `EventSchemas` of @ag-ui/core/schemas.

import type { ErrorCode } from "#app/core/errors.ts";
import type { PersonaKind } from "./persona.ts";

/** Who answers, as `RUN_STARTED` names them. */
export interface RunPersona {
  readonly id: string;
  readonly kind: PersonaKind;
  readonly name: string;
  readonly revision: string;
}

/** Who answers, as a page shows them. */
export interface ShownPersona extends RunPersona {
  readonly greeting: string;
  readonly suggestions: readonly string[];
  readonly language: string;
}

export interface ShownMessage {
  readonly id: string;
  readonly role: "user" | "assistant";
  readonly content: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface RunTimings {
  readonly queuedMs: number;
  readonly firstTokenMs: number | null;
  readonly totalMs: number;
}

export interface RunUsage {
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export type CustomConversationEvent =
  | {
      readonly type: "CUSTOM";
      readonly name: "conversation.edited";
      readonly value: { readonly messageId: string; readonly removed: readonly string[] };
    }
  | {
      readonly type: "CUSTOM";
      readonly name: "message.accepted";
      readonly value: {
        readonly messageId: string;
        readonly runId: string;
        readonly text: string;
        readonly position: number;
      };
    }
  | { readonly type: "CUSTOM"; readonly name: "persona.changed"; readonly value: ShownPersona };

/** An event of the conversation's log, before it has its `seq` and `timestamp`. */
export type ConversationEvent =
  | {
      readonly type: "RUN_STARTED";
      readonly threadId: string;
      readonly runId: string;
      readonly parentRunId?: string;
      readonly input: {
        readonly threadId: string;
        readonly runId: string;
        readonly messages: readonly {
          readonly id: string;
          readonly role: "user";
          readonly content: string;
        }[];
        readonly tools: readonly never[];
        readonly context: readonly never[];
      };
      readonly metadata: { readonly persona: RunPersona };
    }
  | {
      readonly type: "TEXT_MESSAGE_START";
      readonly messageId: string;
      readonly role: "assistant";
      /** Whose words are coming, where that is known before the first: a substitute says so from there on. */
      readonly metadata?: { readonly source: string; readonly reason?: ErrorCode };
    }
  | { readonly type: "TEXT_MESSAGE_CONTENT"; readonly messageId: string; readonly delta: string }
  | {
      readonly type: "TEXT_MESSAGE_END";
      readonly messageId: string;
      readonly metadata: {
        readonly source: string;
        readonly revision: string;
        readonly createdAt: number;
        readonly partial?: true;
        /** Its server died; the same message is answered again in another run. */
        readonly interrupted?: true;
        readonly finishReason?: string;
        /** Why the words did not come from the configured model. */
        readonly reason?: ErrorCode;
      };
    }
  | {
      readonly type: "RUN_FINISHED";
      readonly threadId: string;
      readonly runId: string;
      readonly outcome: { readonly type: "success" | "cancelled" };
      readonly usage: readonly RunUsage[];
      readonly metadata: { readonly timings: RunTimings };
    }
  | {
      readonly type: "RUN_ERROR";
      readonly threadId: string;
      readonly runId: string;
      readonly code: ErrorCode;
      readonly message: string;
      readonly metadata: { readonly retryable: boolean; readonly retryAfterMs?: number };
    }
  | CustomConversationEvent;

/** Values of the connection frames, by name. */
export interface ConnectionFrames {
  hello: {
    protocol: "parley/1";
    agui: "1.0";
    connectionId: string;
    heartbeatMs: number;
    idleTtlMs: number;
    limits: { maxFrameBytes: number; maxMessageChars: number; messagesPerMinute: number };
  };
  joined: {
    conversationId: string;
    resumeToken?: string;
    epoch: string;
    lastSeq: number;
    recovered?: boolean;
    activeRunId?: string;
    persona: ShownPersona;
    new: boolean;
    storage: "redis" | "memory";
    commandId?: string;
  };
  accepted: {
    messageId: string;
    runId: string;
    position: number;
    state: "waiting" | "running" | "finished";
    duplicate?: true;
    commandId?: string;
  };
  history: { messages: readonly ShownMessage[]; before: string | null; hasMore: boolean; commandId?: string };
  "feedback.saved": { messageId: string; rating: "up" | "down"; commandId?: string };
  /** Another connection's visitor is writing, or has ceased to. */
  typing: { connectionId: string; state: "start" | "stop" };
  replayed: { lastSeq: number };
  pong: { t?: string | number; commandId?: string };
  draining: { reconnectInMs: number };
  error: {
    code: ErrorCode;
    message: string;
    retryable: boolean;
    retryAfterMs?: number;
    details?: unknown;
    commandId?: string;
    requestId: string;
  };
}

/** The frame as it goes over the wire. `undefined` values leave no trace in JSON. */
export function encodeConnectionFrame<Name extends keyof ConnectionFrames>(
  name: Name,
  value: ConnectionFrames[Name],
): string {
  return JSON.stringify({ type: "CUSTOM", name, value });
}

/** A snapshot of the finished history; `seq` is the position it stands for. */
export function encodeSnapshot(messages: readonly ShownMessage[], seq: number): string {
  return JSON.stringify({ type: "MESSAGES_SNAPSHOT", messages, metadata: { seq } });
}

/** The last frame of a conversation that was erased. No number: there is no log any more that it could stand in. */
export const ERASED_FRAME = JSON.stringify({ type: "CUSTOM", name: "conversation.erased", value: {} });

/** The number of an encoded frame; undefined for one of the connection's, which has none. */
export function seqOf(encoded: string): number | undefined {
  const [, seq] = /,"seq":(\d+)\}$/.exec(encoded.slice(-32)) ?? [];
  return seq === undefined ? undefined : Number(seq);
}

/** Numbers and encodes an event: once, the same string for the log and for every reader. */
export function encodeEvent(event: ConversationEvent, seq: number, timestamp: number): string {
  return JSON.stringify({ ...event, timestamp, seq });
}
