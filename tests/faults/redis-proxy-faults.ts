// The ways in which Redis is lost without being emptied: how each begins and ends, and what is said of it.

import type { ProxyScene } from "./redis-proxy-scene.ts";

export interface RedisFault {
  readonly name: string;
  readonly begin: (scene: ProxyScene) => unknown;
  readonly end: (scene: ProxyScene) => unknown;
  /** What `storage_degraded` names as its reason. */
  readonly reason: RegExp;
  readonly opensCircuit: boolean;
  /** How long a Redis that is back may still be left alone: a pause between two attempts, and a loaded machine. */
  readonly homeWithinMs: number;
}

/** A connection that was lost is tried for again after at most 5 s, and what was said is brought home within another. */
export const RECONNECT_MS = 8_000;
const ANSWERS_MS = 4_000;

export const FAULTS: readonly RedisFault[] = [
  {
    name: "down, connections refused",
    begin: ({ proxy }) => proxy.down(),
    end: ({ proxy }) => proxy.heal(),
    ...{ reason: /ECONNREFUSED|ECONNRESET|lost/, opensCircuit: true, homeWithinMs: RECONNECT_MS },
  },
  {
    name: "silent, connections stay",
    begin: ({ proxy }) => proxy.stall(),
    end: ({ proxy }) => proxy.heal(),
    ...{ reason: /timed out/, opensCircuit: true, homeWithinMs: ANSWERS_MS },
  },
  {
    name: "silent in its answers alone",
    begin: ({ proxy }) => proxy.stall("to-client"),
    end: ({ proxy }) => proxy.heal(),
    ...{ reason: /timed out/, opensCircuit: true, homeWithinMs: ANSWERS_MS },
  },
  {
    name: "slow, 700 ms",
    begin: ({ proxy }) => proxy.latency(700, 50),
    end: ({ proxy }) => proxy.heal(),
    ...{ reason: /timed out/, opensCircuit: true, homeWithinMs: RECONNECT_MS },
  },
  {
    name: "read-only, a replica",
    begin: ({ redis }) => redis.command("REPLICAOF", "127.0.0.1", "1"),
    end: ({ redis }) => redis.command("REPLICAOF", "NO", "ONE"),
    ...{ reason: /^READONLY$/, opensCircuit: false, homeWithinMs: RECONNECT_MS },
  },
  {
    name: "full, maxmemory with noeviction",
    begin: ({ redis }) => redis.command("CONFIG", "SET", "maxmemory", "1"),
    end: ({ redis }) => redis.command("CONFIG", "SET", "maxmemory", "0"),
    ...{ reason: /^OOM$/, opensCircuit: false, homeWithinMs: ANSWERS_MS },
  },
  {
    name: "restarted with what it had",
    begin: ({ redis }) => redis.kill(),
    end: ({ redis }) => redis.restart(),
    ...{ reason: /ECONNREFUSED|ECONNRESET|lost/, opensCircuit: true, homeWithinMs: RECONNECT_MS },
  },
];
