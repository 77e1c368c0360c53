// The registry of an app: names, bounded labels, histograms, gauges that are read at a scrape, and that it never throws.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { COUNTERS, GAUGES, HISTOGRAMS } from "#app/core/metric-names.ts";
import { Metrics } from "#app/core/metrics.ts";
import { parseMetrics } from "../support/metrics-text.ts";

const scrape = async (metrics: Metrics) => parseMetrics(await metrics.text());

describe("a counter", () => {
  it("counts one, or as many as it is told, under its prefixed name", async () => {
    const metrics = new Metrics();
    metrics.count("takeovers_total");
    metrics.count("takeovers_total");
    metrics.count("tokens_total", { model: "m", direction: "input" }, 12);
    metrics.count("tokens_total", { model: "m", direction: "output" }, 0.5);
    const text = await scrape(metrics);
    assert.equal(text.value("parley_takeovers_total"), 2);
    assert.equal(text.value("parley_tokens_total", { model: "m", direction: "input" }), 12);
    assert.equal(text.value("parley_tokens_total", { model: "m", direction: "output" }), 0.5);
  });

  for (const by of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    it(`neither counts ${by} nor throws`, async () => {
      const metrics = new Metrics();
      metrics.count("takeovers_total", {}, by);
      assert.equal((await scrape(metrics)).value("parley_takeovers_total"), 0);
    });
  }
});

describe("a label", () => {
  const labelsAfter = async (metrics: Metrics, name: string) =>
    (await scrape(metrics)).of(name).map(({ labels }) => labels);

  it("is other where its value is not on the list, and none where it was not given", async () => {
    const metrics = new Metrics();
    metrics.count("runs_total", { outcome: "success", source: "model" });
    metrics.count("runs_total", { outcome: "exploded", source: "__proto__" });
    metrics.count("runs_total", { outcome: "error" });
    assert.deepEqual(await labelsAfter(metrics, "parley_runs_total"), [
      { outcome: "success", source: "model" },
      { outcome: "other", source: "other" },
      { outcome: "error", source: "none" },
    ]);
  });

  it("is dropped where the metric has no such label", async () => {
    const metrics = new Metrics();
    metrics.count("takeovers_total", { visitor: "203.0.113.9" });
    metrics.count("retries_total", { circuit: "llm", visitor: "203.0.113.9" });
    assert.deepEqual(await labelsAfter(metrics, "parley_takeovers_total"), [{}]);
    assert.deepEqual(await labelsAfter(metrics, "parley_retries_total"), [{ circuit: "llm" }]);
  });

  it("takes 64 different values where it has no list, and no more, however many come", async () => {
    const metrics = new Metrics();
    for (let index = 0; index < 5_000; index += 1)
      metrics.count("requests_total", { route: `/r${index}`, method: `M${index}`, status: `${index}` });
    const labels = await labelsAfter(metrics, "parley_requests_total");
    assert.equal(new Set(labels.map(({ route }) => route)).size, 65);
    assert.deepEqual([...new Set(labels.map(({ method }) => method))], ["other"]);
    // 100 to 599, and everything that is no status.
    assert.equal(new Set(labels.map(({ status }) => status)).size, 501);
    metrics.count("requests_total", { route: "/r63", method: "GET", status: "200" });
    metrics.count("requests_total", { route: "/r64", method: "GET", status: "200" });
    const text = await scrape(metrics);
    const ok = { method: "GET", status: "200" };
    assert.equal(text.value("parley_requests_total", { route: "/r63", ...ok }), 1);
    assert.equal(text.value("parley_requests_total", { route: "/r64", ...ok }), 0);
    assert.equal(text.value("parley_requests_total", { route: "other", ...ok }), 1);
  });

  it("is other where its value is longer than any name of ours", async () => {
    const metrics = new Metrics();
    metrics.count("limits_total", { limit: "x".repeat(129) });
    metrics.count("limits_total", { limit: "x".repeat(128) });
    const labels = await labelsAfter(metrics, "parley_limits_total");
    assert.deepEqual(labels, [{ limit: "other" }, { limit: "x".repeat(128) }]);
  });

  it("keeps to the values that were made known, where some were", async () => {
    const metrics = new Metrics({ known: { model: ["gpt-4.1", "gpt-4.1-mini", "local"] } });
    const named = ["local", "gpt-4.1", "gpt-4.1-2025-04-14", "gpt-4.1-mini", "LOCAL", "gpt-4", "none", ""];
    for (const model of named) metrics.count("cost_total", { model }, 2);
    const text = await scrape(metrics);
    const costs = text.of("parley_cost_total").map(({ labels, value }) => [labels.model, value]);
    assert.deepEqual(costs, [
      ["local", 2],
      ["gpt-4.1", 2],
      ["other", 10],
      ["gpt-4.1-mini", 2],
    ]);
  });

  it("may hold quotes, backslashes and line feeds without breaking the text", async () => {
    const metrics = new Metrics();
    const limit = 'a"} 1\nparley_takeovers_total 99\\n\\';
    metrics.count("limits_total", { limit });
    const text = await scrape(metrics);
    assert.equal(text.value("parley_limits_total", { limit }), 1);
    assert.equal(text.value("parley_takeovers_total"), 0);
  });
});

