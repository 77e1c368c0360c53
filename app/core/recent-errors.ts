// The last errors of our side, for whoever looks for what went wrong tonight.
// Promises: at most 50, and of each the code, where and when: no message, because a message may hold a visitor's text.

import { ERROR_TABLE, type ErrorCategory, type ErrorCode, isErrorCode } from "./errors.ts";

export interface RecentError {
  readonly code: ErrorCode;
  readonly category: ErrorCategory;
  /** The route's pattern, never the address that was asked for; `run` for a reply. */
  readonly route: string;
  /** ISO 8601. */
  readonly at: string;
  /** Of the request, the frame or the run. */
  readonly requestId: string;
}

const MAX_ERRORS = 50;
/** Refusals, not faults: a full or stopping instance gives thousands of them. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["overloaded", "draining"]);

/** A code of the table that says that our side failed: what a visitor did wrong is not an error here. */
export function isOurError(code: unknown): code is ErrorCode {
  if (!isErrorCode(code)) return false;
  return ERROR_TABLE[code].status >= 500 && !REFUSALS.has(code);
}

export class RecentErrors {
  readonly #errors: RecentError[] = [];

  add(code: ErrorCode, route: string, requestId: string): void {
    const { category } = ERROR_TABLE[code];
    this.#errors.push({ code, category, route, at: new Date().toISOString(), requestId });
    if (this.#errors.length > MAX_ERRORS) this.#errors.shift();
  }

  /** Newest first. */
  list(): readonly RecentError[] {
    return this.#errors.toReversed();
  }
}
