// An error as HTTP tells it: the JSON body and the Retry-After header (protocol, section 4).
// Promises: nothing but the error's public fields leaves the house; no cause, no stack.

import type { AppError, ErrorCategory, ErrorCode } from "./errors.ts";

export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly category: ErrorCategory;
    readonly retryable: boolean;
    readonly retryAfterMs?: number;
    readonly requestId: string;
    readonly details?: unknown;
  };
}

/** For an answer that must carry Retry-After while the error names no time. */
const DEFAULT_RETRY_AFTER_SECONDS = 1;

export function toErrorBody(error: AppError, requestId: string): ErrorBody {
  const { code, message, category, retryable, retryAfterMs, details } = error;
  return {
    error: {
      code,
      message,
      category,
      retryable,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      requestId,
      ...(details === undefined ? {} : { details }),
    },
  };
}

/** Whole seconds for a Retry-After header (RFC 9110, 10.2.3), rounded up; undefined where none belongs. */
export function toRetryAfterSeconds(error: AppError): number | undefined {
  if (error.retryAfterMs !== undefined) return Math.max(1, Math.ceil(error.retryAfterMs / 1000));
  return error.status === 429 || error.status === 503 ? DEFAULT_RETRY_AFTER_SECONDS : undefined;
}
