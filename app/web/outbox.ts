// Sends the unsent messages one after the other: the next goes when the one before is accepted or refused, so that
// a message refused for a moment cannot be overtaken by its successor. Keeps no texts; the state does.

import type { ClientFrame } from "#app/models/client-frame.ts";
import type { UnsentMessage } from "./transcript.ts";

export class Outbox {
  readonly #send: (frame: ClientFrame) => boolean;
  /** The message that is on its way. */
  #sentId: string | undefined;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (frame: ClientFrame) => boolean) {
    this.#send = send;
  }

  /** An answer from the server is owed. */
  get isWaiting(): boolean {
    return this.#sentId !== undefined;
  }

  holds(id: string): boolean {
    return this.#sentId === id;
  }

  flush(unsent: readonly UnsentMessage[]): void {
    const [first] = unsent;
    if (!first || this.#sentId !== undefined || this.#pause !== undefined) return;
    const { id, text } = first;
    if (this.#send({ type: "message", commandId: id, id, text })) this.#sentId = id;
  }

  /** The server has answered for this message. */
  settle(id: string): void {
    if (this.#sentId === id) this.#sentId = undefined;
  }

  /** Sends nothing for a while. */
  pause(waitMs: number, then: () => void): void {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      then();
    }, waitMs);
  }

  /** The connection is gone, and with it every answer that was owed. */
  forget(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#sentId = undefined;
  }
}
