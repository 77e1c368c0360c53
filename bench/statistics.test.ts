// Percentiles, medians, and the sums over a CPU profile.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { heaviest } from "./cpu-profile.ts";
import { median, percentile } from "./percentile.ts";

test("a percentile is the nearest rank, whatever the order", () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  assert.equal(percentile(values, 50), 100);
  assert.equal(percentile(values, 99), 198);
  assert.equal(percentile([7], 99), 7);
  assert.ok(Number.isNaN(percentile([], 50)));
});

test("the median of an even count lies between the two in the middle", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test("a profile's own times, and ours with what they called, are per unit and leave idle time out", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "parley-bench-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const frame = (functionName: string, url = "", lineNumber = 0) => ({ functionName, url, lineNumber });
  const nodes = [
    { id: 1, callFrame: frame("(root)"), children: [2, 4] },
    { id: 2, callFrame: frame("respond", "file:///x/app/agent.ts", 9), children: [3] },
    { id: 3, callFrame: frame("stem", "file:///x/node_modules/stemmers/en.js", 0) },
    { id: 4, callFrame: frame("(idle)") },
  ];
  const path = join(folder, "a.cpuprofile");
  // The time after a sample is the sample's.
  writeFileSync(path, JSON.stringify({ nodes, samples: [2, 3, 4, 2], timeDeltas: [0, 100, 300, 5_000] }));
  const lines = heaviest(path, 10, "turn", 5).split("\n");
  assert.equal(lines[0], "40.00 µs a turn. By origin:");
  assert.match(lines[1] ?? "", /30\.000 µs {2}75\.0 % {2}node_modules\/stemmers$/);
  assert.match(lines[2] ?? "", /10\.000 µs {2}25\.0 % {2}app$/);
  assert.match(lines[4] ?? "", /30\.000 µs {2}75\.0 % {2}stem node_modules\/stemmers\/en\.js:1$/);
  assert.match(lines.at(-1) ?? "", /40\.000 µs 100\.0 % {2}respond app\/agent\.ts:10$/);
});
