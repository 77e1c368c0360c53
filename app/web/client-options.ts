// What a chat client is made with, and what it tells.

import type { PersonaRef } from "#app/models/persona.ts";
import type { Backoff } from "./connection-policy.ts";
import type { TextStorage } from "./session-record.ts";
import type { ConversationState } from "./transcript.ts";

export interface ChatClientOptions {
  /** The server: `https://example.org`, with the path before `/api` where there is one. */
  readonly host?: string;
  /** In place of `host`: address of the socket, `ws:` or `wss:`, path included. */
  readonly url?: string;
  /** Who answers a new conversation; the server's main persona where absent. */
  readonly persona?: PersonaRef | undefined;
  /** Language tag of the page. */
  readonly locale?: string;
  /** Where a reload finds the conversation again; without it, it lives as long as this object. */
  readonly storage?: TextStorage;
  readonly backoff?: Backoff;
  /** Milliseconds without an answer after which the line counts as dead. */
  readonly patienceMs?: number;
  /** Milliseconds that a WebSocket may take to open before another way is tried. */
  readonly openTimeoutMs?: number;
  readonly random?: () => number;
}

export interface ChatClientEvents {
  /** Anything that is shown has changed. */
  change: ConversationState;
  /** The server no longer knows the conversation; a new one begins. */
  ended: { readonly conversationId: string };
}
