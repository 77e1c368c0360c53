// The last so many durations, and what they were like: a bounded reservoir for percentiles.
// Promises: memory for `size` numbers, however many come. Not a histogram over a process's life: metrics are.

export interface Percentiles {
  /** Durations these are taken from. */
  readonly count: number;
  /** Milliseconds; null where there is no duration. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

const DEFAULT_SIZE = 1_024;

export class LatencyWindow {
  readonly #size: number;
  readonly #valuesMs: number[] = [];
  #next = 0;

  constructor(size = DEFAULT_SIZE) {
    this.#size = size;
  }

  /** The oldest one leaves when there is no room. */
  add(durationMs: number): void {
    this.#valuesMs[this.#next] = durationMs;
    this.#next = (this.#next + 1) % this.#size;
  }

  percentiles(): Percentiles {
    const sorted = this.#valuesMs.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? null;
    return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  }
}
