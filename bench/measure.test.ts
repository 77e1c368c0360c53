// One small scenario through all processes: RAW and Parley deliver every token, and the figures are there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "./measure.ts";
import { startUpstream } from "./servers.ts";

const small = {
  name: "small",
  title: "small",
  measures: "cpu-per-token",
  streams: 5,
  turns: 2,
  spreadMs: 20,
  script: { tokens: 20, tokensPerSecond: 200, firstTokenDelayMs: 5 },
} as const;

test("both servers deliver every token of a scenario, and both are measured", async (t) => {
  const { child, baseUrl } = await startUpstream();
  t.after(() => child.stop());
  const { medians, rounds } = await compare(small, {
    baseUrl,
    rounds: 1,
    settings: {},
    profilePath: undefined,
  });
  for (const kind of ["raw", "parley"] as const) {
    assert.equal(rounds[kind].length, 1);
    const figures = medians[kind];
    assert.ok(figures.cpuMicrosPerToken > 0);
    assert.ok(figures.rssMegabytes > 20);
    assert.ok(figures.overheadP50Ms <= figures.overheadP99Ms);
  }
  assert.equal(medians.raw.framesPerToken, 1);
  assert.ok(medians.parley.framesPerToken < 1, "Parley joins deltas");
});

test("clients that come back get every event again, and are measured on Parley alone", async (t) => {
  const { child, baseUrl } = await startUpstream();
  t.after(() => child.stop());
  const scenario = { ...small, measures: "resume", streams: 2, turns: 8 } as const;
  const { medians, rounds } = await compare(scenario, {
    baseUrl,
    rounds: 2,
    settings: {},
    profilePath: undefined,
  });
  assert.deepEqual([rounds.raw.length, rounds.parley.length], [0, 2]);
  const { parley } = medians;
  assert.ok(parley.eventsPerLog > 5, "the reply stands in the log");
  assert.ok(parley.resumeP50Ms > 0 && parley.resumeP50Ms <= parley.resumeP99Ms);
  assert.ok(parley.crowdedResumeP50Ms > 0 && parley.crowdedResumeP50Ms <= parley.crowdedResumeP99Ms);
});

test("a server that does not start is an error that shows its last words", async (t) => {
  const { child, baseUrl } = await startUpstream();
  t.after(() => child.stop());
  const settings = { LOG_LEVEL: "loud" };
  await assert.rejects(
    compare(small, { baseUrl, rounds: 1, settings, profilePath: undefined }),
    /a server did not start:[\s\S]*LOG_LEVEL/,
  );
});
