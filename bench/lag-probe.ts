// Loaded into the measured server by `--import`: reads the process's own figures over an interval that the bench names.
// Promises: the server's code is not touched; outside an interval nothing runs here.

import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { hearParent, tellParent } from "./parent-link.ts";

export interface ServerFigures {
  readonly type: "figures";
  /** User and system time of all threads: getrusage, which is utime + stime of /proc/<pid>/stat, only finer. */
  readonly cpuMs: number;
  readonly elapsedMs: number;
  readonly lagP50Ms: number;
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
  readonly rssBytes: number;
}

export interface ServerMemory {
  readonly type: "memory";
  readonly rssBytes: number;
  readonly heapBytes: number;
}

/** What the bench may say. */
export type ProbeOrder =
  | { readonly type: "start"; readonly profile: boolean }
  | { readonly type: "stop"; readonly profilePath: string | undefined }
  | { readonly type: "weigh" };

/** Node's histogram counts the sampling interval as delay. */
const RESOLUTION_MS = 5;

const lag = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let session: Session | undefined;
let cpu = process.cpuUsage();
let startedAt = 0;

hearParent((message) => void obey(message as ProbeOrder));
// The probe shall not keep a server alive that has ended.
process.channel?.unref();

async function obey(order: ProbeOrder): Promise<void> {
  if (order.type === "start") await start(order.profile);
  else if (order.type === "stop") await stop(order.profilePath);
  else weigh();
}

async function start(profile: boolean): Promise<void> {
  if (profile) {
    session = new Session();
    session.connect();
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: 200 });
    await session.post("Profiler.start");
  }
  lag.reset();
  lag.enable();
  startedAt = performance.now();
  cpu = process.cpuUsage();
  tellParent({ type: "started" });
}

async function stop(profilePath: string | undefined): Promise<void> {
  const { user, system } = process.cpuUsage(cpu);
  const elapsedMs = performance.now() - startedAt;
  lag.disable();
  if (session && profilePath !== undefined) {
    const { profile } = await session.post("Profiler.stop");
    writeFileSync(profilePath, JSON.stringify(profile));
    session.disconnect();
  }
  const figures: ServerFigures = {
    type: "figures",
    cpuMs: (user + system) / 1000,
    elapsedMs,
    lagP50Ms: toLagMs(lag.percentile(50)),
    lagP99Ms: toLagMs(lag.percentile(99)),
    lagMaxMs: toLagMs(lag.max),
    rssBytes: process.memoryUsage.rss(),
  };
  tellParent(figures);
}

/** After a full collection: what is kept, not what nobody has swept yet. */
function weigh(): void {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  for (let round = 0; round < 3; round += 1) collect();
  const memory: ServerMemory = {
    type: "memory",
    rssBytes: process.memoryUsage.rss(),
    heapBytes: process.memoryUsage().heapUsed,
  };
  tellParent(memory);
}

function toLagMs(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
}
