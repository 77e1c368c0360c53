// Joins that race with the end of a run, from 6 ms before the model's last word to 6 ms after it, on both instances.
// Whichever comes first, everybody reads the end once, after every word, and nothing after it.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type InstancePair, openPair } from "./instance-pair.ts";
import { openProcessPair } from "./process-pair.ts";
import { RawLine } from "./raw-line.ts";
import { ReplyAccount } from "./reply-account.ts";
import { RoamingTab } from "./roaming-tab.ts";

const RACERS = 8;
const SPREAD_MS = 12;
const LAG_MS = 4;
const PIECES = ["Az kaldı 😀 ", "ve ", "bitti", "👩‍👩‍👧‍👦."];

interface Racer {
  readonly tab: RoamingTab;
  readonly line: RawLine;
  readonly hasPosition: boolean;
}

/** The moment itself, which a timer of whole milliseconds would miss; some turns of the loop. */
async function reach(atMs: number): Promise<void> {
  while (performance.now() < atMs) await turn();
}

/** Some of them have read nothing of the reply, some its first words, and one comes without a position. */
async function lineUp(
  pair: InstancePair,
  witness: RoamingTab,
  ask: () => Promise<unknown>,
): Promise<Racer[]> {
  const tabs: RoamingTab[] = [];
  for (let index = 0; index < RACERS; index += 1)
    tabs.push(await RoamingTab.open(pair.places[index % 2 === 0 ? 0 : 1], witness.pair));
  const [early, late] = [tabs.slice(0, 3), tabs.slice(3)];
  for (const tab of early) tab.leave();
  await ask();
  for (const tab of [witness, ...late]) await tab.hears("words", () => tab.picture.messages.length === 2);
  for (const tab of late) tab.leave();
  const racers: Racer[] = [];
  for (const [index, tab] of tabs.entries()) {
    const line = await RawLine.open(pair.places[(index >> 1) % 2 === 0 ? 0 : 1]);
    racers.push({ tab, line, hasPosition: index !== RACERS - 1 });
  }
  return racers;
}

async function run({ tab, line, hasPosition }: Racer, startAtMs: number): Promise<void> {
  await reach(startAtMs);
  tab.goOnOver(line, hasPosition);
  await tab.isBack(hasPosition);
}

/** Whether the end stood in the log at the join, or came after it, replayed or live. */
function whenEnded({ line }: Racer, endSeq: number): "before" | "replayed" | "live" {
  assert.equal(line.named("replayed").length, 1);
  const { lastSeq } = Object(line.named("joined")[0]?.value);
  if (lastSeq === endSeq) return "before";
  const replayedAt = line.frames.findIndex(({ name }) => name === "replayed");
  return line.frames.findIndex(({ seq }) => seq === endSeq) < replayedAt ? "replayed" : "live";
}

async function race(
  test: TestContext,
  pair: InstancePair,
  repetitions: number,
  where = "in one process",
): Promise<void> {
  const account = new ReplyAccount(pair);
  const ends = { before: 0, replayed: 0, live: 0 };
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const witness = await RoamingTab.open(pair.places[repetition % 2 === 0 ? 0 : 1]);
    const racers = await lineUp(pair, witness, () => account.ask(witness, PIECES));
    const startMs = performance.now() + 2;
    const finish = async (): Promise<void> => {
      await reach(startMs + SPREAD_MS / 2);
      for (const script of account.scripts(witness)) script.finish();
    };
    // Shares that never repeat themselves: over the repetitions every moment is met.
    const races = racers.map((racer, index) =>
      run(racer, startMs + SPREAD_MS * (((repetition * RACERS + index) * 0.618) % 1)),
    );
    await Promise.all([finish(), ...races]);
    const story = await account.settle(witness, ...racers.map(({ tab }) => tab));
    assert.equal(story.events.at(-1)?.type, "RUN_FINISHED");
    for (const racer of racers) ends[whenEnded(racer, story.position)] += 1;
  }
  account.report(test, `joins as the run ends, ${where}`);
  test.diagnostic(
    `the end was in the log at the join ${ends.before} times, came between the join and its replayed ${ends.replayed} times, live ${ends.live} times`,
  );
  assert.equal(account.resumes, repetitions * RACERS);
  await pair.assertAtRest();
}

describe("a join as the run ends", () => {
  it("shows the end once, after every word, whichever of the two is first", async (test) =>
    race(test, await openPair(test), 50));

  it("does so where each instance hears late of the other, and begins late to listen", async (test) =>
    race(test, await openPair(test, { newsLagMs: LAG_MS }), 30, "each hears late of the other"));

  it("does so where the instances are processes of their own", async (test) =>
    race(test, await openProcessPair(test), 30, "in processes of their own"));
});
