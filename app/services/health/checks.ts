// What the process looks at in itself, and what it takes for bad.
// Promises: cheap (a check costs no more than a system call), and no finding holds a secret. Does not act.

import type { MinuteHistory } from "#app/core/minute-history.ts";
import { readDisk, readMemory } from "#app/core/process-figures.ts";
import type { CircuitStatus } from "#app/core/resilience.ts";
import type { HealthCheck, Reading } from "#app/core/self-watch.ts";
import type { StallWatch } from "#app/core/stall-watch.ts";
import type { HealthSources } from "./sources.ts";

/** Visitors see words come in bursts. */
const MAX_STALL_MS = 1_000;
const MAX_MEMORY_SHARE = 0.9;
const MIN_FREE_BYTES = 256 * 1024 * 1024;
const ERROR_MINUTES = 5;
/** With fewer, one visitor's bad luck would be an alarm. */
const MIN_RUNS = 10;
const MIB = 1024 * 1024;

export function createChecks(
  sources: Pick<HealthSources, "circuits" | "opened" | "dataDir">,
  { stalls, history }: { readonly stalls: StallWatch; readonly history: MinuteHistory },
): readonly HealthCheck[] {
  const { circuits, opened, dataDir } = sources;
  return [
    { name: "event_loop_lag", read: () => judgeStall(stalls.takeLongestMs()) },
    { name: "memory", read: judgeMemory },
    {
      name: "storage",
      read: () => judge(opened.isDegraded, opened.isDegraded ? "degraded" : "as configured"),
    },
    { name: "circuits", read: () => judgeCircuits(circuits.list()) },
    {
      name: "disk",
      async read() {
        const { freeBytes } = await readDisk(dataDir);
        return judge(freeBytes < MIN_FREE_BYTES, `${Math.round(freeBytes / MIB)} MiB free`);
      },
    },
    { name: "error_rate", read: () => judgeErrors(history) },
  ];
}

function judge(isBad: boolean, finding: string): Reading {
  return { isBad, finding };
}

/** Those of the models: of Redis `storage` tells, and of mail the log; neither changes who speaks. */
function judgeCircuits(all: readonly CircuitStatus[]): Reading {
  const open = all.filter(({ name, state, retryAfterMs = 0 }) => {
    // Nobody calls the fallback model while the first one is well: after its pause an open circuit says nothing of today.
    return state !== "closed" && (name === "llm" || (name === "fallback-llm" && retryAfterMs > 0));
  });
  return judge(open.length > 0, open.map(({ name, state }) => `${name} ${state}`).join(", ") || "closed");
}

function judgeStall(longestMs: number): Reading {
  const ms = Math.max(0, Math.round(longestMs));
  return judge(ms > MAX_STALL_MS, `longest stall ${ms} ms of ${MAX_STALL_MS} ms`);
}

function judgeMemory(): Reading {
  const { rssBytes, limitBytes, heapUsedBytes, heapLimitBytes } = readMemory();
  const isBad = Math.max(rssBytes / limitBytes, heapUsedBytes / heapLimitBytes) > MAX_MEMORY_SHARE;
  const show = (bytes: number) => Math.round(bytes / MIB);
  const resident = `${show(rssBytes)} of ${show(limitBytes)} MiB`;
  return judge(isBad, `${resident}, heap ${show(heapUsedBytes)} of ${show(heapLimitBytes)} MiB`);
}

function judgeErrors(history: MinuteHistory): Reading {
  const { runs, failedRuns } = history.sum(ERROR_MINUTES);
  const isBad = runs >= MIN_RUNS && failedRuns > runs / 2;
  return judge(isBad, `${failedRuns} of ${runs} replies failed in ${ERROR_MINUTES} minutes`);
}
