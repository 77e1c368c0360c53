// A bulkhead: so many calls at once, so many in line, and the rest are refused at once instead of piling up.
// Promises: first come, first served; who leaves the line leaves his place at once; a place is given back however the
// call ends. Not cockatiel's: there a waiter who left keeps his place in the line until his turn, and a newcomer can take
// the place of the one whose turn it is, who is then refused.

export interface BulkheadOptions {
  /** For the error: what is protected. */
  readonly name: string;
  readonly maxRunning: number;
  /** 0 refuses whatever cannot start at once. */
  readonly maxWaiting: number;
}

/** Nothing was called: every place is taken, those in the line too. Trying again makes sense once a call has ended. */
export class BulkheadFullError extends Error {
  override readonly name = "BulkheadFullError";

  constructor({ name, maxRunning, maxWaiting }: BulkheadOptions) {
    super(
      `"${name}" is full, with ${maxRunning} calls running and ${maxWaiting} waiting: try again later, or call it less often`,
    );
  }
}

export class Bulkhead {
  readonly #options: BulkheadOptions;
  #running = 0;
  /** In the order they came; calling one gives it a place. */
  readonly #line = new Set<() => void>();

  constructor(options: BulkheadOptions) {
    this.#options = options;
  }

  get counts(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#line.size };
  }

  /**
   * Runs `work` as soon as there is a place for it. The signal ends the waiting; a running `work` ends itself.
   * @throws BulkheadFullError when the line is full, too
   */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#enter(signal);
    try {
      // The turn may have come in the moment of the abort.
      signal.throwIfAborted();
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#running < this.#options.maxRunning) {
      this.#running += 1;
      return;
    }
    if (this.#line.size >= this.#options.maxWaiting) throw new BulkheadFullError(this.#options);
    const turn = Promise.withResolvers<void>();
    const abort = () => {
      // Whose turn has come is not in the line any more, and has a place to give back.
      if (this.#line.delete(turn.resolve)) turn.reject(signal.reason);
    };
    this.#line.add(turn.resolve);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** The place goes from hand to hand: if it were free for a moment, a newcomer could take it. */
  #leave(): void {
    const [next] = this.#line;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#line.delete(next);
    next();
  }
}
