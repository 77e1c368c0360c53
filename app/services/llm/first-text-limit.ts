// The time that a model has to its first text, as one signal for its whole call.
// Promises: over, the call is aborted with `llm_timeout`; a model that speaks or thinks in time is never aborted by it.
// A provider's own client should give up first, so that its breaker hears of it: the limit waits a little longer.

import { AppError } from "#app/core/errors.ts";
import type { FirstText } from "./client.ts";

/** For a client that gives up by itself at the same instant, on a loaded machine. */
const GRACE_MS = 250;

export class FirstTextLimit {
  readonly firstText: FirstText;
  /** Aborts with the caller's signal, and when the time is over. */
  readonly signal: AbortSignal;
  readonly #caller: AbortSignal;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  /** @param hasSpoken asked once, when the time is over: the first text itself costs nothing */
  constructor(ms: number, hasSubstitute: boolean, caller: AbortSignal, hasSpoken: () => boolean) {
    this.#caller = caller;
    this.signal = this.#controller.signal;
    this.#timer = setTimeout(() => {
      if (!hasSpoken()) this.#controller.abort(new AppError("llm_timeout"));
    }, ms + GRACE_MS);
    this.firstText = {
      dueAtMs: performance.now() + ms,
      hasSubstitute,
      onThought: () => clearTimeout(this.#timer),
    };
    if (caller.aborted) this.#follow();
    else caller.addEventListener("abort", this.#follow, { once: true });
  }

  /** The call has ended. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener("abort", this.#follow);
  }

  readonly #follow = (): void => this.#controller.abort(this.#caller.reason);
}
