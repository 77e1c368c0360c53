// Whether Redis can be relied on at this moment: asked every second, whether somebody needs it or not.
// Promises: one slow answer is no outage; a change is told once. Reports every probe to the circuit, so that a Redis
// that does not answer is not asked again by everybody, and one that does is used again at once.

import { isRefusal } from "./redis-refusals.ts";
import type { CircuitBreaker } from "./resilience.ts";

export interface RedisWatchOptions {
  /** Rejects when there is no answer in time; asked for a write where one was refused. */
  readonly probe: (withWrite: boolean) => Promise<unknown>;
  readonly breaker?: CircuitBreaker | undefined;
  readonly isUp: boolean;
}

/** Told after each change; `downMs`: how long it was away. Must not throw. */
type ChangeListener = (change: {
  readonly isUp: boolean;
  readonly downMs: number;
  readonly reason: string;
}) => void;

const PROBE_EVERY_MS = 1_000;
/** So many probes in a row have to fail. */
const FAILED_PROBES = 2;
const NEVER = new AbortController().signal;

export class RedisWatch {
  readonly #options: RedisWatchOptions;
  readonly #listeners: ChangeListener[] = [];
  readonly #timer: NodeJS.Timeout;
  #isUp: boolean;
  #failedProbes = 0;
  #changedAtMs = performance.now();
  #wasDown: boolean;
  #isRefusing = false;
  #isSuspected = false;
  #reason = "away";

  constructor(options: RedisWatchOptions) {
    this.#options = options;
    this.#isUp = options.isUp;
    this.#wasDown = !options.isUp;
    // Until a probe has been answered.
    this.#failedProbes = options.isUp ? 0 : 1;
    this.#timer = setInterval(() => void this.#probe(), PROBE_EVERY_MS);
    this.#timer.unref();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Milliseconds since the end of the last outage: 0 during one, Infinity before the first. */
  get sinceOutageMs(): number {
    if (!this.#isUp) return 0;
    return this.#wasDown ? performance.now() - this.#changedAtMs : Number.POSITIVE_INFINITY;
  }

  onChange(listener: ChangeListener): void {
    this.#listeners.push(listener);
  }

  /** A command was not answered, or was refused though Redis answers. */
  report(error: Error): void {
    if (this.#isUp) this.#reason = reasonOf(error);
    if (isRefusal(error)) {
      this.#isRefusing = true;
      this.#settle();
      return;
    }
    void this.#options.breaker?.run(() => Promise.reject(error), NEVER).catch(() => this.#settle());
  }

  /** Somebody's write was refused, in a way over to another primary or for good: the next probe asks for one. */
  suspect(): void {
    this.#isSuspected = true;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #probe(): Promise<void> {
    const { breaker } = this.#options;
    // An open circuit spares the callers, not this: the first answer closes it, not the end of its pause.
    const isCut = breaker !== undefined && breaker.state !== "closed";
    try {
      await (breaker && !isCut ? breaker.run(() => this.#ask(), NEVER) : this.#ask());
      this.#failedProbes = 0;
      if (isCut) breaker.reset();
    } catch (error) {
      this.#failedProbes += 1;
      if (this.#isUp) this.#reason = reasonOf(error);
    }
    this.#settle();
  }

  /** A refusal is an answer: what can be read shall be read. */
  async #ask(): Promise<void> {
    const wasSuspected = this.#isSuspected;
    const withWrite = this.#isRefusing || wasSuspected;
    this.#isSuspected = false;
    try {
      await this.#options.probe(withWrite);
      if (withWrite) this.#isRefusing = false;
    } catch (error) {
      if (!isRefusal(error)) {
        this.#isSuspected ||= wasSuspected;
        throw error;
      }
      if (this.#isUp) this.#reason = reasonOf(error);
      this.#isRefusing ||= withWrite;
    }
  }

  #settle(): void {
    const isCut = (this.#options.breaker?.state ?? "closed") !== "closed";
    const isAway = this.#isUp ? this.#failedProbes >= FAILED_PROBES : this.#failedProbes > 0;
    const isUp = !isCut && !isAway && !this.#isRefusing;
    if (isUp === this.#isUp) return;
    const now = performance.now();
    const downMs = isUp ? Math.round(now - this.#changedAtMs) : 0;
    this.#isUp = isUp;
    this.#wasDown = true;
    this.#changedAtMs = now;
    for (const listener of this.#listeners) listener({ isUp, downMs, reason: this.#reason });
  }
}

/** A word for a refusal, for the rest what was said of the connection. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "away";
  return isRefusal(error) ? (error.message.split(" ", 1)[0] ?? "refused") : error.message;
}
