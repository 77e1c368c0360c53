// What of a call to Redis surely did not happen: it was refused, or never sent. Of everything else nobody can say.

import type { AppError } from "./errors.ts";
import { wasNotCarriedOut } from "./redis-errors.ts";
import { CircuitOpenError } from "./resilience.ts";

/** Redis answers, and takes no writes: it is full, a replica, or cannot keep what it is given. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && /^(?:OOM|READONLY|MISCONF|NOREPLICAS)\b/.test(error.message);
}

/** Of an error as `toRedisError` makes it. */
export function surelyNothingHappened({ cause }: AppError): boolean {
  return cause instanceof CircuitOpenError || isRefusal(cause) || wasNotCarriedOut(cause);
}
