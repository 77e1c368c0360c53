// What is not counted where it happens: gauges, read from the parts of the app at each scrape, and calls made again,
// which the log knows of. Promises: a scrape waits for nothing longer than Redis's own deadline.

import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Circuits } from "#app/core/circuits.ts";
import type { LogListener } from "#app/core/log-tap.ts";
import type { GaugeSample, Metrics } from "#app/core/metrics.ts";
import type { RedisConnection } from "#app/core/redis.ts";
import type { CircuitStatus } from "#app/core/resilience.ts";
import type { RunAdmission } from "#app/services/chatbot/run-admission.ts";
import type { StorageKind } from "#app/services/chatbot/storage-bundle.ts";

export interface GaugeSources {
  readonly sockets: { readonly places: { readonly open: number } };
  readonly circuits: Pick<Circuits, "list">;
  readonly admission: Pick<RunAdmission, "running" | "waiting">;
  readonly redis: Pick<RedisConnection, "isReady" | "ping"> | undefined;
  /** Where a new conversation is kept at this moment. */
  readonly storageMode: () => StorageKind;
  /** Ends the watch over the event loop. */
  readonly signal: AbortSignal;
}

const CIRCUIT_STATES: Readonly<Record<CircuitStatus["state"], number>> = {
  closed: 0,
  "half-open": 1,
  open: 2,
};
const LOOP_RESOLUTION_MS = 10;

export function readGauges(metrics: Metrics, sources: GaugeSources): void {
  const { sockets, circuits, admission, redis, storageMode } = sources;
  metrics.gauge("connections", () => sockets.places.open);
  metrics.gauge("running_runs", () => admission.running);
  metrics.gauge("waiting_runs", () => admission.waiting);
  metrics.gauge("circuit_state", () =>
    circuits
      .list()
      .map(({ name, state }): GaugeSample => ({ labels: { circuit: name }, value: CIRCUIT_STATES[state] })),
  );
  metrics.gauge("storage_mode", () => {
    const now = storageMode();
    return ["redis", "memory"].map((mode) => ({ labels: { mode }, value: mode === now ? 1 : 0 }));
  });
  metrics.gauge("redis_latency_seconds", async () =>
    redis?.isReady ? (await redis.ping()) / 1000 : undefined,
  );
  metrics.gauge("event_loop_lag_seconds", watchLoop(sources.signal));
}

/** Hands each line of the log that tells of a call made again to the metrics. */
export function countRetries(metrics: Metrics): LogListener {
  return (event, { circuit }) => {
    if (event === "redis_call_retry") metrics.count("retries_total", { circuit: "redis" });
    else if (event === "llm_call_retry")
      metrics.count("retries_total", { circuit: typeof circuit === "string" ? circuit : "llm" });
    else if (event === "alert_retry" && circuit === "mail") metrics.count("retries_total", { circuit });
  };
}

/** The 99th percentile since the last call, in seconds. */
function watchLoop(signal: AbortSignal): () => number {
  const delays = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  delays.enable();
  signal.addEventListener("abort", () => delays.disable(), { once: true });
  let lagSeconds = 0;
  return () => {
    // Two scrapes in one moment: what the first one said holds.
    if (delays.count === 0) return lagSeconds;
    // Each sample holds the pause between two looks, too.
    lagSeconds = Math.max(0, delays.percentile(99) / 1e6 - LOOP_RESOLUTION_MS) / 1000;
    delays.reset();
    return lagSeconds;
  };
}
