// Short makers of the server's events, for the tests of the browser's side.

import type { ErrorCode } from "#app/core/errors.ts";
import type { ConversationEvent } from "#app/models/server-event.ts";
import { ADA } from "./shown-personas.ts";

export const started = (
  runId: string,
  messageId: string,
  text = "Hello",
  parentRunId?: string,
): ConversationEvent => ({
  type: "RUN_STARTED",
  threadId: "t",
  runId,
  ...(parentRunId === undefined ? {} : { parentRunId }),
  input: {
    threadId: "t",
    runId,
    messages: [{ id: messageId, role: "user", content: text }],
    tools: [],
    context: [],
  },
  metadata: { persona: ADA },
});
export const begin = (messageId: string, source?: string, reason?: ErrorCode): ConversationEvent => ({
  type: "TEXT_MESSAGE_START",
  messageId,
  role: "assistant",
  ...(source !== undefined && { metadata: { source, ...(reason && { reason }) } }),
});
export const delta = (messageId: string, text: string): ConversationEvent => ({
  type: "TEXT_MESSAGE_CONTENT",
  messageId,
  delta: text,
});
export const end = (messageId: string, more: object = {}): ConversationEvent => ({
  type: "TEXT_MESSAGE_END",
  messageId,
  metadata: { source: "offline", revision: "r", createdAt: 1, ...more },
});
export const finished = (runId: string, type: "success" | "cancelled" = "success"): ConversationEvent => ({
  type: "RUN_FINISHED",
  threadId: "t",
  runId,
  outcome: { type },
  usage: [],
  metadata: { timings: { queuedMs: 0, firstTokenMs: null, totalMs: 1 } },
});
export const failed = (runId: string): ConversationEvent => ({
  type: "RUN_ERROR",
  threadId: "t",
  runId,
  code: "llm_timeout",
  message: "Too slow.",
  metadata: { retryable: true, retryAfterMs: 1000 },
});
export const accepted = (messageId: string, runId: string, text: string): ConversationEvent => ({
  type: "CUSTOM",
  name: "message.accepted",
  value: { messageId, runId, text, position: 1 },
});
