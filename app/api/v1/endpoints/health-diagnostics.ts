// Tries out, when its operator asks, what the process stands on, and what it offers.

import type { FastifyInstance } from "fastify";
import type { AdminRoute } from "#app/api/admin.ts";
import { type DiagnosticCheck, diagnose } from "#app/core/diagnosis.ts";
import { type PublicGets, testPublicGets } from "./public-gets.ts";

export interface HealthDiagnosticsOptions {
  readonly admin: AdminRoute;
  readonly diagnostics: readonly DiagnosticCheck[];
  readonly publicGets: PublicGets;
}

/** `GET /health/diagnostics`, `POST /health/test-endpoints`. */
export function registerHealthDiagnostics(app: FastifyInstance, options: HealthDiagnosticsOptions): void {
  const { admin, diagnostics, publicGets } = options;
  app.get("/health/diagnostics", { ...admin }, async () => {
    const checks = await diagnose(diagnostics);
    return { ok: checks.every(({ status }) => status !== "failed"), checks };
  });
  app.post("/health/test-endpoints", { ...admin }, async () => {
    const endpoints = await testPublicGets(app.server, publicGets);
    return { ok: endpoints.every(({ ok }) => ok), endpoints };
  });
}
