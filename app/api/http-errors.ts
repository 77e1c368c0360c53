// The one form in which HTTP says that something went wrong: for our own errors, for Fastify's, for addresses and
// methods that do not exist.

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { toErrorBody, toRetryAfterSeconds } from "#app/core/error-body.ts";
import { AppError } from "#app/core/errors.ts";
import type { Logger } from "#app/core/logging.ts";
import type { Metrics } from "#app/core/metrics.ts";
import { countRequest, routeOf } from "./metrics.ts";

/** Fastify's own refusals, by its code. What is not here is a fault of ours. */
const FASTIFY_ERRORS: Readonly<Record<string, (error: FastifyError) => AppError>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: (cause) => new AppError("invalid_json", { cause }),
  FST_ERR_CTP_EMPTY_JSON_BODY: (cause) =>
    new AppError("invalid_json", { message: "The body is empty.", cause }),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: (cause) => new AppError("invalid_frame", { cause }),
  FST_ERR_CTP_BODY_TOO_LARGE: (cause) =>
    new AppError("message_too_long", { message: "The body is larger than 64 KiB.", cause }),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: (cause) => new AppError("unsupported_media_type", { cause }),
  FST_ERR_BAD_URL: (cause) => new AppError("route_not_found", { cause }),
  FST_ERR_MAX_PARAM_LENGTH: (cause) => new AppError("route_not_found", { cause }),
};

/** Who hears of a refusal beside the client. */
export interface ErrorWatch {
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Installs the handlers. Must be called before the routes, of which it takes note for `method_not_allowed`. */
export function registerErrorForm(app: FastifyInstance, watch: ErrorWatch): void {
  const routes: { method: string; pattern: RegExp }[] = [];
  app.addHook("onRoute", ({ method, url }) => {
    const pattern = new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/:[^/]+/g, "[^/]+")}$`);
    for (const name of [method].flat()) routes.push({ method: name, pattern });
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const known = error instanceof AppError ? error : FASTIFY_ERRORS[error.code]?.(error);
    sendError(known ?? toHttpError(error), request, reply, watch);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0] ?? "";
    const allowed = [
      ...new Set(routes.filter((route) => route.pattern.test(path)).map((route) => route.method)),
    ];
    if (allowed.length > 0) reply.header("Allow", allowed.join(", "));
    sendError(
      new AppError(allowed.length > 0 ? "method_not_allowed" : "route_not_found"),
      request,
      reply,
      watch,
    );
  });
}

/** For Fastify's `frameworkErrors`: an address that cannot be routed, refused before any hook has run. */
export function createUnroutableHandler(watch: ErrorWatch) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    void reply.header("X-Request-Id", request.id).header("X-Content-Type-Options", "nosniff");
    sendError(FASTIFY_ERRORS[error.code]?.(error) ?? toHttpError(error), request, reply, watch);
    countRequest(watch.metrics, request, reply);
  };
}

/** The headers and the body of a refusal. */
export function sendError(
  error: AppError,
  request: FastifyRequest,
  reply: FastifyReply,
  { logger, metrics }: ErrorWatch,
): void {
  metrics.count("errors_total", { route: routeOf(request), category: error.category });
  const route = request.routeOptions?.url ?? "unknown";
  const fields = { requestId: request.id, code: error.code, method: request.method, route };
  if (error.code === "internal_error")
    logger.error({ ...fields, err: error.cause ?? error }, "request_failed");
  else logger.debug(fields, "request_refused");
  const retryAfterSeconds = toRetryAfterSeconds(error);
  if (retryAfterSeconds !== undefined) reply.header("Retry-After", String(retryAfterSeconds));
  void reply.code(error.status).type("application/json; charset=utf-8").send(toErrorBody(error, request.id));
}

function toHttpError(error: FastifyError): AppError {
  const isClients = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500;
  return new AppError(isClients ? "invalid_frame" : "internal_error", { cause: error });
}
