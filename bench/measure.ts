// One scenario on RAW and Parley in turns: A B A B …, each round one load process, medians of the rounds. Only what RAW
// does not have at all is measured on Parley alone (measure-resume.ts).

import { join } from "node:path";
import { Child, LOAD_CORE } from "./child.ts";
import type { ProbeOrder, ServerFigures, ServerMemory } from "./lag-probe.ts";
import type { LoadOrder, LoadReport } from "./load-order.ts";
import { resumeInRounds } from "./measure-resume.ts";
import { median } from "./percentile.ts";
import type { Scenario } from "./scenarios.ts";
import { type Server, type ServerKind, startServer } from "./servers.ts";

export const FIGURE_NAMES = [
  "cpuMicrosPerToken",
  "cpuMillisPerTurn",
  "cpuShare",
  "tokensPerSecond",
  "framesPerToken",
  "lagP99Ms",
  "lagMaxMs",
  "overheadP50Ms",
  "overheadP99Ms",
  "rssMegabytes",
  "rssKilobytesPerConnection",
  "heapKilobytesPerConnection",
  "resumeP50Ms",
  "resumeP99Ms",
  "crowdedResumeP50Ms",
  "crowdedResumeP99Ms",
  "cpuMillisPerResume",
  "eventsPerLog",
] as const;
export type FigureName = (typeof FIGURE_NAMES)[number];
/** NaN where a scenario does not have one. */
export type Figures = Readonly<Record<FigureName, number>>;

export interface Comparison {
  readonly scenario: Scenario;
  readonly rounds: Readonly<Record<ServerKind, readonly Figures[]>>;
  readonly medians: Readonly<Record<ServerKind, Figures>>;
}

export interface MeasureOptions {
  readonly baseUrl: string;
  readonly rounds: number;
  readonly settings: Readonly<Record<string, string>>;
  /** Where the last round's profile of each server goes; undefined: none is taken. */
  readonly profilePath: ((kind: ServerKind) => string) | undefined;
}

type Rounds = Record<ServerKind, Figures[]>;

const KINDS: readonly ServerKind[] = ["raw", "parley"];
const NONE: Figures = toFigureRecord(() => Number.NaN);
/** Times as many connections as are weighed. */
const HELD_BEFORE = 2;
/** Not measured: compiles the hot paths of both servers. */
const WARM_UP = {
  streams: 50,
  turns: 4,
  spreadMs: 0,
  script: { tokens: 100, tokensPerSecond: 0, firstTokenDelayMs: 0 },
};

/** @throws Error when a server or the load failed, or a reply was not whole */
export async function compare(scenario: Scenario, options: MeasureOptions): Promise<Comparison> {
  const figures = await roundsOf(scenario)(scenario, options);
  return {
    scenario,
    rounds: figures,
    medians: { raw: mediansOf(figures.raw), parley: mediansOf(figures.parley) },
  };
}

function roundsOf({ measures }: Scenario): (scenario: Scenario, options: MeasureOptions) => Promise<Rounds> {
  if (measures === "memory") return weighInTurns;
  return measures === "resume" ? resumeAlone : observeInTurns;
}

async function resumeAlone(scenario: Scenario, options: MeasureOptions): Promise<Rounds> {
  const server = await startServer("parley", options.baseUrl, options.settings);
  try {
    await withLoad(server, { ...WARM_UP, warmUp: true }, runLoad);
    const rounds = await resumeInRounds(server, scenario, options.rounds);
    return { raw: [], parley: rounds.map((figures) => ({ ...NONE, ...figures })) };
  } finally {
    await server.child.stop();
  }
}

/** Both servers live through all rounds; the one whose turn it is not has nothing to do. */
async function observeInTurns(scenario: Scenario, options: MeasureOptions): Promise<Rounds> {
  const rounds: Rounds = { raw: [], parley: [] };
  const servers: Server[] = [];
  try {
    for (const kind of KINDS) {
      const server = await startServer(kind, options.baseUrl, options.settings);
      servers.push(server);
      await withLoad(server, { ...WARM_UP, warmUp: true }, runLoad);
    }
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const server of servers) {
        const path = round === options.rounds ? options.profilePath?.(server.kind) : undefined;
        rounds[server.kind].push(await observe(server, scenario, path));
      }
    }
  } finally {
    for (const { child } of servers) await child.stop();
  }
  return rounds;
}

