// The door of administration: a bearer token from the configuration.
// Promises: without a configured token it stays shut (403), whatever is sent; a wrong one and none are 401; the comparison
// takes the same time whatever differs; an address that has failed ten times in a minute is not heard for the rest of it,
// so that guessing is no use. Nothing behind the door is kept by a cache.

import type { FastifyReply, FastifyRequest } from "fastify";
import { type ClientAddressReader, toAddressGroup } from "#app/core/client-address.ts";
import { AppError } from "#app/core/errors.ts";
import { createMemoryRateLimiter } from "#app/core/rate-limit.ts";
import { hashToken, tokenMatches } from "#app/core/secrets.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Behind the door of administration. */
    readonly isAdmin?: true;
  }
}

/** For a route's `onRequest`. */
export type AdminDoor = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

export interface AdminDoorOptions {
  readonly adminToken: string | undefined;
  readonly readClientAddress: ClientAddressReader;
}

/** What a route behind the door is registered with. */
export interface AdminRoute {
  readonly onRequest: AdminDoor;
  readonly config: { readonly isAdmin: true };
}

const FAILURES_PER_MINUTE = 10;

export function createAdminRoute({ adminToken, readClientAddress }: AdminDoorOptions): AdminRoute {
  const expected = adminToken === undefined ? undefined : hashToken(adminToken);
  // Of this instance alone: the door must open, and shut, also while Redis is away.
  const failures = createMemoryRateLimiter({
    points: FAILURES_PER_MINUTE,
    durationSeconds: 60,
    keyPrefix: "admin",
  });
  const onRequest: AdminDoor = async (request, reply) => {
    void reply.header("Cache-Control", "no-store");
    if (expected === undefined) {
      throw new AppError("forbidden", {
        message: "Nobody may do this here: set ADMIN_TOKEN to open it.",
      });
    }
    const address = readClientAddress(request.socket.remoteAddress, request.headers["x-forwarded-for"]);
    const visitor = toAddressGroup(address);
    // Takes nothing: is the address to be heard at all? Asked first, or a guess that is refused would still be a guess.
    await failures.take(visitor, 0);
    if (tokenMatches(bearerOf(request), expected)) return;
    await failures.take(visitor);
    void reply.header("WWW-Authenticate", 'Bearer realm="administration"');
    throw new AppError("unauthorized", { message: "Send the ADMIN_TOKEN as a bearer token." });
  };
  return { onRequest, config: { isAdmin: true } };
}

/** Empty where there is none; no token is. */
function bearerOf({ headers }: FastifyRequest): string {
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? "")?.[1] ?? "";
}
