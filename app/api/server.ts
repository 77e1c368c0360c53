// The HTTP server: its limits, its one form of errors, and everything that answers on it. Does not listen yet.

import { randomUUID } from "node:crypto";
import { type FastifyInstance, type FastifyRequest, fastify } from "fastify";
import type { Circuits } from "#app/core/circuits.ts";
import type { ClientAddressReader } from "#app/core/client-address.ts";
import { AppError } from "#app/core/errors.ts";
import type { Logger } from "#app/core/logging.ts";
import type { Metrics } from "#app/core/metrics.ts";
import { isOriginAllowed } from "#app/core/origin.ts";
import type { VisitorReader } from "#app/core/visitor.ts";
import { MAX_FRAME_BYTES } from "#app/core/websocket.ts";
import type { Conversations } from "#app/services/chatbot/conversations.ts";
import type { PersonaRegistry } from "#app/services/chatbot/persona-registry.ts";
import type { Operations } from "#app/services/health/operations.ts";
import { createAdminRoute } from "./admin.ts";
import { createUnroutableHandler, registerErrorForm } from "./http-errors.ts";
import { registerMetrics } from "./metrics.ts";
import { registerPages } from "./pages.ts";
import type { ChatLimits } from "./v1/endpoints/chat.ts";
import type { EventStreams } from "./v1/endpoints/event-streams.ts";
import { type HealthReport, registerHealth } from "./v1/endpoints/health.ts";
import { notePublicGets } from "./v1/endpoints/public-gets.ts";
import { type OperationsOptions, registerV1 } from "./v1/router.ts";

export interface ServerOptions {
  readonly allowedOrigins: readonly string[];
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly metricsToken: string | undefined;
  readonly registry: PersonaRegistry;
  readonly conversations: Conversations;
  readonly limits: ChatLimits;
  readonly readClientAddress: ClientAddressReader;
  readonly visitorOf: VisitorReader;
  readonly health: () => HealthReport;
  readonly adminToken: string | undefined;
  readonly operations: Operations;
  readonly circuits: Circuits;
  readonly idleTtlMs: number;
  readonly messagesPerMinute: number;
  readonly streams: EventStreams;
  /** A place among the connections, sockets included. @throws AppError `draining`, `overloaded`, `rate_limited` */
  readonly takePlace: (address: string) => () => void;
}

export function buildServer(options: ServerOptions): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: MAX_FRAME_BYTES,
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: 64 },
    frameworkErrors: createUnroutableHandler(options),
    forceCloseConnections: "idle",
    // Any other `Upgrade:` header, such as h2c, is left to HTTP, as RFC 9110 (7.8) allows.
    http: { shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket" },
  });
  registerErrorForm(server, options);
  const publicRoutes = notePublicGets(server);
  server.addHook("onRequest", async (request, reply) => {
    void reply.header("X-Request-Id", request.id).header("X-Content-Type-Options", "nosniff");
    assertMayAct(request, options.allowedOrigins);
  });
  registerMetrics(server, options);
  registerPages(server);
  registerHealth(server, options.health);
  registerV1(server, {
    ...options,
    addressOf: (request) => addressOf(request, options),
    take: (request) => takeMessage(request, options),
    takeRequest: (address) => options.limits.frame.take(`http ${address}`),
    assertRoom: () => options.operations.shedding.assertRoom(),
    operations: forOperators(options, publicRoutes),
  });
  return server;
}

function forOperators(options: ServerOptions, publicRoutes: () => readonly string[]): OperationsOptions {
  const { operations, circuits, logger, registry, health: report } = options;
  const { details, minutes, diagnostics } = operations;
  const examples: Readonly<Record<string, string | undefined>> = {
    "/api/v1/personas/:id": registry.main().id,
    "/api/v1/objects/:id": registry.list("object")[0]?.id,
  };
  const publicGets = { routes: publicRoutes, exampleOf: (pattern: string) => examples[pattern] };
  const admin = createAdminRoute(options);
  return { admin, report, details, minutes, diagnostics, circuits, logger, publicGets };
}

/** A page of another origin may read what is public; it may not act. */
function assertMayAct({ method, headers }: FastifyRequest, allowedOrigins: readonly string[]): void {
  if (method === "GET" || method === "HEAD") return;
  if (!isOriginAllowed(headers.origin, headers.host, allowedOrigins))
    throw new AppError("origin_not_allowed");
}

async function takeMessage(request: FastifyRequest, options: ServerOptions): Promise<string> {
  options.operations.shedding.assertRoom();
  const address = addressOf(request, options);
  await options.limits.message.take(address);
  return options.visitorOf(address);
}

function addressOf({ socket, headers }: FastifyRequest, options: ServerOptions): string {
  return options.readClientAddress(socket.remoteAddress, headers["x-forwarded-for"]);
}
