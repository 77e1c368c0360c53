// The inside of the process at one moment, for its operator.
// Promises: figures, names and codes; nothing of what visitors wrote, no key, no address.

import type { LoadShedding } from "#app/core/load-shedding.ts";
import { readDisk, readMemory } from "#app/core/process-figures.ts";
import { resilient } from "#app/core/resilience.ts";
import type { SelfWatch } from "#app/core/self-watch.ts";
import type { StallWatch } from "#app/core/stall-watch.ts";
import type { Activity } from "./activity.ts";
import type { HealthSources } from "./sources.ts";

export interface DetailSources extends HealthSources {
  readonly activity: Activity;
  readonly watch: SelfWatch;
  readonly shedding: LoadShedding;
  /** One of its own: taking the longest stall forgets it. */
  readonly stalls: StallWatch;
}

const READ_MS = 1_000;

export async function readDetails(sources: DetailSources) {
  const { circuits, conversations, admission, activity, watch, shedding, stalls, opened, dataDir } = sources;
  const { live, running } = conversations.counts;
  const [disk, redisLatencyMs] = await Promise.all([
    inTime(() => readDisk(dataDir)),
    inTime(async () => await opened.redis?.ping()),
  ]);
  return {
    uptimeSeconds: Math.round(process.uptime()),
    circuits: circuits.list(),
    connections: { ...sources.connections(), max: sources.maxConnections },
    runs: { running, writing: admission.running, waiting: admission.waiting },
    conversations: live,
    /** The longest since the last look at this page. */
    eventLoopLagMs: Math.max(0, Math.round(stalls.takeLongestMs())),
    memory: readMemory(),
    disk: disk ?? null,
    redis: opened.redis ? { degraded: opened.isDegraded, latencyMs: rounded(redisLatencyMs) } : null,
    personas: revisionsOf(sources),
    caches: { knowledgeIndexes: indexesOf(sources) },
    /** Milliseconds, of the last 1,024 replies. */
    latency: { firstToken: activity.firstToken.percentiles(), total: activity.total.percentiles() },
    recentErrors: activity.errors.list(),
    shedding: shedding.reasons,
    degraded: watch.degraded,
    snapshots: watch.snapshots,
  };
}

/** Undefined where it cannot be read in time: the rest of the page is all the more needed then. */
async function inTime<T>(read: () => Promise<T>): Promise<T | undefined> {
  const { signal } = new AbortController();
  return await resilient(read, { timeoutMs: READ_MS, signal }).catch(() => undefined);
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 100) / 100;
}

function revisionsOf({ registry }: HealthSources) {
  const all = [...registry.list("persona"), ...registry.list("object")];
  return all.map(({ kind, id, revision }) => ({ kind, id, revision }));
}

function indexesOf({ registry, knowledge }: HealthSources) {
  const all = [...registry.list("persona"), ...registry.list("object")];
  return { built: all.filter((persona) => knowledge.isWarm(persona)).length, of: all.length };
}
