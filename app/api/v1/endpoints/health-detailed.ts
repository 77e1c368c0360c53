// The inside of the process for its operator: as it is now, and minute by minute.

import type { FastifyInstance } from "fastify";
import type { AdminRoute } from "#app/api/admin.ts";
import type { MinuteFigures } from "#app/core/minute-history.ts";
import type { HealthReport } from "./health.ts";

export interface HealthDetailedOptions {
  readonly admin: AdminRoute;
  readonly report: () => HealthReport;
  /** What stands beside the report. */
  readonly details: () => Promise<object>;
  readonly minutes: () => readonly MinuteFigures[];
}

/** `GET /health/detailed`, `GET /health/metrics`. */
export function registerHealthDetailed(app: FastifyInstance, options: HealthDetailedOptions): void {
  const { admin, report, details, minutes } = options;
  app.get("/health/detailed", { ...admin }, async () => ({ ...report(), ...(await details()) }));
  app.get("/health/metrics", { ...admin }, () => ({ minutes: minutes() }));
}
