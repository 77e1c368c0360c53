// How long a provider may take for each step of an answer. Every wait on the network has one of these.

export interface Deadlines {
  /** Until the connection stands, TLS included. */
  readonly connectMs: number;
  /** From then until the response headers. */
  readonly headersMs: number;
  /** From then until the first text for the visitor. Keep-alives and chunks that only name a role do not count. */
  readonly firstContentMs: number;
  /** Between two texts; a model that thinks aloud is held to this one instead of `firstContentMs`. */
  readonly idleMs: number;
  /** For everything together. */
  readonly totalMs: number;
  /** After the end of the text has been told: usage and the stream's own end. Passing it is no failure. */
  readonly trailerMs: number;
}

export const DEFAULT_DEADLINES: Deadlines = {
  connectMs: 5_000,
  headersMs: 15_000,
  firstContentMs: 20_000,
  idleMs: 30_000,
  totalMs: 180_000,
  trailerMs: 1_000,
};

/** One timer for limits that move with every delta: moving one costs a comparison when it fires, not a timer. */
export class Watchdog {
  readonly #onExpired: () => void;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;

  constructor(onExpired: () => void) {
    this.#onExpired = onExpired;
  }

  /** Sets the limit anew. One that is nearer than before takes effect, too. */
  limit(ms: number): void {
    const dueAt = performance.now() + ms;
    if (this.#timer === undefined || dueAt < this.#dueAt) this.#arm(ms);
    this.#dueAt = dueAt;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dueAt = 0;
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fire(), Math.ceil(ms));
  }

  #fire(): void {
    const leftMs = this.#dueAt - performance.now();
    if (leftMs > 0) {
      this.#arm(leftMs);
    } else {
      this.stop();
      this.#onExpired();
    }
  }
}
