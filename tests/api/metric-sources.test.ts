// What is read at a scrape from the parts of the app: circuits, storage, the latency of Redis, the event loop; and
// calls that were made again, as the log tells of them.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { countRetries, type GaugeSources, readGauges } from "#app/api/metric-sources.ts";
import { createCircuits } from "#app/core/circuits.ts";
import { parseConfig } from "#app/core/config.ts";
import { tapLogger } from "#app/core/log-tap.ts";
import { Metrics } from "#app/core/metrics.ts";
import { connectRedis } from "#app/core/redis.ts";
import { defineScript } from "#app/core/redis-script.ts";
import { RunAdmission } from "#app/services/chatbot/run-admission.ts";
import { assertWithin } from "../support/held-up.ts";
import { parseMetrics } from "../support/metrics-text.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { RedisServer } from "../support/redis-server.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

const NEVER = new AbortController().signal;

function sourcesOf(t: TestContext, sources: Partial<GaugeSources> = {}) {
  const circuits = createCircuits({ settings: parseConfig({}).circuits, logger: createRecordingLogger() });
  const stopped = new AbortController();
  t.after(() => {
    circuits.close();
    stopped.abort();
  });
  const metrics = new Metrics();
  readGauges(metrics, {
    sockets: { places: { open: 3 } },
    circuits,
    admission: { running: 2, waiting: 1 },
    redis: undefined,
    storageMode: () => "memory",
    signal: stopped.signal,
    ...sources,
  });
  return { circuits, metrics, scrape: async () => parseMetrics(await metrics.text()) };
}

describe("the gauges", () => {
  it("show the parts as they are at the scrape", async (t) => {
    const { scrape } = sourcesOf(t);
    const text = await scrape();
    const values = ["connections", "running_runs", "waiting_runs"].map((name) =>
      text.value(`parley_${name}`),
    );
    assert.deepEqual(values, [3, 2, 1]);
    assert.deepEqual(text.of("parley_redis_latency_seconds"), [], "there is no Redis");
  });

  it("show every circuit, and which one is open", async (t) => {
    const { circuits, scrape } = sourcesOf(t);
    const states = async () =>
      Object.fromEntries(
        (await scrape()).of("parley_circuit_state").map(({ labels, value }) => [labels.circuit, value]),
      );
    const closed = { llm: 0, "fallback-llm": 0, redis: 0, mail: 0 };
    assert.deepEqual(await states(), closed);
    const ill = () => Promise.reject(new Error("ill"));
    for (let call = 0; call < 5; call += 1)
      await circuits
        .get("mail")
        .run(ill, NEVER)
        .catch(() => undefined);
    assert.deepEqual(await states(), { ...closed, mail: 2 });
    circuits.reset("mail");
    assert.deepEqual(await states(), closed);
  });

  it("show where new conversations are kept, as exactly one of two", async (t) => {
    let mode: "redis" | "memory" = "redis";
    const { scrape } = sourcesOf(t, { storageMode: () => mode });
    const modes = async () => {
      const text = await scrape();
      return ["redis", "memory"].map((name) => text.value("parley_storage_mode", { mode: name }));
    };
    assert.deepEqual(await modes(), [1, 0]);
    mode = "memory";
    assert.deepEqual(await modes(), [0, 1]);
  });

  it("show how late the event loop is, since the last scrape alone", async (t) => {
    const { scrape } = sourcesOf(t);
    const lag = async () => (await scrape()).value("parley_event_loop_lag_seconds");
    let late = 0;
    // A stall that begins before the first sample is not seen: then there is another one, later.
    for (let round = 0; round < 20 && late < 0.15; round += 1) {
      await pause(20 * (round + 1));
      const stallUntil = performance.now() + 200;
      while (performance.now() < stallUntil);
      await pause(20);
      late = await lag();
    }
    assert.ok(late > 0.15, `${late} s`);
    let later = late;
    for (let look = 0; look < 100 && later > 0.15; look += 1) {
      await pause(50);
      later = await lag();
    }
    assert.ok(later < 0.15, "what was told once is not told for ever");
  });
});

