// What a session over the WebSocket adds to the metrics, scraped over HTTP: exact increments, by scripted visitors.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { AppOverrides } from "#app/app.ts";
import { AppError } from "#app/core/errors.ts";
import type { RunLease } from "#app/services/chatbot/run-lease.ts";
import { Talk } from "../support/conversation.ts";
import { createLocalBundle } from "../support/local-bundle.ts";
import { parseMetrics, type Scrape } from "../support/metrics-text.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { type RunningApp, startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { openRefused } from "../support/socket-client.ts";
import { until } from "../support/until.ts";

async function start(t: TestContext, env: Record<string, string> = {}, overrides: AppOverrides = {}) {
  const model = createScriptedModel();
  const app = await startApp(t, { model, registry: createSmallRegistry(), ...overrides }, env);
  return { app, model, open: async () => new Talk(await app.connect()) };
}

async function scrape({ url }: RunningApp): Promise<Scrape> {
  return parseMetrics(await (await fetch(`${url}/metrics`)).text());
}

/** The series of a name that are not 0, as `label,label → value`. */
function counted(text: Scrape, name: string): Record<string, number> {
  const samples = text.of(`parley_${name}`).filter(({ value }) => value !== 0);
  return Object.fromEntries(samples.map(({ labels, value }) => [Object.values(labels).join(), value]));
}

describe("connections", () => {
  it("are counted as they come, and shown as long as they are there", async (t) => {
    const { app, open } = await start(t);
    assert.equal((await scrape(app)).value("parley_connections_total"), 0);
    const [one] = await Promise.all([open(), open(), open()]);
    assert.deepEqual(counted(await scrape(app), "connections"), { "": 3 });
    await one?.client.close();
    await until("one is gone", () => app.log.named("websocket_disconnected").length === 1);
    const text = await scrape(app);
    assert.equal(text.value("parley_connections"), 2);
    assert.equal(text.value("parley_connections_total"), 3);
  });

  it("that are refused count as errors of that route, and by the limit that refused them", async (t) => {
    const env = { WS_MAX_CONNECTIONS: "2", WS_MAX_CONNECTIONS_PER_ADDRESS: "1" };
    const { app, open } = await start(t, { ...env, TRUSTED_PROXIES: "127.0.0.1" });
    const socketUrl = `ws://127.0.0.1:${app.port}/api/v1/chat/ws`;
    await open();
    await openRefused(socketUrl);
    await app.connect("", { headers: { "X-Forwarded-For": "203.0.113.9" } });
    await openRefused(socketUrl, { headers: { "X-Forwarded-For": "203.0.113.10" } });
    await openRefused(socketUrl, { origin: "https://evil.example" });
    await openRefused(`${socketUrl}?persona=nobody`);
    const text = await scrape(app);
    assert.deepEqual(counted(text, "limits_total"), { "connections-per-address": 1, connections: 2 });
    const route = "/api/v1/chat/ws";
    assert.deepEqual(counted(text, "errors_total"), {
      [`${route},rate_limit`]: 1,
      [`${route},internal`]: 2,
      [`${route},authorization`]: 1,
    });
    assert.equal(text.value("parley_connections_total"), 2);
  });
});

describe("runs", () => {
  it("are counted by outcome and source at their end, with their times", async (t) => {
    const { app, model, open } = await start(t);
    const talk = await open();
    await talk.ask("first");
    model.script({ fail: new AppError("llm_unavailable") });
    await talk.ask("fails before a word");
    model.script("half", { fail: new AppError("llm_timeout") });
    await talk.ask("fails after one");
    const script = createPacedScript("to be ", "stopped");
    model.script(...script.steps);
    const { runId } = await talk.say("stop it");
    await talk.heard("to be ");
    talk.client.send({ type: "stop", runId });
    await talk.run(runId);
    const text = await scrape(app);
    assert.deepEqual(counted(text, "runs_total"), {
      "success,model": 1,
      "error,none": 1,
      "error,model": 1,
      "cancelled,model": 1,
    });
    assert.deepEqual(counted(text, "errors_total"), { "run,external_service": 2 });
    assert.equal(text.value("parley_run_duration_seconds_count"), 4);
    assert.equal(text.value("parley_run_first_token_seconds_count"), 3);
    assert.ok(text.value("parley_run_duration_seconds_sum") < 60, "in seconds");
  });

  it("are shown while they run and while they wait, and their fifth in one line is refused", async (t) => {
    const { app, model, open } = await start(t, { RUNS_AT_ONCE: "1" });
    const gate = Promise.withResolvers<void>();
    model.script("one ", { until: gate.promise });
    const [one, other] = [await open(), await open()];
    const first = await one.say("one");
    await one.heard("one ");
    const second = await other.say("two");
    const waits = async () => counted(await scrape(app), "waiting_runs");
    let waiting = await waits();
    for (let look = 0; look < 100 && waiting[""] !== 1; look += 1) waiting = await waits();
    assert.deepEqual(waiting, { "": 1 });
    assert.deepEqual(counted(await scrape(app), "running_runs"), { "": 1 });
    gate.resolve();
    await one.run(first.runId);
    await other.run(second.runId);
    const idle = async () => (await scrape(app)).value("parley_running_runs") === 0;
    let isIdle = await idle();
    for (let look = 0; look < 100 && !isIdle; look += 1) isIdle = await idle();
    assert.ok(isIdle);
    assert.deepEqual(await waits(), {});
  });

  it("cost the counters nothing while their words flow", async (t) => {
    const { app, model, open } = await start(t);
    const script = createPacedScript(...Array.from({ length: 41 }, (_, index) => `word${index} `));
    model.script(...script.steps);
    const talk = await open();
    const { runId } = await talk.say("speak");
    await talk.heard("word0 ");
    const samples = async () =>
      (await scrape(app)).samples.filter(
        ({ name, labels }) => /^parley_.*(?:_total|_count|_sum)$/.test(name) && labels.route !== "/metrics",
      );
    const before = await samples();
    for (let word = 1; word < 40; word += 1) script.advance();
    await talk.heard("word39 ");
    assert.deepEqual(await samples(), before);
    script.finish();
    await talk.run(runId);
  });
});

