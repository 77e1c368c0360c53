// The faults of a soak, one after the other, in the same order always: what the proxies before the providers and Redis can
// do, each for a few seconds and then healed.

import { setTimeout as pause } from "node:timers/promises";
import type { TcpProxy } from "../support/tcp-proxy.ts";
import type { SoakStage } from "./soak-stage.ts";

type Proxies = Pick<SoakStage, "model" | "fallback" | "redis">;

interface SoakFault {
  readonly name: string;
  readonly of: readonly (keyof Proxies)[];
  readonly begin: (proxy: TcpProxy) => void | Promise<void>;
}

const EVERY_MS = 10_000;
const LASTING_MS = 3_500;

const FAULTS: readonly SoakFault[] = [
  { name: "the model is cut off", of: ["model"], begin: (proxy) => proxy.cut() },
  { name: "Redis is cut off", of: ["redis"], begin: (proxy) => proxy.cut() },
  { name: "the model is down", of: ["model"], begin: (proxy) => proxy.down() },
  { name: "Redis is slow", of: ["redis"], begin: (proxy) => proxy.latency(200, 100) },
  { name: "both models are down", of: ["model", "fallback"], begin: (proxy) => proxy.down() },
  { name: "Redis is silent", of: ["redis"], begin: (proxy) => proxy.stall() },
  { name: "the model is silent", of: ["model"], begin: (proxy) => proxy.stall() },
  { name: "Redis is down", of: ["redis"], begin: (proxy) => proxy.down() },
  { name: "the model resets", of: ["model"], begin: (proxy) => proxy.reset(3_000) },
  { name: "the model comes in slices", of: ["model"], begin: (proxy) => proxy.slice(7) },
  { name: "everything is cut off", of: ["model", "fallback", "redis"], begin: (proxy) => proxy.cut() },
  { name: "the model is slow and narrow", of: ["model"], begin: (proxy) => slow(proxy) },
];

function slow(proxy: TcpProxy): void {
  proxy.latency(400, 200);
  proxy.limit(4_000);
}

/** Which faults: those of the providers alone, of Redis alone, none, or all. */
export type FaultTarget = "model" | "redis" | "none" | "all";

export function parseTarget(text: string): FaultTarget {
  if (text === "model" || text === "redis" || text === "none" || text === "all") return text;
  throw new Error("--faults is model, redis, none or all");
}

/** A fault every ten seconds until the signal aborts. @returns how often each came */
export async function faultRound(
  proxies: Proxies,
  target: FaultTarget,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const faults = FAULTS.filter(({ of }) => isOf(target, of));
  const counts = new Map<string, number>();
  for (let turn = 0; ; turn += 1) {
    await pause(EVERY_MS - LASTING_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return counts;
    const fault = faults[turn % Math.max(1, faults.length)];
    if (fault === undefined) continue;
    counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
    for (const name of fault.of) await fault.begin(proxies[name]);
    // Healed also where the soak ends meanwhile.
    await pause(LASTING_MS, undefined, { signal }).catch(() => undefined);
    for (const name of fault.of) await proxies[name].heal();
  }
}

function isOf(target: FaultTarget, of: SoakFault["of"]): boolean {
  if (target === "all" || target === "none") return target === "all";
  return of.every((name) => (name === "redis") === (target === "redis"));
}
