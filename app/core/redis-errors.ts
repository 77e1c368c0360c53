// What Redis, its client and our scripts throw, as errors of the product.
// Promises: `storage_unavailable` for everything of which nobody can say whether it happened; no key, argument or
// password in any message, which ioredis would hand on with its errors.

import { AppError, isErrorCode } from "./errors.ts";

/** First word of an error that a script of ours makes; the second one is a code of the table. */
export const SCRIPT_ERROR_PREFIX = "PARLEY";

/** A write that came before the one it follows; {@link ScriptRunner} sends it again where that was lost to NOSCRIPT. */
export const OUT_OF_ORDER = "out_of_order";

const RETRY_AFTER_MS = 1_000;
/** How a fault in one of our scripts looks, as against one of the server's state. */
const SCRIPT_FAULT = /^(?:ERR|WRONGTYPE)\b.*(?:user_script|script:)/s;

/** Any error of a call to Redis. Its cause is a fresh error: ioredis hangs the command and its arguments on its own. */
export function toRedisError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const cause = withoutParticulars(error);
  const [prefix, code = ""] = cause.message.split(" ", 2);
  if (prefix === SCRIPT_ERROR_PREFIX) {
    if (!isErrorCode(code)) return new AppError("internal_error", { cause });
    return new AppError(code, code === "internal_error" ? { cause } : {});
  }
  if (SCRIPT_FAULT.test(cause.message)) return new AppError("internal_error", { cause });
  return new AppError("storage_unavailable", { retryAfterMs: RETRY_AFTER_MS, cause });
}

/** The message alone, cut before the arguments that Redis repeats in it. */
export function withoutParticulars(error: unknown): Error {
  const message = error instanceof Error ? error.message : "unknown error";
  const clean = new Error(message.replace(/,? with args beginning with.*$/s, "").slice(0, 300));
  clean.name = "RedisError";
  return clean;
}

export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}

export function isOutOfOrder(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith(`${SCRIPT_ERROR_PREFIX} ${OUT_OF_ORDER}`);
}

/** The command was not carried out, for sure, and has not used up its time: it was not sent, or a replica refused it. */
export function wasNotCarriedOut(error: unknown): boolean {
  return error instanceof Error && /^(?:READONLY|LOADING|Stream isn't writeable)/.test(error.message);
}
