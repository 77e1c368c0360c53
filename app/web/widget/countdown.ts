// Counts whole seconds down to a moment, and says each of them once. Runs only while there is something to wait for.

const TICK_MS = 250;

export class Countdown {
  readonly #onSeconds: (seconds: number) => void;
  #reason: unknown;
  #untilMs = 0;
  #said = -1;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(onSeconds: (seconds: number) => void) {
    this.#onSeconds = onSeconds;
  }

  /** Waits for `afterMs` from now; the same reason again goes on where it is. */
  aim(reason: unknown, afterMs: number | undefined): void {
    if (reason === this.#reason && reason !== undefined) return;
    this.aimAt(reason, afterMs === undefined ? 0 : Date.now() + afterMs);
  }

  aimAt(reason: unknown, untilMs: number): void {
    this.stop();
    this.#reason = reason;
    this.#untilMs = untilMs;
    this.#said = -1;
    if (untilMs > Date.now()) this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#reason = undefined;
  }

  #tick(): void {
    const seconds = Math.max(0, Math.ceil((this.#untilMs - Date.now()) / 1000));
    if (seconds === 0) clearInterval(this.#timer);
    if (seconds === this.#said) return;
    this.#said = seconds;
    this.#onSeconds(seconds);
  }
}
