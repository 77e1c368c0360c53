// Puts a bulkhead around a model's client: so many calls under way, as many in line, and the rest step down at once.
// Promises: a call has one place until the model's last word, retries included; who stops, or whose time to a first word is
// over, leaves the line at once; neither waiting nor being refused is held against the provider, billed or tried again.

import { type Bulkhead, BulkheadFullError } from "#app/core/bulkhead.ts";
import { AppError } from "#app/core/errors.ts";
import { type CircuitBreaker, CircuitOpenError, resilient } from "#app/core/resilience.ts";
import type { ChatModelClient, ChatModelRequest } from "./client.ts";

export interface BoundOptions {
  readonly bulkhead: Bulkhead;
  /** The one that the client asks: nobody shall wait for a place at a model that takes no calls. */
  readonly breaker: CircuitBreaker;
}

/** A reply takes some seconds; who comes back then may find a place. */
const FULL_RETRY_MS = 5_000;
/** Less is no chance for a first word, and would be billed. */
const SHORTEST_CALL_MS = 1_000;

export function createBoundedClient(client: ChatModelClient, options: BoundOptions): ChatModelClient {
  const { bulkhead, breaker } = options;
  return {
    provider: client.provider,
    async stream(request, onDelta, signal) {
      assertNotOpen(breaker);
      const cameAtMs = performance.now();
      const inTurn = () => {
        const asked = lateBy(request, performance.now() - cameAtMs);
        request.onLine?.(false);
        return client.stream(asked, onDelta, signal);
      };
      request.onLine?.(true);
      try {
        return await resilient(inTurn, { bulkhead, signal });
      } catch (error) {
        if (!(error instanceof BulkheadFullError)) throw error;
        throw new AppError("llm_unavailable", { cause: error, retryAfterMs: FULL_RETRY_MS });
      }
    },
  };
}

function assertNotOpen(breaker: CircuitBreaker): void {
  const { state, retryAfterMs = 0 } = breaker.status;
  if (state !== "open" || retryAfterMs === 0) return;
  throw new AppError("llm_unavailable", {
    cause: new CircuitOpenError(breaker.name, retryAfterMs),
    retryAfterMs,
  });
}

/**
 * The request as it is after `waitedMs` in line. The client, and with it the breaker, counts the whole time from the call's
 * turn on; whoever waits for the first word counts from the beginning, and gives up first: that is an abort, which says
 * nothing about the provider.
 * @throws AppError `llm_timeout` where the line has left too little of the time
 */
function lateBy(request: ChatModelRequest, waitedMs: number): ChatModelRequest {
  const { firstText } = request;
  if (firstText === undefined) return request;
  const leftMs = firstText.dueAtMs - performance.now();
  if (leftMs < Math.min(SHORTEST_CALL_MS, waitedMs)) throw new AppError("llm_timeout");
  return { ...request, firstText: { ...firstText, dueAtMs: firstText.dueAtMs + waitedMs } };
}
