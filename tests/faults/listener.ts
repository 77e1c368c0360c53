// A connection that notes when each frame came, for tests that ask how late or how silent a server was.
// Promises: every frame in order, with its time of arrival; `paused` stops reading the socket, as a hung client does.

import { isTerminal, type Joined, Talk } from "../support/conversation.ts";
import { type Frame, openSocket } from "../support/socket-client.ts";
import { leakWatch } from "./leaks.ts";

export interface Heard {
  /** Date.now() */
  readonly at: number;
  readonly frame: Frame;
}

/** What a join needs to reach a conversation. */
export interface ConversationKey {
  readonly conversationId: string;
  readonly resumeToken: string;
}

const ACK_EVENTS = 8;
const ACK_CHARACTERS = 16_384;

export class Listener {
  readonly heard: Heard[] = [];
  /** How the connection ended. */
  readonly closed: Promise<{ readonly code: number }>;
  readonly joined: Joined;
  /** Numbered events that have come, and runs that have ended among them. */
  eventCount = 0;
  endCount = 0;
  readonly #talk: Talk;
  readonly #acks: boolean;
  #unread = 0;

  private constructor(talk: Talk, joined: Joined, acks: boolean) {
    this.#talk = talk;
    this.#acks = acks;
    this.joined = joined;
    this.closed = talk.client.closed;
    // Rejects when the socket closes: there is nothing more to note.
    this.#listen().catch(() => undefined);
  }

  /** Joins; `position` for one that comes back. `acks`: acknowledges as it reads. */
  static async open(
    url: string,
    key: ConversationKey,
    options: { readonly acks?: boolean; readonly position?: { epoch: string; after: number } } = {},
  ): Promise<Listener> {
    leakWatch.guard(key);
    const talk = new Talk(await openSocket(url));
    const joined = await talk.join({ ...key, ...(options.position ?? { create: true }) });
    return new Listener(talk, joined, options.acks ?? false);
  }

  /** Numbered events, in the order they came. */
  get events(): readonly Heard[] {
    return this.heard.filter(({ frame }) => typeof frame.seq === "number");
  }

  /** The answer stands among what is heard. */
  say(text: string, id: string): void {
    this.#talk.client.send({ type: "message", text, id });
  }

  acknowledge(seq: number): void {
    this.#talk.client.send({ type: "ack", seq });
  }

  pause(): void {
    this.#talk.client.pause();
  }

  resume(): void {
    this.#talk.client.resume();
  }

  leave(): void {
    this.#talk.client.terminate();
  }

  async #listen(): Promise<void> {
    const { client } = this.#talk;
    // A wait without end: the tests have deadlines of their own.
    for (;;) {
      const frame = await client.next(undefined, 600_000);
      this.heard.push({ at: Date.now(), frame });
      if (typeof frame.seq !== "number") continue;
      this.eventCount += 1;
      if (isTerminal(frame)) this.endCount += 1;
      this.#unread += String(frame.delta).length;
      // By count alone a window of few large frames would be full before the next acknowledgement is due.
      if (this.#acks && (frame.seq % ACK_EVENTS === 0 || this.#unread > ACK_CHARACTERS)) {
        this.acknowledge(frame.seq);
        this.#unread = 0;
      }
    }
  }
}