/** A new process for each round: one that has worked has room in its heap, which hides what a connection costs. */
async function weighInTurns(scenario: Scenario, options: MeasureOptions): Promise<Rounds> {
  const rounds: Rounds = { raw: [], parley: [] };
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const kind of KINDS) {
      const server = await startServer(kind, options.baseUrl, options.settings);
      try {
        rounds[kind].push(await weighConnections(server, scenario));
      } finally {
        await server.child.stop();
      }
    }
  }
  return rounds;
}

async function observe(
  server: Server,
  scenario: Scenario,
  profilePath: string | undefined,
): Promise<Figures> {
  const { streams, turns, spreadMs, script } = scenario;
  return withLoad(server, { streams, turns, spreadMs, script, warmUp: true }, async (load) => {
    tell(server, { type: "start", profile: profilePath !== undefined });
    await server.child.hear("started");
    const report = await runLoad(load);
    tell(server, { type: "stop", profilePath });
    return toFigures(scenario, report, await server.child.hear<ServerFigures>("figures"));
  });
}

/**
 * What connections that only listen add to a process that holds many already: the first ones live in what the start
 * has left free, and would seem to cost nothing.
 */
async function weighConnections(server: Server, { streams, script }: Scenario): Promise<Figures> {
  const order = { streams, turns: 0, spreadMs: 0, script, warmUp: false };
  return withLoad(server, { ...order, streams: streams * HELD_BEFORE }, async () => {
    const before = await weigh(server);
    const after = await withLoad(server, order, () => weigh(server));
    return {
      ...NONE,
      rssMegabytes: after.rssBytes / 2 ** 20,
      rssKilobytesPerConnection: (after.rssBytes - before.rssBytes) / 1024 / streams,
      heapKilobytesPerConnection: (after.heapBytes - before.heapBytes) / 1024 / streams,
    };
  });
}

function weigh(server: Server): Promise<ServerMemory> {
  tell(server, { type: "weigh" });
  return server.child.hear<ServerMemory>("memory");
}

async function withLoad<Result>(
  { kind, url, child }: Server,
  order: Omit<LoadOrder, "server" | "url">,
  work: (load: Child) => Promise<Result>,
): Promise<Result> {
  const whole: LoadOrder = { ...order, server: kind, url };
  const load = new Child(LOAD_CORE, [join(import.meta.dirname, "load-client.ts"), JSON.stringify(whole)]);
  try {
    await load.hear("ready");
    return await work(load);
  } catch (cause) {
    throw new Error(
      `${kind}: ${cause instanceof Error ? cause.message : String(cause)}\n${child.lastWords}`,
      { cause },
    );
  } finally {
    await load.stop();
  }
}

function runLoad(load: Child): Promise<LoadReport> {
  load.tell({ type: "go" });
  return load.hear<LoadReport>("report");
}

function tell(server: Server, order: ProbeOrder): void {
  server.child.tell(order);
}

function toFigures({ streams, script }: Scenario, report: LoadReport, server: ServerFigures): Figures {
  const cpuMicrosPerToken = (server.cpuMs * 1000) / report.tokens;
  return {
    ...NONE,
    cpuMicrosPerToken,
    cpuMillisPerTurn: server.cpuMs / report.turns,
    // Of paced streams: what all of them together need while all of them run, the spread start left out.
    cpuShare: (cpuMicrosPerToken * streams * script.tokensPerSecond) / 1e6 || Number.NaN,
    tokensPerSecond: report.tokens / (report.elapsedMs / 1000),
    framesPerToken: report.frames / report.tokens,
    lagP99Ms: server.lagP99Ms,
    lagMaxMs: server.lagMaxMs,
    overheadP50Ms: report.overheadMs.p50,
    overheadP99Ms: report.overheadMs.p99,
    rssMegabytes: server.rssBytes / 2 ** 20,
  };
}

function mediansOf(rounds: readonly Figures[]): Figures {
  return toFigureRecord((name) => median(rounds.map((figures) => figures[name])));
}

function toFigureRecord(figureOf: (name: FigureName) => number): Figures {
  const entries = FIGURE_NAMES.map((name) => [name, figureOf(name)] as const);
  return Object.fromEntries(entries) as Figures;
}
