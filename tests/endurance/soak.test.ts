// Five minutes of soak as part of all tests; SOAK_SECONDS makes it shorter or longer. Prints the books.

import assert from "node:assert/strict";
import { it } from "node:test";
import { type SoakReport, soak } from "./soak.ts";

const SECONDS = Number(process.env.SOAK_SECONDS) || 300;
/** Start, the last replies, both rests, and a loaded machine. */
const AROUND_MS = 240_000;
/** In less, memory has not come to its level, and a slope says nothing. */
const LONG_ENOUGH_S = 240;
/** Live objects are level as soon as the first conversations have left; what the allocator keeps, not in minutes. */
const MAX_HEAP_SLOPE_MB_PER_MINUTE = 3;
const RSS_LEVEL_AFTER_S = 900;
const MAX_RSS_SLOPE_MB_PER_MINUTE = SECONDS < RSS_LEVEL_AFTER_S ? 15 : 3;
/** The median: a loaded machine stops every process once in a while. */
const MAX_LAG_MS = 250;
/** Kept connections come and go. */
const SPARE_HANDLES = 4;

function assertAtRest({ rest }: SoakReport): void {
  for (const [before, after] of rest) {
    assert.ok(after.handles <= before.handles + SPARE_HANDLES, `handles ${before.handles}, ${after.handles}`);
    assert.ok(after.files <= before.files + SPARE_HANDLES, `files ${before.files}, ${after.files}`);
  }
}

function assertLevel({ gauges }: SoakReport): void {
  for (const gauge of gauges) {
    for (const [of, most] of [
      ["heapMb", MAX_HEAP_SLOPE_MB_PER_MINUTE],
      ["rssMb", MAX_RSS_SLOPE_MB_PER_MINUTE],
    ] as const) {
      const slope = gauge.slope(of);
      assert.ok(slope < most, `${of} grows by ${slope.toFixed(2)} MB a minute`);
    }
  }
}

it(`100 streams and a fault every 10 s for ${SECONDS} s: each message is answered once or ended explicitly, and nothing is left behind`, {
  timeout: SECONDS * 1000 + AROUND_MS,
}, async (t) => {
  const report = await soak({ seconds: SECONDS });
  for (const line of report.lines) t.diagnostic(line);
  const { account, harm, gauges } = report;
  assert.deepEqual([account.lost, account.repeated, account.conversations.gone], [0, 0, 0]);
  assert.deepEqual(account.faults, []);
  assert.deepEqual(harm, []);
  assert.ok(account.accepted > 0 && (account.finishedBy.get("model") ?? 0) > 0, "it was at work");
  assertAtRest(report);
  for (const gauge of gauges) assert.ok(gauge.lagMs(0.5) < MAX_LAG_MS, `${gauge.lagMs(0.5)} ms late`);
  if (SECONDS >= LONG_ENOUGH_S) assertLevel(report);
});
