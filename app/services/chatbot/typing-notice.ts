// Whether one connection's visitor is writing, as the others are told: when it changes, and while it lasts at most once
// in a few seconds. Ends by itself for a client that never says so.

type TypingState = "start" | "stop";

/** A client that repeats itself is passed on no oftener. */
const REPEAT_AFTER_MS = 3_000;
/** Nobody writes for so long without a word to the server. */
const FORGET_AFTER_MS = 10_000;

export class TypingNotice {
  readonly #tell: (state: TypingState) => void;
  #toldAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (state: TypingState) => void) {
    this.#tell = tell;
  }

  set(state: TypingState): void {
    const isTyping = this.#timer !== undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (state === "start") {
      this.#timer = setTimeout(() => this.set("stop"), FORGET_AFTER_MS);
      this.#timer.unref();
      const now = performance.now();
      if (isTyping && now - this.#toldAt < REPEAT_AFTER_MS) return;
      this.#toldAt = now;
    } else if (!isTyping) return;
    this.#tell(state);
  }
}