describe("a histogram", () => {
  it("has cumulative buckets, the sum and the count in seconds", async () => {
    const metrics = new Metrics();
    for (const seconds of [0.02, 0.3, 999]) metrics.observe("run_first_token_seconds", seconds);
    const text = await scrape(metrics);
    const bucket = (le: string) => text.value("parley_run_first_token_seconds_bucket", { le });
    assert.deepEqual(["0.01", "0.025", "0.25", "0.5", "30", "+Inf"].map(bucket), [0, 1, 1, 2, 2, 3]);
    assert.equal(text.value("parley_run_first_token_seconds_count"), 3);
    assert.equal(text.value("parley_run_first_token_seconds_sum"), 999.32);
  });

  it("does not take what is no number, and does not throw", async () => {
    const metrics = new Metrics();
    metrics.observe("run_duration_seconds", Number.NaN);
    metrics.observe("run_duration_seconds", Number.POSITIVE_INFINITY);
    assert.equal((await scrape(metrics)).value("parley_run_duration_seconds_count"), 0);
  });
});

describe("a gauge", () => {
  it("is read at each scrape, and only then", async () => {
    const metrics = new Metrics();
    let reads = 0;
    metrics.gauge("connections", () => {
      reads += 1;
      return reads * 10;
    });
    assert.equal(reads, 0);
    assert.equal((await scrape(metrics)).value("parley_connections"), 10);
    assert.equal((await scrape(metrics)).value("parley_connections"), 20);
  });

  it("has a series for each labels, and forgets those that are read no more", async () => {
    const metrics = new Metrics();
    let circuits = ["llm", "redis"];
    metrics.gauge("circuit_state", () =>
      circuits.map((circuit) => ({ labels: { circuit }, value: circuit.length })),
    );
    const series = async () =>
      (await scrape(metrics)).of("parley_circuit_state").map(({ labels, value }) => [labels.circuit, value]);
    assert.deepEqual(await series(), [
      ["llm", 3],
      ["redis", 5],
    ]);
    circuits = ["redis"];
    assert.deepEqual(await series(), [["redis", 5]]);
  });

  it("is left out while nobody reads it, has nothing to say, or fails; the rest of the text is there", async () => {
    const metrics = new Metrics();
    metrics.gauge("running_runs", () => {
      throw new Error("broken");
    });
    metrics.gauge("redis_latency_seconds", () => Promise.reject(new Error("away")));
    metrics.gauge("event_loop_lag_seconds", () => undefined);
    metrics.gauge("connections", async () => 4);
    const text = await scrape(metrics);
    for (const name of ["running_runs", "redis_latency_seconds", "event_loop_lag_seconds", "waiting_runs"])
      assert.deepEqual(text.of(`parley_${name}`), [], name);
    assert.equal(text.value("parley_connections"), 4);
  });

  it("stands once in the text of each of two scrapes at one time", async () => {
    const metrics = new Metrics();
    const gate = Promise.withResolvers<number>();
    metrics.gauge("redis_latency_seconds", () => gate.promise);
    const scrapes = [scrape(metrics), scrape(metrics)];
    gate.resolve(0.25);
    for (const text of await Promise.all(scrapes))
      assert.deepEqual(
        text.of("parley_redis_latency_seconds").map(({ value }) => value),
        [0.25],
      );
  });
});

describe("the text", () => {
  it("names every metric of the table with its kind, and what the process takes", async () => {
    const text = await scrape(new Metrics());
    const named = (table: object) => Object.keys(table).map((name) => text.types.get(`parley_${name}`));
    assert.deepEqual(new Set(named(COUNTERS)), new Set(["counter"]));
    assert.deepEqual(new Set(named(HISTOGRAMS)), new Set(["histogram"]));
    assert.deepEqual(new Set(named(GAUGES)), new Set(["gauge"]));
    assert.ok(text.value("process_resident_memory_bytes") > 1_000_000);
    assert.equal(new Metrics().contentType, "text/plain; version=0.0.4; charset=utf-8");
  });

  it("is of one app alone: two in one process share nothing", async () => {
    const [one, other] = [new Metrics(), new Metrics()];
    one.count("takeovers_total");
    one.gauge("connections", () => 7);
    assert.equal((await scrape(one)).value("parley_connections"), 7);
    const text = await scrape(other);
    assert.equal(text.value("parley_takeovers_total"), 0);
    assert.deepEqual(text.of("parley_connections"), []);
    assert.equal((await scrape(one)).value("parley_takeovers_total"), 1);
  });
});
