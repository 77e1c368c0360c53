// The history by minute: what it counts, how it fills silence, and that it stays small.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MinuteHistory } from "#app/core/minute-history.ts";

const START = Date.UTC(2026, 10, 21, 9, 0, 30);
const MINUTE_MS = 60_000;

function createClocked(retentionMinutes = 5) {
  const clock = { nowMs: START, open: 0 };
  const history = new MinuteHistory({
    retentionMinutes,
    connections: () => clock.open,
    now: () => clock.nowMs,
  });
  return { clock, history };
}

const RUN = { failed: false, firstTokenMs: 100, tokens: 10 };

describe("a history of minutes", () => {
  test("sums up what happened in a minute, the open one included", () => {
    const { clock, history } = createClocked();
    history.addRun(RUN);
    history.addRun({ failed: true, firstTokenMs: null, tokens: 0 });
    history.addRun({ failed: false, firstTokenMs: 300, tokens: 5 });
    history.addError();
    clock.nowMs += MINUTE_MS;
    history.addRun(RUN);
    const [first, second, ...rest] = history.list();
    assert.deepEqual(first, {
      minute: "2026-11-21T09:00:00.000Z",
      runs: 3,
      failedRuns: 1,
      errors: 1,
      firstToken: { count: 2, p50: 100, p95: 300, p99: 300 },
      connectionsPeak: 0,
      tokens: 15,
    });
    assert.partialDeepStrictEqual(second, { minute: "2026-11-21T09:01:00.000Z", runs: 1, errors: 0 });
    assert.deepEqual(rest, []);
  });

  test("remembers the peak of connections of a minute, and carries those that stay into the next", () => {
    const { clock, history } = createClocked();
    clock.open = 7;
    history.noteConnections();
    clock.open = 2;
    clock.nowMs += MINUTE_MS;
    assert.deepEqual(
      history.list().map(({ connectionsPeak }) => connectionsPeak),
      [7, 2],
    );
  });

  test("lists minutes in which nothing happened, and forgets those beyond its retention", () => {
    const { clock, history } = createClocked(3);
    history.addRun(RUN);
    clock.nowMs += 2 * MINUTE_MS;
    assert.deepEqual(
      history.list().map(({ runs }) => runs),
      [1, 0, 0],
    );
    clock.nowMs += MINUTE_MS;
    assert.deepEqual(
      history.list().map(({ minute, runs }) => `${minute.slice(11, 16)} ${runs}`),
      ["09:01 0", "09:02 0", "09:03 0"],
    );
  });

  test("keeps one minute where one is asked for", () => {
    const { clock, history } = createClocked(1);
    history.addRun(RUN);
    clock.nowMs += MINUTE_MS;
    assert.deepEqual(
      history.list().map(({ runs }) => runs),
      [0],
    );
  });

  test("stays within its retention after a silence of years, and makes no more than that", () => {
    const { clock, history } = createClocked(1_440);
    history.addRun(RUN);
    clock.nowMs += 5 * 365 * 24 * 60 * MINUTE_MS;
    const minutes = history.list();
    assert.equal(minutes.length, 1_440);
    assert.equal(minutes.at(-1)?.minute, new Date(clock.nowMs - 30_000).toISOString());
    assert.equal(
      minutes.some(({ runs }) => runs > 0),
      false,
    );
  });

  test("goes on in the open minute when the clock is set back", () => {
    const { clock, history } = createClocked();
    clock.nowMs += MINUTE_MS;
    history.addRun(RUN);
    clock.nowMs -= 10 * MINUTE_MS;
    history.addRun(RUN);
    assert.equal(history.list().at(-1)?.runs, 2);
  });

  test("keeps a bounded number of durations of a minute, whatever comes", () => {
    const { history } = createClocked();
    for (let run = 0; run < 10_000; run += 1) history.addRun({ ...RUN, firstTokenMs: run });
    const [minute] = history.list();
    assert.equal(minute?.runs, 10_000);
    assert.equal(minute?.firstToken.count, 256);
  });

  test("sums the last minutes, and not those before", () => {
    const { clock, history } = createClocked();
    history.addRun({ ...RUN, failed: true });
    clock.nowMs += MINUTE_MS;
    history.addRun(RUN);
    history.addRun({ ...RUN, failed: true });
    assert.deepEqual(history.sum(1), { runs: 2, failedRuns: 1 });
    assert.deepEqual(history.sum(2), { runs: 3, failedRuns: 2 });
  });
});
