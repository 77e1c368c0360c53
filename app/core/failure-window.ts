// The memory of a circuit breaker: which of the last calls failed.
// Promises: bounded by count and by age; counts outcomes and nothing else. Does not open or close anything.

/**
 * Full at `threshold` failures among the last 2 × threshold outcomes. Not a count of consecutive failures, which "every
 * second stream dies" never fills; not a bare count, which a busy hour with one failure in a hundred fills.
 */
export class FailureWindow {
  readonly #threshold: number;
  readonly #windowMs: number;
  #outcomes: { readonly failed: boolean; readonly at: number }[] = [];

  /** @param windowMs outcomes older than this are forgotten */
  constructor(threshold: number, windowMs: number) {
    this.#threshold = threshold;
    this.#windowMs = windowMs;
  }

  /** Failures that are remembered. */
  get failures(): number {
    const since = Date.now() - this.#windowMs;
    return this.#outcomes.filter(({ failed, at }) => failed && at > since).length;
  }

  get isFull(): boolean {
    return this.failures >= this.#threshold;
  }

  add(failed: boolean): void {
    this.#outcomes.push({ failed, at: Date.now() });
    if (this.#outcomes.length > 2 * this.#threshold) this.#outcomes.shift();
  }

  clear(): void {
    this.#outcomes = [];
  }
}
