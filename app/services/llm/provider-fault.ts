// What went wrong with a provider, as facts that retry and breaker decide by, and as the error that a visitor sees.
// Promises: nothing a provider wrote is kept but its code, where that is a plain word, because its messages repeat
// prompts and keys.

import { AppError, type ErrorCode } from "#app/core/errors.ts";

export interface FaultFacts {
  /** Whether the same request may succeed in a moment. */
  readonly transient: boolean;
  /** Whether it says that the provider is ill, and not that this request was refused. */
  readonly counts: boolean;
  readonly status?: number | undefined;
  /** The provider's own word for it, such as `rate_limit_exceeded`. */
  readonly providerCode?: string | undefined;
  /** The provider's id of the request: what its support asks for. */
  readonly providerRequestId?: string | undefined;
  /** What the provider asked for. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** The cause of an AppError of a provider. Goes to the log, never to a visitor. */
export class ProviderFault extends Error {
  override readonly name = "ProviderFault";
  readonly transient: boolean;
  readonly counts: boolean;
  readonly status: number | undefined;
  readonly providerCode: string | undefined;
  readonly providerRequestId: string | undefined;

  constructor(message: string, facts: FaultFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.transient = facts.transient;
    this.counts = facts.counts;
    this.status = facts.status;
    this.providerCode = facts.providerCode;
    this.providerRequestId = facts.providerRequestId;
  }
}

/** The provider is ill, and may be well again in a moment: refused connections, resets, streams that make no sense. */
export function sickness(message: string, cause?: unknown): AppError {
  return modelError("llm_unavailable", message, { transient: true, counts: true, cause });
}

/** A deadline has passed. `transient` unless there is no sense in waiting as long again. */
export function lateness(message: string, transient = true): AppError {
  return modelError("llm_timeout", message, { transient, counts: true });
}

export function modelError(code: ErrorCode, message: string, facts: FaultFacts): AppError {
  const { retryAfterMs } = facts;
  return new AppError(code, {
    cause: new ProviderFault(message, facts),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** The facts of an error, if it came from a provider. */
export function faultOf(error: unknown): ProviderFault | undefined {
  return error instanceof AppError && error.cause instanceof ProviderFault ? error.cause : undefined;
}
