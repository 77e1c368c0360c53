// When to come back after a connection has ended: pure decisions, no timers, no sockets.
// The close code's range instructs (protocol 2.3); without an instruction the wait grows with full jitter.

import { defined } from "./defined.ts";

export type AfterClose =
  /** Come back by yourself; `afterMs` where the server named a time. */
  | { readonly type: "retry"; readonly afterMs?: number }
  /** Come back when the visitor does something. */
  | { readonly type: "pause" }
  /** Do not come back; `code` of the protocol's error table says why. */
  | { readonly type: "stop"; readonly code: string };

export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { baseMs: 500, capMs: 20_000 };

const IDLE_TTL_EXPIRED = 4505;

const STOPPED_BECAUSE: Readonly<Record<number, string>> = {
  4500: "invalid_frame",
  4501: "unauthorized",
  4503: "forbidden",
  4504: "overloaded",
  4506: "conversation_not_found",
  4508: "unauthorized",
};

/** What a close code of an established connection asks for. `announcedMs`: from a `draining` frame before it. */
export function decideAfterClose(code: number, announcedMs: number | undefined): AfterClose {
  if (code === IDLE_TTL_EXPIRED) return { type: "pause" };
  if (code >= 4500 && code <= 4999) return { type: "stop", code: STOPPED_BECAUSE[code] ?? "forbidden" };
  return defined({ type: "retry", afterMs: announcedMs });
}

/**
 * What the status of `GET /api/v1/personas/{id}` says about an upgrade that failed: a browser cannot read the
 * upgrade's own answer.
 * @param retryAfter the `Retry-After` header: seconds or an HTTP date (RFC 9110, 10.2.3)
 */
export function decideAfterProbe(status: number, retryAfter: string | null, nowMs: number): AfterClose {
  if (status === 401) return { type: "stop", code: "unauthorized" };
  if (status === 403) return { type: "stop", code: "forbidden" };
  const afterMs = retryAfter === null ? undefined : toWaitMs(retryAfter, nowMs);
  return defined({ type: "retry", afterMs });
}

function toWaitMs(retryAfter: string, nowMs: number): number | undefined {
  if (/^\d{1,9}$/.test(retryAfter.trim())) return Number(retryAfter) * 1000;
  const at = Date.parse(retryAfter);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

/**
 * Full jitter: anywhere between nothing and the doubled wait, so that a thousand clients do not come back as one
 * (Brooker, "Exponential Backoff and Jitter").
 * @param random a number from 0 to 1
 */
export function backoffMs(
  attempt: number,
  random: number,
  { baseMs, capMs }: Backoff = DEFAULT_BACKOFF,
): number {
  return Math.round(random * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 16)));
}
