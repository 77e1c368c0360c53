// How many runs may be under way at once: on this instance, and for one visitor. Who has no place yet waits; the
// message is stored already, so nothing is lost by waiting.
// Promises: places are given in the order of asking, but a visitor whose own places are taken holds up nobody else.

import { AppError } from "#app/core/errors.ts";

export interface RunAdmissionOptions {
  readonly maxRuns: number;
  readonly maxRunsPerVisitor: number;
  /** Runs that may wait for a place; beyond that new messages are refused before they are stored. */
  readonly maxWaiting: number;
  /** Told of each such refusal. */
  readonly onRefused?: () => void;
}

interface Waiter {
  readonly visitor: string;
  readonly admit: (leave: () => void) => void;
}

const BUSY_RETRY_MS = 5_000;

export class RunAdmission {
  readonly #options: RunAdmissionOptions;
  readonly #byVisitor = new Map<string, number>();
  readonly #waiting = new Set<Waiter>();
  #running = 0;

  constructor(options: RunAdmissionOptions) {
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Before a message is stored: is there any sense in it? @throws AppError `overloaded` */
  assertRoom(): void {
    if (this.#waiting.size >= this.#options.maxWaiting) {
      this.#options.onRefused?.();
      throw new AppError("overloaded", { retryAfterMs: BUSY_RETRY_MS });
    }
  }

  /**
   * Waits for a place. Call the result once, when the run is over.
   * Rejects with the signal's reason when that is aborted first.
   */
  async enter(visitor: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#hasPlace(visitor)) return this.#take(visitor);
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const waiter: Waiter = { visitor, admit: resolve };
    const giveUp = (): void => {
      this.#waiting.delete(waiter);
      reject(signal.reason);
    };
    this.#waiting.add(waiter);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  #hasPlace(visitor: string): boolean {
    const { maxRuns, maxRunsPerVisitor } = this.#options;
    return this.#running < maxRuns && (this.#byVisitor.get(visitor) ?? 0) < maxRunsPerVisitor;
  }

  #take(visitor: string): () => void {
    this.#running += 1;
    this.#byVisitor.set(visitor, (this.#byVisitor.get(visitor) ?? 0) + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#leave(visitor);
    };
  }

  #leave(visitor: string): void {
    this.#running -= 1;
    const others = (this.#byVisitor.get(visitor) ?? 1) - 1;
    if (others > 0) this.#byVisitor.set(visitor, others);
    else this.#byVisitor.delete(visitor);
    for (const waiter of this.#waiting) {
      if (this.#running >= this.#options.maxRuns) return;
      if (!this.#hasPlace(waiter.visitor)) continue;
      this.#waiting.delete(waiter);
      waiter.admit(this.#take(waiter.visitor));
    }
  }
}
