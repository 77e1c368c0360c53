// Whether the process lives, and whether it should be sent visitors.

import type { FastifyInstance } from "fastify";

/** What health answers; both routes have the same body. */
export interface HealthReport {
  /** `starting` and `draining` take no visitors; `degraded` serves, and says what is wrong. */
  readonly status: "ok" | "degraded" | "starting" | "draining";
  readonly version: string;
  readonly storage: "redis" | "memory";
  readonly model: string;
  readonly connections: number;
  readonly running: number;
  /** How many persona files were left out, or have warnings of theirs. */
  readonly personaProblems: number;
}

/** `GET /health`: 200 while the process answers. `GET /health/ready`: 503 while it should get no visitors. */
export function registerHealth(app: FastifyInstance, report: () => HealthReport): void {
  app.get("/health", (_request, reply) => {
    void reply.header("Cache-Control", "no-store");
    return report();
  });
  app.get("/health/ready", (_request, reply) => {
    const health = report();
    const ready = health.status === "ok" || health.status === "degraded";
    void reply.header("Cache-Control", "no-store").code(ready ? 200 : 503);
    return health;
  });
}
