// Notices when this process itself stood still: a busy event loop, a suspended machine.
// Not perf_hooks' monitorEventLoopDelay: that one misses a stall which begins before its first sample after a reset.

const TICK_MS = 250;

export class StallWatch {
  #timer: NodeJS.Timeout | undefined;
  #tickedAtMs = performance.now();
  #longestMs = 0;

  start(): void {
    this.#tickedAtMs = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Milliseconds of the longest stall since the last call, one that has only just ended included. */
  takeLongestMs(): number {
    this.#tick();
    const longestMs = this.#longestMs;
    this.#longestMs = 0;
    return longestMs;
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#tickedAtMs - TICK_MS);
    this.#tickedAtMs = nowMs;
  }
}
