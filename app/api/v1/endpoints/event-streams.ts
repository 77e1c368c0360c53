// The open event streams of this instance: found by the commands that belong to them, and ended when it stops.
// Promises: one of a conversation in which nothing was said or asked for the idle time ends with 4505, as a socket does.

import { hashToken } from "#app/core/secrets.ts";
import { encodeConnectionFrame } from "#app/models/server-event.ts";
import type { ChatSession } from "#app/services/chatbot/session.ts";
import type { ConversationAccess } from "./conversation-access.ts";
import { type EventStream, STREAM_HEARTBEAT_MS } from "./event-stream.ts";

interface OpenStream {
  readonly stream: EventStream;
  readonly session: ChatSession;
}

interface KeptStream extends OpenStream {
  /** `performance.now()` */
  lastCommandAtMs: number;
}

export class EventStreams {
  readonly #idleTtlMs: number;
  readonly #idleWatch: NodeJS.Timeout;
  readonly #byConversation = new Map<string, Set<KeptStream>>();
  #size = 0;
  #isClosing = false;

  constructor({ idleTtlMs }: { readonly idleTtlMs: number }) {
    this.#idleTtlMs = idleTtlMs;
    const everyMs = Math.min(STREAM_HEARTBEAT_MS, idleTtlMs);
    this.#idleWatch = setInterval(() => this.#endIdle(), everyMs).unref();
  }

  get size(): number {
    return this.#size;
  }

  /** Keeps it for as long as it is open. */
  add(access: ConversationAccess, open: OpenStream): void {
    const key = keyOf(access);
    const streams = this.#byConversation.get(key) ?? new Set();
    const kept = { ...open, lastCommandAtMs: performance.now() };
    this.#byConversation.set(key, streams.add(kept));
    this.#size += 1;
    // It was on its way in when the others were ended.
    if (this.#isClosing) open.stream.close("serviceRestart");
    void open.stream.closed.then(() => {
      this.#size -= 1;
      streams.delete(kept);
      if (streams.size === 0 && this.#byConversation.get(key) === streams) this.#byConversation.delete(key);
    });
  }

  /** The session of the stream that was named, or of the only one where none was: who has two tabs has to name one. */
  sessionOf(access: ConversationAccess, connectionId: string | undefined): ChatSession | undefined {
    return this.#find(access, connectionId)?.session;
  }

  /** A command has come of whoever reads that stream, or any of the conversation's where none was named. */
  touch(access: ConversationAccess, connectionId: string | undefined): void {
    for (const kept of this.#byConversation.get(keyOf(access)) ?? []) {
      if (connectionId === undefined || kept.stream.id === connectionId)
        kept.lastCommandAtMs = performance.now();
    }
  }

  /** This instance stops: everybody is told when to come back, spread at random within `spreadMs`. */
  announceDrain(spreadMs: number): void {
    for (const { stream } of this.#open()) {
      const reconnectInMs = Math.round(Math.random() * spreadMs);
      stream.send(encodeConnectionFrame("draining", { reconnectInMs }));
    }
  }

  /** Ends them all; fulfilled when they are gone. */
  async closeAll(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#idleWatch);
    const open = this.#open();
    for (const { stream } of open) stream.close("serviceRestart");
    const cutOff = setTimeout(() => {
      for (const { stream } of open) stream.cut();
    }, CLOSE_TIMEOUT_MS);
    await Promise.all(open.map(({ stream }) => stream.closed));
    clearTimeout(cutOff);
  }

  #endIdle(): void {
    const before = performance.now() - this.#idleTtlMs;
    for (const { stream, lastCommandAtMs } of this.#open()) {
      // What the visitor says may go to another instance: what comes of it is heard here all the same.
      if (Math.max(lastCommandAtMs, stream.lastEventAtMs) <= before) stream.close("idleExpired");
    }
  }

  #find(access: ConversationAccess, connectionId: string | undefined): KeptStream | undefined {
    const streams = [...(this.#byConversation.get(keyOf(access)) ?? [])];
    if (connectionId === undefined) return streams.length === 1 ? streams[0] : undefined;
    return streams.find(({ stream }) => stream.id === connectionId);
  }

  #open(): KeptStream[] {
    return [...this.#byConversation.values()].flatMap((streams) => [...streams]);
  }
}

/** Who does not take the end within this time is cut off. */
const CLOSE_TIMEOUT_MS = 2_000;

/** With the token: what stands here was opened with it, and is found by nobody without. */
function keyOf({ id, resumeToken }: ConversationAccess): string {
  return `${id} ${hashToken(resumeToken)}`;
}
