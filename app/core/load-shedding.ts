// Whether newcomers are taken: not while the process itself is ill, so that those who are here are served to the end.
// Promises: what is open goes on; each reason is taken back by whoever gave it. Does not watch anything itself.

import { AppError } from "./errors.ts";

const RETRY_MS = 10_000;
/** So that those who were refused do not all come back in one instant. */
const SPREAD_MS = 10_000;

export class LoadShedding {
  readonly #reasons = new Set<string>();

  /** Why newcomers are refused; empty: they are not. */
  get reasons(): readonly string[] {
    return [...this.#reasons];
  }

  begin(reason: string): void {
    this.#reasons.add(reason);
  }

  end(reason: string): void {
    this.#reasons.delete(reason);
  }

  /** Before a new connection or a request for a reply. @throws AppError `overloaded` */
  assertRoom(): void {
    if (this.#reasons.size === 0) return;
    throw new AppError("overloaded", { retryAfterMs: Math.round(RETRY_MS + Math.random() * SPREAD_MS) });
  }
}