describe("frames that are refused", () => {
  it("count as errors of the route ws by category, and by the limit that refused them", async (t) => {
    const { app, open } = await start(t, { MESSAGES_PER_MINUTE_PER_CONNECTION: "1" });
    const talk = await open();
    for (const frame of ["{", { type: "bogus" }, { type: "stop" }]) {
      talk.client.send(frame);
      await talk.refused();
    }
    talk.client.send({ type: "join", conversationId: "x".repeat(22), resumeToken: "y".repeat(22) });
    await talk.refused();
    await talk.ask("the only one");
    talk.client.send({ type: "message", text: "too much" });
    assert.equal((await talk.refused()).code, "rate_limited");
    const text = await scrape(app);
    assert.deepEqual(counted(text, "errors_total"), {
      "ws,validation": 3,
      "ws,not_found": 1,
      "ws,rate_limit": 1,
    });
    assert.deepEqual(counted(text, "limits_total"), { "connection-message": 1 });
  });

  it("of a flood are counted once, when it is cut off", async (t) => {
    const { app, open } = await start(t);
    const talk = await open();
    for (let frame = 0; frame <= 1_200; frame += 1) talk.client.send({ type: "ack", seq: 1 });
    assert.equal((await talk.client.closed).code, 4006);
    assert.deepEqual(counted(await scrape(app), "limits_total"), { frame: 1 });
  });

  it("of one address are counted by their limit, over HTTP too", async (t) => {
    const { app, open } = await start(t, { MESSAGES_PER_MINUTE: "1" });
    const talk = await open();
    await talk.join();
    talk.client.send({ type: "join" });
    assert.equal((await talk.refused()).code, "rate_limited");
    const headers = { "Content-Type": "application/json" };
    const post = () => fetch(`${app.url}/api/v1/chat`, { method: "POST", headers, body: '{"message":"hi"}' });
    assert.equal((await post()).status, 200);
    assert.equal((await post()).status, 429);
    assert.deepEqual(counted(await scrape(app), "limits_total"), { join: 1, message: 1 });
  });
});

describe("coming back", () => {
  it("is counted by whether it could go on; a join without a position is not", async (t) => {
    const { app, open } = await start(t, {}, { storage: createLocalBundle() });
    const talk = await open();
    const { conversationId, resumeToken, epoch } = await talk.join();
    await talk.ask("hello");
    const back = { conversationId, resumeToken };
    assert.equal((await (await open()).join(back)).recovered, undefined);
    assert.equal((await (await open()).join({ ...back, epoch, after: 1 })).recovered, true);
    assert.equal((await (await open()).join({ ...back, epoch, after: 2 })).recovered, true);
    assert.equal((await (await open()).join({ ...back, epoch: "another", after: 1 })).recovered, false);
    assert.deepEqual(counted(await scrape(app), "resumes_total"), { true: 2, false: 1 });
  });

  it("of an instance to what a dead one left is counted as taken over", async (t) => {
    const storage = createLocalBundle();
    const id = "d".repeat(22);
    await storage.store.create({
      id,
      tokenHash: "",
      persona: { kind: "persona", id: "persona" },
      createdAt: 0,
    });
    const message = { id: "m", role: "user", content: "x", createdAt: 0, runId: "r" } as const;
    await storage.store.accept(id, { type: "message", runId: "r", message, cancelled: false });
    const lease = await storage.lease.acquire(id);
    assert.ok(lease);
    await storage.store.record(lease, { type: "run-started", runId: "r" });
    await storage.log.open(id);
    const started = { type: "RUN_STARTED", threadId: id, runId: "r", timestamp: 0, seq: 1 };
    await storage.log.append(lease, { firstSeq: 1, events: [JSON.stringify(started)], floorSeq: 1 });
    await storage.lease.release(lease, false);
    const lost: RunLease = {
      acquire: (wanted) => storage.lease.acquire(wanted),
      renew: (held) => storage.lease.renew(held),
      release: (held, isDone) => storage.lease.release(held, isDone),
      abandoned: async () => [id],
    };
    const { app, model } = await start(t, {}, { storage: { ...storage, lease: lost } });
    await until("it is answered anew", () => app.log.named("run_finished").length === 1);
    assert.equal(model.calls.length, 1);
    const text = await scrape(app);
    assert.equal(text.value("parley_takeovers_total"), 1);
    assert.deepEqual(counted(text, "runs_total"), { "success,model": 1 });
  });
});
