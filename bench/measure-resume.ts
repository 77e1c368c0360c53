// The scenario `resume`: how long a client that comes back waits for what it has missed. Parley alone: RAW keeps no log.

import { join } from "node:path";
import { Child, LOAD_CORE } from "./child.ts";
import type { ServerFigures } from "./lag-probe.ts";
import type { ResumeOrder, ResumeReport } from "./resume-order.ts";
import type { Scenario } from "./scenarios.ts";
import type { Server } from "./servers.ts";

export interface ResumeFigures {
  readonly resumeP50Ms: number;
  readonly resumeP99Ms: number;
  readonly crowdedResumeP50Ms: number;
  readonly crowdedResumeP99Ms: number;
  readonly cpuMillisPerResume: number;
  readonly eventsPerLog: number;
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
}

/** One load process for all rounds: the replies, which take their time, have to stand in the logs once. */
export async function resumeInRounds(
  { url, child }: Server,
  { streams, turns, script }: Scenario,
  rounds: number,
): Promise<ResumeFigures[]> {
  const order: ResumeOrder = { url, conversations: streams, resumes: turns, script };
  const client = join(import.meta.dirname, "resume-client.ts");
  const load = new Child(LOAD_CORE, [client, JSON.stringify(order)]);
  try {
    await load.hear("ready");
    const figures: ResumeFigures[] = [];
    for (let round = 0; round < rounds; round += 1) {
      child.tell({ type: "start", profile: false });
      await child.hear("started");
      load.tell({ type: "go" });
      const report = await load.hear<ResumeReport>("report");
      child.tell({ type: "stop" });
      figures.push(toFigures(report, await child.hear<ServerFigures>("figures")));
    }
    return figures;
  } finally {
    await load.stop();
  }
}

function toFigures(report: ResumeReport, { cpuMs, lagP99Ms, lagMaxMs }: ServerFigures): ResumeFigures {
  return {
    resumeP50Ms: report.alone.p50,
    resumeP99Ms: report.alone.p99,
    crowdedResumeP50Ms: report.crowded.p50,
    crowdedResumeP99Ms: report.crowded.p99,
    cpuMillisPerResume: cpuMs / report.resumes,
    eventsPerLog: report.events,
    lagP99Ms,
    lagMaxMs,
  };
}
