// Who is writing at this moment: tells the server about the visitor here, and keeps who else says so.
// Of the moment: never queued, never repeated after a connection. Whoever ceases to say so has ceased to write.

import type { ClientFrame } from "#app/models/client-frame.ts";

/** The server forgets a writer after 10 s; a word in between keeps the notice up. */
const REPEAT_AFTER_MS = 4_000;
/** A notice whose end was lost with its writer's connection. */
const FORGET_AFTER_MS = 12_000;

export interface TypingOptions {
  /** False where it did not go out. */
  readonly send: (frame: ClientFrame) => boolean;
  readonly onOthers: (othersTyping: boolean) => void;
}

export class Typing {
  readonly #options: TypingOptions;
  readonly #others = new Map<string, ReturnType<typeof setTimeout>>();
  #saidAtMs: number | undefined;

  constructor(options: TypingOptions) {
    this.#options = options;
  }

  /** May be called at every keystroke. */
  set(isTyping: boolean): void {
    const nowMs = Date.now();
    const isSaid = this.#saidAtMs !== undefined && (!isTyping || nowMs - this.#saidAtMs < REPEAT_AFTER_MS);
    if (isTyping === isSaid) return;
    const isOut = this.#options.send({ type: "typing", state: isTyping ? "start" : "stop" });
    this.#saidAtMs = isTyping && isOut ? nowMs : undefined;
  }

  heard(connectionId: string, state: "start" | "stop"): void {
    clearTimeout(this.#others.get(connectionId));
    this.#others.delete(connectionId);
    if (state === "start") {
      this.#others.set(
        connectionId,
        setTimeout(() => this.heard(connectionId, "stop"), FORGET_AFTER_MS),
      );
    }
    this.#options.onOthers(this.#others.size > 0);
  }

  /** The connection is gone: nobody is heard of any more. */
  reset(): void {
    this.#saidAtMs = undefined;
    for (const timer of this.#others.values()) clearTimeout(timer);
    this.#others.clear();
  }
}
