// What the end of a run adds to the metrics. Nothing is counted while words flow; what they cost is counted where it is
// paid (services/llm/metering.ts).

import type { AppError } from "#app/core/errors.ts";
import type { Metrics } from "#app/core/metrics.ts";
import type { RunTimings } from "#app/models/server-event.ts";
import type { TokenUsage } from "#app/services/llm/client.ts";

export interface EndedRun {
  readonly outcome: "success" | "cancelled" | "error";
  /** Whose words they were; absent where there were none. */
  readonly source: string | undefined;
  readonly timings: RunTimings;
  /** As the model reported it; absent for a reply that did not come to its end. */
  readonly usage: TokenUsage | undefined;
  /** What it failed with. */
  readonly error: AppError | undefined;
}

export function countRun(metrics: Metrics, { outcome, source, timings, usage, error }: EndedRun): void {
  metrics.count("runs_total", { outcome, source: source ?? "none" });
  metrics.observe("run_duration_seconds", timings.totalMs / 1000);
  if (timings.firstTokenMs !== null) metrics.observe("run_first_token_seconds", timings.firstTokenMs / 1000);
  if (error) metrics.count("errors_total", { route: "run", category: error.category });
  if (!usage) return;
  const { model, inputTokens, outputTokens } = usage;
  metrics.count("tokens_total", { model, direction: "input" }, inputTokens);
  metrics.count("tokens_total", { model, direction: "output" }, outputTokens);
}
