// What pages of other origins may ask of us (Fetch standard, "HTTP extensions"; RFC 6454).
// Promises: only origins of ALLOWED_ORIGINS, matched exactly, and pages of our own host. Every other one is refused with
// 403, but for reading what is public, which its browser then keeps from it. Never with credentials: a cookie proves
// nothing here, the token of a conversation does.

import type { FastifyInstance } from "fastify";
import { AppError } from "#app/core/errors.ts";
import { isOriginAllowed } from "#app/core/origin.ts";

/** What a browser need not ask for again, in seconds. */
const PREFLIGHT_MAX_AGE_SECONDS = 600;

const PREFLIGHT_HEADERS = {
  "access-control-allow-methods": "GET, POST, DELETE",
  "access-control-allow-headers": "content-type, x-resume-token, last-event-id, x-connection-id",
  "access-control-max-age": String(PREFLIGHT_MAX_AGE_SECONDS),
} as const;

export interface SharedRoutes {
  readonly allowedOrigins: readonly string[];
  /** What a page may ask about beforehand. */
  readonly patterns: readonly string[];
  /** The same for everybody, and nobody's secret. */
  readonly isPublic: boolean;
}

/** For the routes of this scope that are registered after it. */
export function shareWithOrigins(
  scope: FastifyInstance,
  { allowedOrigins, patterns, isPublic }: SharedRoutes,
): void {
  scope.addHook("onRequest", async ({ headers }, reply) => {
    const { origin, host } = headers;
    if (origin === undefined) return;
    if (!isOriginAllowed(origin, host, allowedOrigins)) {
      if (isPublic) return;
      throw new AppError("origin_not_allowed");
    }
    void reply.headers({
      "access-control-allow-origin": origin,
      "access-control-expose-headers": "retry-after, x-request-id",
    });
  });
  scope.addHook("onSend", async (_request, reply) => {
    const vary = reply.getHeader("vary");
    void reply.header("vary", vary === undefined ? "Origin" : `${String(vary)}, Origin`);
  });
  for (const pattern of patterns) {
    scope.options(pattern, (_request, reply) => reply.code(204).headers(PREFLIGHT_HEADERS).send());
  }
}
