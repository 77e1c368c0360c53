// `npm run bench`: Parley beside RAW, in one run. See README.md of this folder for what the figures mean.
//   --quick             everything at a small size, once: does it work?
//   --only a,b          scenarios by name
//   --rounds 3          rounds of each server, in turns
//   --set NAME=value    a setting of Parley's, such as REDIS_URL=…; repeatable
//   --profile           also a CPU profile of each server, into a new temporary folder
//   --record            also bench/results/<scenario>.json, or <scenario>-redis.json where REDIS_URL is set

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CAN_PIN } from "./child.ts";
import { heaviest } from "./cpu-profile.ts";
import { compare } from "./measure.ts";
import { record, toTable } from "./report.ts";
import { SCENARIOS, type Scenario, toQuick, toRedis } from "./scenarios.ts";
import { type ServerKind, startUpstream } from "./servers.ts";

const ROUNDS = 3;
const PROFILE_LINES = 40;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      rounds: { type: "string" },
      set: { type: "string", multiple: true, default: [] },
      profile: { type: "boolean", default: false },
      record: { type: "boolean", default: false },
    },
  });
  if (values.quick && values.record) throw new Error("--quick is too small to be recorded");
  const settings = Object.fromEntries(values.set.map(toSetting));
  const rounds = Number(values.rounds ?? (values.quick ? 1 : ROUNDS));
  const folder = values.profile ? mkdtempSync(join(tmpdir(), "parley-bench-")) : undefined;
  if (!CAN_PIN) say("No second core, or no taskset: nothing is pinned, and the figures say little.\n");
  const upstream = await startUpstream();
  try {
    const sized = chosen(values.only).map((each) => (values.quick ? toQuick(each) : each));
    for (const scenario of settings.REDIS_URL === undefined ? sized : sized.map(toRedis)) {
      const profilePath = folder
        ? (kind: ServerKind) => join(folder, `${scenario.name}-${kind}.cpuprofile`)
        : undefined;
      const comparison = await compare(scenario, {
        baseUrl: upstream.baseUrl,
        rounds,
        settings,
        profilePath,
      });
      say(`${toTable(comparison)}\n`);
      if (profilePath && scenario.measures !== "memory" && scenario.measures !== "resume")
        showProfiles(scenario, profilePath);
      if (values.record) record(join(import.meta.dirname, "results"), comparison);
    }
  } finally {
    await upstream.child.stop();
  }
}

/** @throws Error for a name that is none */
function chosen(names: string | undefined): readonly Scenario[] {
  if (names === undefined) return SCENARIOS;
  return names.split(",").map((name) => {
    const scenario = SCENARIOS.find((each) => each.name === name);
    if (scenario) return scenario;
    throw new Error(`no scenario ${name}; there are ${SCENARIOS.map((each) => each.name).join(", ")}`);
  });
}

function toSetting(text: string): [name: string, value: string] {
  const equals = text.indexOf("=");
  if (equals < 1) throw new Error(`--set wants NAME=value, not ${text}`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function showProfiles({ streams, turns, script }: Scenario, pathOf: (kind: ServerKind) => string): void {
  const unit = script.tokens === 1 ? "turn" : "token";
  const units = streams * turns * script.tokens;
  for (const kind of ["raw", "parley"] as const) {
    say(`${kind}: ${pathOf(kind)}`);
    say(`${heaviest(pathOf(kind), units, unit, PROFILE_LINES)}\n`);
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
