// The table of replies: one line a fault story, in one form for all, and the two figures of it that have to be 0.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { RunStory } from "./story.ts";

/** Accepted messages. */
export interface ReplyCounts {
  /** Whose answer was begun. */
  readonly started: number;
  /** Whose answer came to its end, whole. */
  readonly finished: number;
  /** Of these: broken off by the fault, and answered in another run. */
  readonly again: number;
  /** Of which nobody was told an end. */
  readonly lost: number;
  /** With two whole answers. */
  readonly repeated: number;
}

/** @param note what else became of some of them, such as `1 given up at its second fault` */
export function tellReplies(test: TestContext, story: string, counts: ReplyCounts, note?: string): void {
  const { started, finished, again, lost, repeated } = counts;
  const figures = `started ${started}, finished ${finished}, interrupted and answered again ${again}, lost ${lost}, repeated ${repeated}`;
  test.diagnostic(`replies | ${story}${note === undefined ? "" : ` (${note})`} | ${figures}`);
  assert.deepEqual({ lost, repeated }, { lost: 0, repeated: 0 }, story);
}

/** @param runsOf the runs of each accepted message, as one reader saw them */
export function countReplies(runsOf: readonly (readonly Pick<RunStory, "outcome">[])[]): ReplyCounts {
  const whole = runsOf.map((runs) => runs.filter(({ outcome }) => outcome === "success").length);
  const count = (matches: (times: number) => boolean): number => whole.filter(matches).length;
  return {
    started: runsOf.filter((runs) => runs.length > 0).length,
    finished: count((times) => times > 0),
    again: runsOf.filter((runs, index) => runs.length > 1 && (whole[index] ?? 0) > 0).length,
    lost: count((times) => times === 0),
    repeated: count((times) => times > 1),
  };
}
