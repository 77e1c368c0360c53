// The operator's view over HTTP, as it is now and minute by minute; and what stands in neither.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { Talk } from "../support/conversation.ts";
import { assertWithin } from "../support/held-up.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { RedisServer } from "../support/redis-server.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { until } from "../support/until.ts";
import { ask, assertHoldsNone, startWithAdmin } from "./administration.ts";

describe("health in detail", () => {
  it("shows the process, its parts, the last replies and the last errors", async (t) => {
    const model = createScriptedModel();
    const app = await startWithAdmin(t, { model });
    const talk = new Talk(await app.connect());
    await talk.ask("a secret word: xyzzy");
    model.script({ fail: new AppError("llm_unavailable", { message: "the provider said plugh" }) });
    await talk.ask("again");
    const { status, body, text } = await ask(app, "/health/detailed");
    assert.equal(status, 200);
    assert.partialDeepStrictEqual(body, {
      status: "ok",
      storage: "memory",
      model: "scripted",
      connections: { open: 1, peak: 1, max: 10_000 },
      runs: { running: 0, writing: 0, waiting: 0 },
      conversations: 1,
      redis: null,
      personas: [
        { kind: "persona", id: "ada" },
        {},
        { kind: "object", id: "card", revision: "222222222222" },
      ],
      latency: { firstToken: { count: 1 }, total: { count: 2 } },
      recentErrors: [{ code: "llm_unavailable", category: "external_service", route: "run" }],
      shedding: [],
      degraded: [],
    });
    const { memory, disk, eventLoopLagMs, uptimeSeconds } = Object(body);
    assert.ok(memory.rssBytes > 1e7 && memory.rssBytes < memory.limitBytes);
    assert.ok(memory.heapUsedBytes > 0 && memory.heapUsedBytes < memory.heapLimitBytes);
    assert.ok(disk.freeBytes > 0 && disk.freeBytes <= disk.totalBytes);
    assert.ok(eventLoopLagMs >= 0 && uptimeSeconds >= 0);
    assert.doesNotMatch(text, /xyzzy|plugh/);
  });

  it("shows the four circuits with their states, and the percentiles of the last replies", async (t) => {
    const app = await startWithAdmin(t);
    const before = (await ask(app, "/health/detailed")).body;
    const nothing = { count: 0, p50: null, p95: null, p99: null };
    assert.deepEqual(before.latency, { firstToken: nothing, total: nothing });
    await new Talk(await app.connect()).ask("hello");
    const { circuits, latency } = (await ask(app, "/health/detailed")).body;
    const states: readonly Record<string, unknown>[] = Object(circuits);
    assert.deepEqual(
      states.map(({ name, state }) => [name, state]),
      ["llm", "fallback-llm", "redis", "mail"].map((name) => [name, "closed"]),
    );
    for (const window of ["firstToken", "total"]) {
      const { count, p50, p95, p99 } = Object(latency)[window];
      assert.equal(count, 1);
      for (const ms of [p50, p95, p99]) assert.ok(Number.isFinite(ms) && ms >= 0, `${window}: ${ms}`);
    }
  });

  it("shows who speaks and who waits for a place", async (t) => {
    const model = createScriptedModel();
    const app = await startWithAdmin(t, { model }, { RUNS_AT_ONCE: "1" });
    const script = createPacedScript("one ", "more");
    model.script(...script.steps);
    const [held, next] = [new Talk(await app.connect()), new Talk(await app.connect())];
    const first = await held.say("speak");
    await held.heard("one ");
    const second = await next.say("me too");
    assert.equal(second.state, "waiting");
    const runs = async () => (await ask(app, "/health/detailed")).body.runs;
    assert.partialDeepStrictEqual(await runs(), { writing: 1, waiting: 1 });
    script.finish();
    assert.equal((await held.run(first.runId)).text, "one more");
    assert.equal((await next.run(second.runId)).outcome, "success");
    assert.partialDeepStrictEqual(await runs(), { waiting: 0 });
  });

  it("shows errors of requests by their route's pattern, newest first", async (t) => {
    const model = createScriptedModel();
    const app = await startWithAdmin(t, { model });
    model.script({ fail: new AppError("llm_timeout") });
    const response = await fetch(`${app.url}/api/v1/chat?private=1`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ message: "hello" }),
    });
    assert.equal(response.status, 503);
    const { body, text } = await ask(app, "/health/detailed");
    const requestId = response.headers.get("x-request-id");
    assert.partialDeepStrictEqual(body.recentErrors, [
      { code: "llm_timeout", route: "/api/v1/chat", requestId },
      { code: "llm_timeout", route: "run" },
    ]);
    assert.doesNotMatch(text, /private/);
  });

  it("shows how far Redis is, and neither its password nor its address", async (t) => {
    await using redis = await RedisServer.start({ password: "p4ssw0rd-of-redis" });
    const startedAt = performance.now();
    const app = await startWithAdmin(t, {}, { REDIS_URL: redis.url });
    const answer = await ask(app, "/health/detailed");
    const { latencyMs } = Object(answer.body.redis);
    assert.ok(latencyMs > 0, `${latencyMs} ms`);
    assertWithin("Redis", latencyMs, 1_000, startedAt);
    assertHoldsNone(answer, ["p4ssw0rd-of-redis", `127.0.0.1:${redis.port}`]);
    await redis.kill();
    await until("it is noticed", () => app.log.named("storage_degraded").length > 0);
    const degraded = await ask(app, "/health/detailed");
    assert.deepEqual([degraded.status, degraded.body.status], [200, "degraded"]);
    assert.deepEqual(degraded.body.redis, { degraded: true, latencyMs: null });
  });

  it("keeps the snapshots of the self-watch", async (t) => {
    const app = await startWithAdmin(t, {}, { HEALTH_CHECK_INTERVAL: "0.05" });
    const snapshots = async () => Object(await ask(app, "/health/detailed")).body.snapshots;
    let taken = await snapshots();
    while (taken.length < 2) taken = await snapshots();
    assert.deepEqual(Object.keys(taken[0].readings), [
      "event_loop_lag",
      "memory",
      "storage",
      "circuits",
      "disk",
      "error_rate",
    ]);
    for (const name of ["storage", "circuits", "error_rate"]) {
      assert.equal(taken[0].readings[name].isBad, false, name);
    }
    assert.ok(Date.parse(taken[0].at) >= Date.parse(taken[1].at));
  });

  it("tells the last hours minute by minute: runs, errors, first tokens, connections, tokens", async (t) => {
    const model = createScriptedModel();
    const app = await startWithAdmin(t, { model });
    const talk = new Talk(await app.connect());
    await talk.ask("one");
    await talk.ask("two");
    model.script({ fail: new AppError("llm_unavailable") });
    await talk.ask("three");
    const { body } = await ask(app, "/health/metrics");
    const minutes: readonly Record<string, number>[] = Object(body.minutes);
    const sum = (name: string) => minutes.reduce((total, minute) => total + (minute[name] ?? 0), 0);
    assert.deepEqual([sum("runs"), sum("failedRuns"), sum("errors")], [3, 1, 1]);
    assert.ok(sum("tokens") >= 4);
    assert.equal(Math.max(...minutes.map(({ connectionsPeak = 0 }) => connectionsPeak)), 1);
    const waits = minutes.flatMap(({ firstToken }) => Object(firstToken).p95 ?? []);
    assert.ok(waits.length > 0 && waits.every((ms) => ms >= 0 && ms < 5_000), waits.join());
  });

  for (const [retention, kept] of [
    ["1", ["12:02"]],
    ["2", ["12:01", "12:02"]],
  ] as const)
    it(`keeps no more than the ${retention} minutes it was told to (METRICS_RETENTION_MINUTES)`, async (t) => {
      t.mock.timers.enable({ apis: ["Date"], now: Date.parse("2031-05-06T12:00:30Z") });
      const app = await startWithAdmin(t, {}, { METRICS_RETENTION_MINUTES: retention });
      const talk = new Talk(await app.connect());
      const listed = async () => {
        const minutes: readonly { minute: string; runs: number }[] = Object(
          (await ask(app, "/health/metrics")).body.minutes,
        );
        return minutes.map(({ minute, runs }) => [minute.slice(11, 16), runs]);
      };
      await talk.ask("in the first minute");
      assert.deepEqual(await listed(), [["12:00", 1]]);
      for (const minute of ["12:01", "12:02"]) {
        t.mock.timers.setTime(Date.parse(`2031-05-06T${minute}:30Z`));
        await talk.ask("in another one");
      }
      assert.deepEqual(
        await listed(),
        kept.map((minute) => [minute, 1]),
      );
    });
});
