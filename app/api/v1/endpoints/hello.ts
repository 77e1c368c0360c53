// The first frame on every connection: what is spoken here, and within which limits.

import { MAX_FRAME_BYTES } from "#app/core/websocket.ts";
import { encodeConnectionFrame } from "#app/models/server-event.ts";
import type { Conversations } from "#app/services/chatbot/conversations.ts";

export interface HelloOptions {
  readonly conversations: Conversations;
  /** How often the server shows that it is there. */
  readonly heartbeatMs: number;
  readonly idleTtlMs: number;
  readonly messagesPerMinute: number;
}

export function encodeHello(options: HelloOptions, connectionId: string): string {
  const { conversations, heartbeatMs, idleTtlMs, messagesPerMinute } = options;
  const maxMessageChars = conversations.persona(undefined).limits.maxInputChars;
  return encodeConnectionFrame("hello", {
    protocol: "parley/1",
    agui: "1.0",
    connectionId,
    heartbeatMs,
    idleTtlMs,
    limits: { maxFrameBytes: MAX_FRAME_BYTES, maxMessageChars, messagesPerMinute },
  });
}
