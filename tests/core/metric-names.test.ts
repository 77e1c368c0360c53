// The table of metrics held against the product: nothing in it that nobody counts, nothing counted that is not in it.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { COUNTERS, GAUGES, HISTOGRAMS, type MetricRow } from "#app/core/metric-names.ts";
import { readSources } from "../support/house-rules.ts";

const SOURCES = Object.entries(readSources(join(import.meta.dirname, "../.."), ["app"]))
  .filter(([path]) => !path.startsWith("app/core/metric"))
  .map(([, source]) => source)
  .join("\n");

/** The names that the app hands to one of the three methods. */
function namesGivenTo(method: "count" | "observe" | "gauge"): string[] {
  const calls = SOURCES.matchAll(new RegExp(`metrics\\??\\.${method}\\(\\s*"([^"]+)"`, "g"));
  return [...new Set([...calls].map(([, name = ""]) => name))].toSorted();
}

describe("the table of metrics", () => {
  it("has exactly the counters that are counted somewhere in the app", () => {
    assert.deepEqual(namesGivenTo("count"), Object.keys(COUNTERS).toSorted());
  });

  it("has exactly the histograms that are observed", () => {
    assert.deepEqual(namesGivenTo("observe"), Object.keys(HISTOGRAMS).toSorted());
  });

  it("has exactly the gauges that are read", () => {
    assert.deepEqual(namesGivenTo("gauge"), Object.keys(GAUGES).toSorted());
  });

  it("keeps to the naming of Prometheus: totals count, times are in seconds, buckets grow", () => {
    const rows: Readonly<Record<string, MetricRow>> = { ...COUNTERS, ...HISTOGRAMS, ...GAUGES };
    for (const [name, { help, labels = {} }] of Object.entries(rows)) {
      assert.match(name, /^[a-z]+(?:_[a-z]+)*$/);
      assert.equal(name.endsWith("_total"), name in COUNTERS, name);
      assert.match(help, /^[A-Z0-9].*\.$/);
      for (const label of Object.keys(labels)) assert.match(label, /^[a-z]+$/);
    }
    for (const [name, { buckets }] of Object.entries(HISTOGRAMS)) {
      assert.ok(name.endsWith("_seconds"), name);
      assert.deepEqual(
        buckets,
        buckets.toSorted((a, b) => a - b),
      );
    }
  });
});
