// The soak: a hundred replies at a time on two instances, a fault every ten seconds, and the books at the end: every
// accepted message answered once or ended explicitly, memory level, handles given back. As a test for SOAK_SECONDS;
// as a program for longer: `node tests/endurance/soak.ts --minutes 60`.

import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type FaultTarget, faultRound, parseTarget } from "./fault-round.ts";
import { type Measurement, ProcessGauge } from "./process-gauge.ts";
import { SoakAccount } from "./soak-account.ts";
import { crowd } from "./soak-crowd.ts";
import { openSoakStage, type SoakStage } from "./soak-stage.ts";

export interface SoakOptions {
  readonly seconds: number;
  readonly streams?: number;
  /** Faults of these alone; all by default. */
  readonly of?: FaultTarget;
}

export interface SoakReport {
  readonly account: SoakAccount;
  readonly gauges: readonly ProcessGauge[];
  /** Before the first visitor, and after the last one: a pair an instance. */
  readonly rest: readonly (readonly [before: Measurement, after: Measurement])[];
  /** What is wrong with the processes: nothing, unless one died or wrote to its standard error. */
  readonly harm: readonly string[];
  /** For people. */
  readonly lines: readonly string[];
}

const STREAMS = 100;
const MEASURE_MS = 5_000;
/** Kept connections to the providers leave after 5 s of rest; Redis's are there again by then. */
const REST_MS = 12_000;
/** A machine that is suspended for longer than a conversation's time ends all of them: what follows tells nothing. */
const STANDSTILL_MS = 30_000;
const HARM = ["uncaught_exception", "run_queue_failed", "frame_failed", "connection_handler_failed"];

export async function soak({ seconds, streams = STREAMS, of = "all" }: SoakOptions): Promise<SoakReport> {
  await using stage = await openSoakStage(ttlSecondsFor(seconds));
  const gauges = stage.instances.map((instance) => new ProcessGauge(instance));
  const account = new SoakAccount();
  // One of each first, so that what is loaded once is not held against the rest.
  await crowd(stage, new SoakAccount(), 4, AbortSignal.timeout(4_000));
  await pause(REST_MS);
  const before = await Promise.all(gauges.map((gauge) => gauge.measure()));
  for (const gauge of gauges) gauge.measurements.length = 0;

  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const over = AbortSignal.timeout(seconds * 1000);
  const watching = watch(gauges, over);
  const [faults, , standstillMs] = await Promise.all([
    faultRound(stage, of, over),
    crowd(stage, account, streams, over),
    watching,
  ]);
  const tookMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  await pause(REST_MS);
  const after = await Promise.all(gauges.map((gauge) => gauge.measure()));
  for (const gauge of gauges) gauge.measurements.pop();
  await Promise.all(gauges.map((gauge) => gauge.scrape()));

  const harm = harmOf(stage);
  const rest = before.map((each, index) => [each, after[index] ?? each] as const);
  const lines = [
    `${streams} streams for ${seconds} s; the test's own CPU ${Math.round((user + system) / tookMs / 10)} % of a core`,
    ...(standstillMs < STANDSTILL_MS
      ? []
      : [`THE MACHINE stood still for ${Math.round(standstillMs / 1000)} s`]),
    `faults: ${[...faults].map(([name, count]) => `${name} ${count}`).join(", ")}`,
    ...account.lines(),
    ...gauges.map((gauge, index) => describe(gauge, rest[index] ?? [], index)),
    ...account.faults.map((fault) => `WRONG: ${fault}`),
    ...harm.map((what) => `HARM: ${what}`),
  ];
  return { account, gauges, rest, harm, lines };
}

/** @returns the longest time that a pause took too long, in milliseconds */
async function watch(gauges: readonly ProcessGauge[], signal: AbortSignal): Promise<number> {
  let standstillMs = 0;
  while (!signal.aborted) {
    await Promise.all(gauges.map((gauge) => gauge.measure()));
    await Promise.all(gauges.map((gauge) => gauge.scrape()));
    const pausedAt = performance.now();
    await pause(MEASURE_MS, undefined, { signal }).catch(() => undefined);
    standstillMs = Math.max(standstillMs, performance.now() - pausedAt - MEASURE_MS);
  }
  return standstillMs;
}

function ttlSecondsFor(soakSeconds: number): number {
  return Math.min(600, Math.max(120, Math.round(soakSeconds / 6)));
}

function harmOf({ instances }: SoakStage): string[] {
  return instances.flatMap((instance, index) => [
    ...(instance.isAlive ? [] : [`instance ${index} died`]),
    ...(instance.errors === "" ? [] : [`instance ${index}: ${instance.errors.slice(0, 500)}`]),
    // A run that found Redis away is begun later: its message stands in the books.
    ...HARM.flatMap((event) => instance.logged(event))
      .filter(({ code }) => code !== "storage_unavailable")
      .map((line) => JSON.stringify(line).slice(0, 500)),
  ]);
}

function describe(gauge: ProcessGauge, rest: readonly Measurement[], index: number): string {
  const { measurements } = gauge;
  const rss = measurements.map(({ rssMb }) => Math.round(rssMb));
  const slopes = `rss ${gauge.slope("rssMb").toFixed(2)}, heap ${gauge.slope("heapMb").toFixed(2)} MB/minute`;
  const idle = rest.map(
    ({ rssMb, heapMb, handles, files }) =>
      `${Math.round(rssMb)} MB rss, ${Math.round(heapMb)} MB heap, ${handles} handles, ${files} files`,
  );
  return `instance ${index}: rss ${rss.at(0)} to ${Math.max(...rss)} MB at work, second half ${slopes}; at rest before: ${idle[0]}; after: ${idle[1]}; event-loop lag (p99 of 5 s) mostly ${Math.round(gauge.lagMs(0.5))} ms, at worst ${Math.round(gauge.lagMs(1))} ms`;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "60" },
      streams: { type: "string" },
      faults: { type: "string", default: "all" },
    },
  });
  const seconds = Number(values.minutes) * 60;
  const { lines, account, harm } = await soak({
    seconds,
    streams: Number(values.streams ?? STREAMS),
    of: parseTarget(values.faults),
  });
  process.stdout.write(`${lines.join("\n")}\n`);
  process.exitCode = account.lost + account.repeated + account.faults.length + harm.length === 0 ? 0 : 1;
}
