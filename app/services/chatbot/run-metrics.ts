// What the end of a run adds to the metrics. Nothing is counted while words flow; tokens and their cost are counted
// where they are paid (services/llm/metering.ts).

import type { AppError } from "#app/core/errors.ts";
import type { Metrics } from "#app/core/metrics.ts";
import type { RunTimings } from "#app/models/server-event.ts";

export interface EndedRun {
  readonly outcome: "success" | "cancelled" | "error";
  /** Whose words they were; absent where there were none. */
  readonly source: string | undefined;
  readonly timings: RunTimings;
  /** What it failed with. */
  readonly error: AppError | undefined;
}

export function countRun(metrics: Metrics, { outcome, source, timings, error }: EndedRun): void {
  metrics.count("runs_total", { outcome, source: source ?? "none" });
  metrics.observe("run_duration_seconds", timings.totalMs / 1000);
  if (timings.firstTokenMs !== null) metrics.observe("run_first_token_seconds", timings.firstTokenMs / 1000);
  if (error) metrics.count("errors_total", { route: "run", category: error.category });
}
