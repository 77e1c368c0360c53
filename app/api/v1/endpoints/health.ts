// Whether the process lives, and whether it should be sent visitors.

import type { FastifyInstance, FastifyReply } from "fastify";

/** What health answers; all three routes have the same body. */
export interface HealthReport {
  /** `starting`, `full` and `draining` take no visitors; `degraded` serves, and says what is wrong. */
  readonly status: "ok" | "degraded" | "starting" | "full" | "draining";
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
  app.get("/health/ready", (_request, reply) => sayReadiness(report(), reply));
}

/** `GET /health/status`, below the API's prefix: what `/health/ready` says. */
export function registerHealthStatus(app: FastifyInstance, report: () => HealthReport): void {
  app.get("/health/status", (_request, reply) => sayReadiness(report(), reply));
}

function sayReadiness(health: HealthReport, reply: FastifyReply): HealthReport {
  const ready = health.status === "ok" || health.status === "degraded";
  void reply.header("Cache-Control", "no-store").code(ready ? 200 : 503);
  return health;
}
