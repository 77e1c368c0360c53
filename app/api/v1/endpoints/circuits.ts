// The circuit breakers: how they are, for everybody; closed by hand, by the operator.

import type { FastifyInstance } from "fastify";
import type { AdminRoute } from "#app/api/admin.ts";
import type { Circuits } from "#app/core/circuits.ts";
import { AppError } from "#app/core/errors.ts";
import type { Logger } from "#app/core/logging.ts";

export interface CircuitsEndpointOptions {
  readonly admin: AdminRoute;
  readonly circuits: Circuits;
  readonly logger: Logger;
}

/** `GET /circuits`: names and states. `POST /circuits/{name}/reset`: closes one and forgets its failures. */
export function registerCircuits(app: FastifyInstance, options: CircuitsEndpointOptions): void {
  const { admin, circuits, logger } = options;
  app.get("/circuits", (_request, reply) => {
    void reply.header("Cache-Control", "no-store");
    return { circuits: circuits.list().map(({ name, state }) => ({ name, state })) };
  });
  app.post<{ Params: { name: string } }>("/circuits/:name/reset", { ...admin }, (request) => {
    const circuit = circuits.reset(request.params.name);
    if (circuit === undefined) {
      throw new AppError("route_not_found", { message: "There is no circuit of this name." });
    }
    logger.info({ circuit: circuit.name, requestId: request.id }, "circuit_breaker_reset");
    return circuit;
  });
}
