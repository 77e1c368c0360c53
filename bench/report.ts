// Shows comparisons as a table, and writes them down.

import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { CAN_PIN } from "./child.ts";
import type { Comparison, FigureName, Figures } from "./measure.ts";
import type { Scenario } from "./scenarios.ts";

const LABELS: Readonly<Record<FigureName, string>> = {
  cpuMicrosPerToken: "CPU, µs a token",
  cpuMillisPerTurn: "CPU, ms a turn",
  cpuShare: "CPU, share of a core",
  tokensPerSecond: "tokens a second",
  framesPerToken: "frames a token",
  lagP99Ms: "event-loop lag p99, ms",
  lagMaxMs: "event-loop lag, longest, ms",
  overheadP50Ms: "first token over upstream's p50, ms",
  overheadP99Ms: "first token over upstream's p99, ms",
  rssMegabytes: "RSS, MB",
  rssKilobytesPerConnection: "RSS a connection, kB",
  heapKilobytesPerConnection: "heap a connection, kB",
  resumeP50Ms: "join to replayed p50, ms",
  resumeP99Ms: "join to replayed p99, ms",
  crowdedResumeP50Ms: "the same in a crowd p50, ms",
  crowdedResumeP99Ms: "the same in a crowd p99, ms",
  cpuMillisPerResume: "CPU, ms a resume",
  eventsPerLog: "events of one log",
};
const SHOWN: Readonly<Record<Scenario["measures"], readonly FigureName[]>> = {
  "cpu-per-token": [
    "cpuMicrosPerToken",
    "cpuShare",
    "tokensPerSecond",
    "framesPerToken",
    "lagP99Ms",
    "lagMaxMs",
    "overheadP50Ms",
    "overheadP99Ms",
    "rssMegabytes",
  ],
  "first-token": ["overheadP50Ms", "overheadP99Ms", "lagP99Ms", "lagMaxMs", "cpuMillisPerTurn"],
  "cpu-per-turn": ["cpuMillisPerTurn", "lagP99Ms", "overheadP50Ms"],
  resume: [
    "resumeP50Ms",
    "resumeP99Ms",
    "crowdedResumeP50Ms",
    "crowdedResumeP99Ms",
    "cpuMillisPerResume",
    "eventsPerLog",
    "lagP99Ms",
    "lagMaxMs",
  ],
  memory: ["rssKilobytesPerConnection", "heapKilobytesPerConnection", "rssMegabytes"],
};

/** A markdown table of one comparison: medians, and Parley as a multiple of RAW. */
export function toTable({ scenario, medians: { raw, parley }, rounds }: Comparison): string {
  const rows = SHOWN[scenario.measures]
    .filter((name) => !Number.isNaN(parley[name]))
    .map((name) =>
      [
        LABELS[name],
        show(raw[name]),
        show(parley[name]),
        show(parley[name] / raw[name]),
        spread(rounds.parley, name),
      ]
        .map((cell, column) => (column === 0 ? cell.padEnd(36) : cell.padStart(column === 4 ? 15 : 8)))
        .join(" | "),
    );
  const head = `| ${"".padEnd(36)} |      RAW |   Parley |    × RAW | Parley's rounds |`;
  const rule = `|${"-".repeat(38)}|---------:|---------:|---------:|----------------:|`;
  return [`${scenario.title}`, head, rule, ...rows.map((row) => `| ${row} |`)].join("\n");
}

/** Writes `<folder>/<scenario>.json`. */
export function record(folder: string, { scenario, rounds, medians }: Comparison): void {
  mkdirSync(folder, { recursive: true });
  const shown = SHOWN[scenario.measures];
  const written = {
    scenario,
    recordedAt: new Date().toISOString(),
    // A machine that has other work makes all figures worse; the ratios of alternating rounds suffer least.
    machine: {
      cores: availableParallelism(),
      pinned: CAN_PIN,
      node: process.version,
      loadAverage: Number((loadavg()[0] ?? 0).toFixed(1)),
    },
    ratios: pick(shown, (name) => medians.parley[name] / medians.raw[name]),
    medians: { raw: figures(shown, medians.raw), parley: figures(shown, medians.parley) },
    rounds: {
      raw: rounds.raw.map((round) => figures(shown, round)),
      parley: rounds.parley.map((round) => figures(shown, round)),
    },
  };
  writeFileSync(join(folder, `${scenario.name}.json`), `${JSON.stringify(written, undefined, 2)}\n`);
}

function figures(names: readonly FigureName[], round: Figures): Record<string, number> {
  return pick(names, (name) => round[name]);
}

function pick(names: readonly FigureName[], read: (name: FigureName) => number): Record<string, number> {
  const entries = names.map((name) => [name, Number(read(name).toPrecision(4))] as const);
  return Object.fromEntries(entries.filter(([, value]) => Number.isFinite(value)));
}

function spread(rounds: readonly Figures[], name: FigureName): string {
  const values = rounds.map((round) => round[name]);
  return `${show(Math.min(...values))}–${show(Math.max(...values))}`;
}

function show(value: number): string {
  if (!Number.isFinite(value)) return "";
  return value >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}