describe("a full house", () => {
  it("tells of each message that it refuses for want of a place to wait in", () => {
    let refused = 0;
    const onRefused = () => {
      refused += 1;
    };
    const admission = new RunAdmission({ maxRuns: 1, maxRunsPerVisitor: 1, maxWaiting: 0, onRefused });
    assert.throws(() => admission.assertRoom(), { code: "overloaded" });
    assert.throws(() => admission.assertRoom(), { code: "overloaded" });
    assert.equal(refused, 2);
  });
});

describe("calls that are made again", () => {
  it("are counted where the log tells of them, and nothing else in the log is", async () => {
    const metrics = new Metrics();
    const log = createRecordingLogger();
    const logger = tapLogger(log, countRetries(metrics));
    logger.warn({ circuit: "llm", attempt: 1 }, "llm_call_retry");
    logger.child({ runId: "r" }).warn({ circuit: "fallback-llm" }, "llm_call_retry");
    logger.warn({ circuit: "mail" }, "run_finished");
    logger.warn({ circuit: "anything" }, "llm_call_retry");
    const text = parseMetrics(await metrics.text());
    const counted = text.of("parley_retries_total").map(({ labels, value }) => [labels.circuit, value]);
    assert.deepEqual(counted, [
      ["llm", 1],
      ["fallback-llm", 1],
      ["other", 1],
    ]);
    assert.equal(log.lines.length, 4);
  });

  it("of Redis are counted when a connection was cut", async () => {
    await using server = await RedisServer.start();
    const metrics = new Metrics();
    const log = createRecordingLogger();
    const logger = tapLogger(log, countRetries(metrics));
    const say = defineScript({ name: "say", keys: ["list"], body: "return ARGV[1]" });
    const { connection } = await connectRedis({ url: server.url, logger, scripts: [say] });
    for (let round = 0; round < 50 && log.named("redis_call_retry").length === 0; round += 1) {
      connection.client.stream.destroy();
      assert.equal(await connection.run(say, ["list"], ["hello"]), "hello");
    }
    const retries = log.named("redis_call_retry").length;
    assert.ok(retries > 0);
    const text = parseMetrics(await metrics.text());
    assert.equal(text.value("parley_retries_total", { circuit: "redis" }), retries);
    await connection.close();
  });
});

describe("an app on Redis", () => {
  it("shows its latency; when Redis hangs, the scrape is answered without it, and says where conversations are", async (t) => {
    await using server = await RedisServer.start();
    const parts = { model: createScriptedModel(), registry: createSmallRegistry() };
    const app = await startApp(t, parts, { REDIS_URL: server.url });
    const scrape = async () => parseMetrics(await (await fetch(`${app.url}/metrics`)).text());
    const scrapedAt = performance.now();
    const healthy = await scrape();
    const [latency] = healthy.of("parley_redis_latency_seconds");
    assert.ok(latency && latency.value > 0);
    assertWithin("Redis", latency.value * 1_000, 500, scrapedAt);
    assert.equal(healthy.value("parley_storage_mode", { mode: "redis" }), 1);

    server.pause();
    const startedAt = performance.now();
    const hung = await scrape();
    const tookMs = performance.now() - startedAt;
    assert.deepEqual(hung.of("parley_redis_latency_seconds"), []);
    assertWithin("a scrape", tookMs, 2_500, startedAt);
    let memory = 0;
    for (let look = 0; look < 100 && memory !== 1; look += 1) {
      memory = (await scrape()).value("parley_storage_mode", { mode: "memory" });
      await pause(50);
    }
    assert.equal(memory, 1);
    t.diagnostic(`latency ${latency.value * 1000} ms; a scrape while Redis hangs: ${Math.round(tookMs)} ms`);
    server.resume();
  });
});
