// The demonstration's judge finds each fault it is there for: one that finds nothing would show nothing.

import assert from "node:assert/strict";
import { it } from "node:test";
import { type Frame, judge, shownHistory } from "../../deploy/demo/witness.ts";

const TEXT = "one two three";

/** A conversation as it should be: half a reply, its interruption, the whole reply. */
function goodFrames(): Frame[] {
  const events: Frame[] = [
    { type: "RUN_STARTED", runId: "first" },
    { type: "TEXT_MESSAGE_CONTENT", delta: "one " },
    { type: "RUN_ERROR", runId: "first", code: "run_interrupted" },
    { type: "RUN_STARTED", runId: "second", parentRunId: "first" },
    { type: "TEXT_MESSAGE_CONTENT", delta: "one two " },
    { type: "TEXT_MESSAGE_CONTENT", delta: "three" },
    { type: "RUN_FINISHED", runId: "second" },
  ];
  return [{ type: "CUSTOM", name: "hello" }, ...events.map((event, index) => ({ ...event, seq: index + 1 }))];
}

function judgeChanged(change: (frames: Frame[]) => Frame[]): string {
  return judge(change(goodFrames()), TEXT).problems.join("; ");
}

it("finds nothing wrong with a take-over as it should be", () => {
  assert.deepEqual(judge(goodFrames(), TEXT), { events: 7, runs: 2, problems: [] });
});

const FAULTS: Readonly<Record<string, readonly [change: (frames: Frame[]) => Frame[], expected: RegExp]>> = {
  "an event that is lost": [(frames) => frames.toSpliced(6, 1), /1 gaps.*characters/],
  "an event that comes twice": [(frames) => [...frames, frames[7] ?? {}], /1 gaps/],
  "a take-over that never comes": [(frames) => frames.slice(0, 4), /1 replies were begun/],
  "a reply that never ends": [(frames) => frames.slice(0, 7), /1 ended.*did not finish/],
  "an end of another kind": [
    (frames) => frames.map((frame) => (frame.code ? { ...frame, code: "internal_error" } : frame)),
    /did not end as run_interrupted/,
  ],
  "a repeat that does not say what it repeats": [
    (frames) => frames.map((frame) => (frame.parentRunId ? { ...frame, parentRunId: "other" } : frame)),
    /does not say/,
  ],
  "words that the model never said": [
    (frames) => frames.map((frame) => (frame.delta === "three" ? { ...frame, delta: "four" } : frame)),
    /words differ/,
  ],
  "interrupted words that the model never said": [
    (frames) => frames.map((frame) => (frame.delta === "one " ? { ...frame, delta: "ten " } : frame)),
    /no beginning/,
  ],
  "nothing at all": [() => [], /0 replies/],
};
for (const [name, [change, expected]] of Object.entries(FAULTS)) {
  it(`finds ${name}`, () => assert.match(judgeChanged(change), expected));
}

it("reads the history that a window is shown, and an empty one where there was no snapshot", () => {
  const messages = [
    { role: "user", content: "why" },
    { role: "assistant", content: "so" },
  ];
  const frames = [
    { type: "MESSAGES_SNAPSHOT", messages: [] },
    { type: "MESSAGES_SNAPSHOT", messages },
  ];
  assert.deepEqual(shownHistory(frames), ["user: why", "assistant: so"]);
  assert.deepEqual(shownHistory([]), []);
});
