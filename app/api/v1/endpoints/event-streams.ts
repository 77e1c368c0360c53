// The open event streams of this instance: found by the commands that belong to them, and ended when it stops.

import { hashToken } from "#app/core/secrets.ts";
import { encodeConnectionFrame } from "#app/models/server-event.ts";
import type { ChatSession } from "#app/services/chatbot/session.ts";
import type { ConversationAccess } from "./conversation-access.ts";
import type { EventStream } from "./event-stream.ts";

interface OpenStream {
  readonly stream: EventStream;
  readonly session: ChatSession;
}

export class EventStreams {
  readonly #byConversation = new Map<string, Set<OpenStream>>();
  #size = 0;
  #isClosing = false;

  get size(): number {
    return this.#size;
  }

  /** Keeps it for as long as it is open. */
  add(access: ConversationAccess, open: OpenStream): void {
    const key = keyOf(access);
    const streams = this.#byConversation.get(key) ?? new Set();
    this.#byConversation.set(key, streams.add(open));
    this.#size += 1;
    // It was on its way in when the others were ended.
    if (this.#isClosing) open.stream.close("serviceRestart");
    void open.stream.closed.then(() => {
      this.#size -= 1;
      streams.delete(open);
      if (streams.size === 0 && this.#byConversation.get(key) === streams) this.#byConversation.delete(key);
    });
  }

  /** The session of the stream that was named, or of the only one where none was: who has two tabs has to name one. */
  sessionOf(access: ConversationAccess, connectionId: string | undefined): ChatSession | undefined {
    const streams = [...(this.#byConversation.get(keyOf(access)) ?? [])];
    if (connectionId === undefined) return streams.length === 1 ? streams[0]?.session : undefined;
    return streams.find(({ stream }) => stream.id === connectionId)?.session;
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
    const open = this.#open();
    for (const { stream } of open) stream.close("serviceRestart");
    const cutOff = setTimeout(() => {
      for (const { stream } of open) stream.cut();
    }, CLOSE_TIMEOUT_MS);
    await Promise.all(open.map(({ stream }) => stream.closed));
    clearTimeout(cutOff);
  }

  #open(): OpenStream[] {
    return [...this.#byConversation.values()].flatMap((streams) => [...streams]);
  }
}

/** Who does not take the end within this time is cut off. */
const CLOSE_TIMEOUT_MS = 2_000;

/** With the token: what stands here was opened with it, and is found by nobody without. */
function keyOf({ id, resumeToken }: ConversationAccess): string {
  return `${id} ${hashToken(resumeToken)}`;
}
