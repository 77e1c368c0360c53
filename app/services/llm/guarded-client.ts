// Puts retry and a circuit breaker around a model's client, and a bulkhead around both where one is given.
// Promises: nothing is tried again once a word has been said, so a visitor never gets two beginnings; a stream that dies
// after its first word still counts against the provider; a visitor who stops does not.

import type { Bulkhead } from "#app/core/bulkhead.ts";
import { AppError } from "#app/core/errors.ts";
import type { Logger } from "#app/core/logging.ts";
import { type CircuitBreaker, CircuitOpenError, type RetryOptions, resilient } from "#app/core/resilience.ts";
import { createBoundedClient } from "./bounded-client.ts";
import type { ChatModelClient, ChatModelRequest } from "./client.ts";
import { faultOf } from "./provider-fault.ts";

export interface GuardOptions {
  readonly breaker: CircuitBreaker;
  readonly retry: Pick<RetryOptions, "maxAttempts" | "waitMinMs" | "waitMaxMs" | "random">;
  readonly logger: Logger;
  /** How many calls may be under way, and in line; without one, any number. */
  readonly bulkhead?: Bulkhead;
}

/** Less is no chance, and would be held against the provider. */
const SHORTEST_ATTEMPT_MS = 1_000;

export function createGuardedClient(client: ChatModelClient, options: GuardOptions): ChatModelClient {
  const { breaker, bulkhead } = options;
  const guarded = guard(client, options);
  return bulkhead ? createBoundedClient(guarded, { bulkhead, breaker }) : guarded;
}

function guard(client: ChatModelClient, { breaker, retry, logger }: GuardOptions): ChatModelClient {
  const { provider } = client;
  return {
    provider,
    async stream(request, onDelta, signal) {
      // A silent provider would keep all who come during its probe waiting, once a minute, for as long as the outage lasts.
      if (request.firstText?.hasSubstitute && breaker.state === "half-open")
        throw toUnavailable(new CircuitOpenError(breaker.name, 0));
      let spoke = false;
      const onRetry: RetryOptions["onRetry"] = ({ error, ...facts }) =>
        logger.warn({ provider, circuit: breaker.name, ...facts, ...describe(error) }, "llm_call_retry");
      const isRetryable = (error: unknown) =>
        !spoke && isWorthAnotherTry(error, retry.waitMaxMs) && hasTimeFor(request, error, retry.waitMinMs);
      try {
        // No time-out here: a stream has deadlines of its own (deadlines.ts), one for each of its stages.
        return await resilient(
          ({ alive }) => {
            const say = (delta: string) => {
              if (!spoke) alive();
              spoke = true;
              onDelta(delta);
            };
            return client.stream(request, say, signal);
          },
          { breaker, retry: { ...retry, isRetryable, retryAfterMsOf, onRetry }, signal },
        );
      } catch (error) {
        throw error instanceof CircuitOpenError ? toUnavailable(error) : error;
      }
    },
  };
}

/** Whether an error says that the provider is ill: what a breaker counts. */
export function isProviderFailure(error: unknown): boolean {
  return faultOf(error)?.counts ?? false;
}

/** A provider that wants to be left alone for longer than we may wait is not asked again; the visitor hears when. */
function isWorthAnotherTry(error: unknown, waitMaxMs: number): boolean {
  return (faultOf(error)?.transient ?? false) && (retryAfterMsOf(error) ?? 0) <= waitMaxMs;
}

/** Whether a pause and another attempt fit into what somebody who could answer instead still waits. */
function hasTimeFor({ firstText }: ChatModelRequest, error: unknown, waitMinMs: number): boolean {
  if (firstText === undefined) return true;
  const pauseMs = Math.max(retryAfterMsOf(error) ?? 0, waitMinMs);
  return performance.now() + pauseMs + SHORTEST_ATTEMPT_MS < firstText.dueAtMs;
}

function retryAfterMsOf(error: unknown): number | undefined {
  return error instanceof AppError ? error.retryAfterMs : undefined;
}

function toUnavailable(error: CircuitOpenError): AppError {
  return new AppError("llm_unavailable", { cause: error, retryAfterMs: error.retryAfterMs });
}

function describe(error: unknown): object {
  const fault = faultOf(error);
  if (!(error instanceof AppError) || fault === undefined) return {};
  const { status, providerCode, providerRequestId, message: reason } = fault;
  return { code: error.code, status, providerCode, providerRequestId, reason };
}
