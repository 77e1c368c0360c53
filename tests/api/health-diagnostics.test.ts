// Diagnostics and the test of the public addresses, over HTTP, against a real Redis and a real provider.

import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import fs from "node:fs";
import { createServer } from "node:http";
import { syncBuiltinESMExports } from "node:module";
import { describe, it, type TestContext } from "node:test";
import type { FastifyInstance } from "fastify";
import { GOOD_PERSONA, writeDataFolder } from "../support/data-folder.ts";
import { RedisServer } from "../support/redis-server.ts";
import { type Answer, ask, assertHoldsNone, startWithAdmin } from "./administration.ts";

interface Check {
  readonly status: string;
  readonly durationMs: number;
  readonly message: string;
}

function checksOf({ body }: Answer): Record<string, Check> {
  const checks: readonly (Check & { name: string })[] = Object(body.checks);
  return Object.fromEntries(checks.map(({ name, ...check }) => [name, check]));
}

async function startProvider(t: TestContext, status: number): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end("{}"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  return `http://127.0.0.1:${address.port}/v1`;
}

describe("diagnostics", () => {
  it("try out the data, the disk, Redis, the clock and the provider", async (t) => {
    await using redis = await RedisServer.start({ password: "p4ssw0rd-of-redis" });
    const provider = await startProvider(t, 200);
    const secrets = { OPENAI_API_KEY: "sk-secret-0815", REDIS_URL: redis.url };
    const fallback = {
      FALLBACK_OPENAI_BASE_URL: await startProvider(t, 200),
      FALLBACK_OPENAI_API_KEY: "sk-fallback-0816",
      FALLBACK_OPENAI_MODEL: "second",
    };
    const env = { LLM_PROVIDER: "openai", OPENAI_BASE_URL: provider, ...fallback, ...secrets };
    const app = await startWithAdmin(t, {}, env);
    const answer = await ask(app, "/health/diagnostics");
    const { data, disk, redis: stored, clock, provider: model, fallback: second } = checksOf(answer);
    assert.deepEqual([answer.status, answer.body.ok], [200, true], answer.text);
    assert.match(data?.message ?? "", /^\d+ personas, \d+ objects, \d+ notes\.$/);
    assert.match(disk?.message ?? "", /GiB of .+ GiB free\.$/);
    assert.match(stored?.message ?? "", /^Written and read back in [\d.]+ ms\.$/);
    assert.match(clock?.message ?? "", /^This clock is \d+ ms (?:ahead of|behind) that of Redis\.$/);
    assert.equal(model?.message, "It answers and takes the key.");
    assert.equal(second?.message, "It answers and takes the key.");
    assertHoldsNone(answer, [
      "sk-fallback-0816",
      "p4ssw0rd-of-redis",
      "sk-secret-0815",
      "127.0.0.1",
      String(redis.port),
    ]);
  });

  it("leave out what is not there, and say so", async (t) => {
    const app = await startWithAdmin(t);
    const answer = await ask(app, "/health/diagnostics");
    const { redis, clock, provider, fallback } = checksOf(answer);
    assert.equal(answer.body.ok, true);
    for (const check of [redis, clock, provider, fallback]) assert.equal(check?.status, "skipped");
    assert.match(provider?.message ?? "", /offline/);
  });

  it("say that the fallback refuses its key, beside a model that is well", async (t) => {
    const env = {
      LLM_PROVIDER: "openai",
      OPENAI_BASE_URL: await startProvider(t, 200),
      FALLBACK_OPENAI_BASE_URL: await startProvider(t, 401),
      FALLBACK_OPENAI_MODEL: "second",
    };
    const answer = await ask(await startWithAdmin(t, {}, env), "/health/diagnostics");
    const { provider, fallback } = checksOf(answer);
    assert.deepEqual([answer.body.ok, provider?.status, fallback?.status], [false, "ok", "failed"]);
  });

  for (const [status, outcome, words] of [
    [401, "failed", "The provider refuses the key (401)."],
    [503, "failed", "The provider answers 503."],
    [404, "ok", "It answers; it has no list of models (404)."],
  ] as const) {
    it(`say of a provider that answers ${status}: ${words}`, async (t) => {
      const provider = await startProvider(t, status);
      const app = await startWithAdmin(t, {}, { LLM_PROVIDER: "openai", OPENAI_BASE_URL: provider });
      const { provider: model } = checksOf(await ask(app, "/health/diagnostics"));
      assert.deepEqual([model?.status, model?.message], [outcome, words]);
    });
  }

  it("say in time that Redis is silent, and that nobody is where the provider should be", async (t) => {
    await using redis = await RedisServer.start();
    const env = { LLM_PROVIDER: "openai", OPENAI_BASE_URL: "http://127.0.0.1:9/v1", REDIS_URL: redis.url };
    const app = await startWithAdmin(t, {}, env);
    redis.pause();
    const answer = await ask(app, "/health/diagnostics");
    redis.resume();
    const { redis: stored, clock, provider } = checksOf(answer);
    assert.equal(answer.body.ok, false);
    assert.deepEqual([stored?.status, stored?.message], ["failed", "Redis does not answer."]);
    assert.equal(clock?.status, "failed");
    assert.deepEqual([provider?.status, provider?.message], ["failed", "It failed with ECONNREFUSED."]);
    for (const { durationMs } of [stored, clock, provider].flatMap((check) => check ?? [])) {
      assert.ok(durationMs < 5_000, `${durationMs} ms`);
    }
    assertHoldsNone(answer, ["127.0.0.1"]);
  });

  it("say that a restart would fail, and that files would be left out, without naming a path", async (t) => {
    const dataDir = await writeDataFolder(t, { "persona.md": GOOD_PERSONA });
    const app = await startWithAdmin(t, {}, { DATA_DIR: dataDir });
    assert.equal(checksOf(await ask(app, "/health/diagnostics")).data?.status, "ok");
    const broken = await startWithAdmin(t, {}, { DATA_DIR: `${dataDir}/gone` });
    const answer = await ask(broken, "/health/diagnostics");
    assert.deepEqual(checksOf(answer).data?.status, "failed");
    assertHoldsNone(answer, [dataDir]);
    const torn = await writeDataFolder(t, {
      "persona.md": GOOD_PERSONA,
      "personas/broken.md": "---\nname: [\n---\n# Identity\nx",
    });
    const partly = await startWithAdmin(t, {}, { DATA_DIR: torn });
    const { data } = checksOf(await ask(partly, "/health/diagnostics"));
    assert.match(data?.message ?? "", /^1 errors in files that would be left out/);
  });
});

describe("a diagnosis that is bad", () => {
  it("says that the disk is nearly full, and not before", async (t) => {
    const app = await startWithAdmin(t);
    const MIB = 1024 ** 2;
    const statfs = t.mock.method(fs.promises, "statfs", async () => ({
      bavail: freeMib,
      blocks: 2_048,
      bsize: MIB,
    }));
    let freeMib = 256;
    syncBuiltinESMExports();
    t.after(() => {
      statfs.mock.restore();
      syncBuiltinESMExports();
    });
    const disk = async () => checksOf(await ask(app, "/health/diagnostics")).disk;
    assert.partialDeepStrictEqual(await disk(), { status: "ok", message: "0.3 GiB of 2.0 GiB free." });
    freeMib = 255;
    assert.partialDeepStrictEqual(await disk(), { status: "failed", message: "0.2 GiB of 2.0 GiB free." });
  });

  for (const [skewMs, direction] of [
    [60_000, "ahead of"],
    [-60_000, "behind"],
  ] as const)
    it(`says that the clock is ${direction} that of Redis`, async (t) => {
      await using redis = await RedisServer.start();
      const app = await startWithAdmin(t, {}, { REDIS_URL: redis.url });
      t.mock.timers.enable({ apis: ["Date"], now: Date.now() + skewMs });
      const answer = await ask(app, "/health/diagnostics");
      t.mock.timers.reset();
      const { clock } = checksOf(answer);
      assert.deepEqual([answer.body.ok, clock?.status], [false, "failed"], answer.text);
      const words = /^This clock is (\d+) ms (ahead of|behind) that of Redis\.$/.exec(clock?.message ?? "");
      assert.equal(words?.[2], direction);
      // The mocked clock stands still while it is asked.
      assert.ok(Math.abs(Number(words?.[1]) - 60_000) < 5_000, clock?.message);
    });
});

/** They need a conversation and its key. */
const OF_A_CONVERSATION = ["", "/events", "/messages"].map((rest) => `/api/v1/conversations/:id${rest}`);
const BEHIND_THE_DOOR = ["detailed", "diagnostics", "metrics"].map((name) => `/api/v1/health/${name}`);

/** Every GET that the next app mounts, as its router hears of it. */
function watchRoutes(t: TestContext): ReadonlySet<string> {
  const gets = new Set<string>();
  const hear = (message: unknown): void => {
    const { fastify }: { fastify: FastifyInstance } = Object(message);
    fastify.addHook("onRoute", ({ method, url }) => {
      if ([method].flat().includes("GET")) gets.add(url);
    });
  };
  subscribe("fastify.initialization", hear);
  t.after(() => unsubscribe("fastify.initialization", hear));
  return gets;
}

describe("the test of the public addresses", () => {
  it("leaves out no GET of the app but those named here, which are open to nobody without a key", async (t) => {
    const gets = watchRoutes(t);
    const app = await startWithAdmin(t);
    const { body } = await ask(app, "/health/test-endpoints", { method: "POST" });
    const endpoints: readonly { route: string }[] = Object(body.endpoints);
    const reported = new Set(endpoints.map(({ route }) => route));
    assert.ok(gets.size > reported.size && reported.isSubsetOf(gets));
    assert.deepEqual([...gets.difference(reported)].toSorted(), [...OF_A_CONVERSATION, ...BEHIND_THE_DOOR]);
    for (const route of [...OF_A_CONVERSATION, ...BEHIND_THE_DOOR]) {
      const { status } = await fetch(`${app.url}${route.replace(":id", "x".repeat(22))}`);
      assert.equal(status, 401, route);
    }
  });

  it("asks every public GET through the real stack, and none behind the door", async (t) => {
    const app = await startWithAdmin(t);
    const answer = await ask(app, "/health/test-endpoints", { method: "POST" });
    const endpoints: readonly { route: string; status: number; durationMs: number; ok: boolean }[] = Object(
      answer.body.endpoints,
    );
    assert.equal(answer.body.ok, true, answer.text);
    const routes = endpoints.map(({ route }) => route);
    for (const route of [
      "/",
      "/client.js",
      "/health",
      "/health/ready",
      "/api/v1/personas",
      "/api/v1/personas/:id",
      "/api/v1/objects/:id",
      "/api/v1/health/status",
      "/api/v1/circuits",
      "/api/v1/chat/ws",
    ]) {
      assert.ok(routes.includes(route), route);
    }
    for (const hidden of ["detailed", "diagnostics", "health/metrics", "reset"]) {
      assert.ok(!routes.some((route) => route.includes(hidden)), hidden);
    }
    assert.equal(new Set(routes).size, routes.length);
    for (const { ok, status, durationMs } of endpoints) {
      assert.ok(ok && status >= 200 && status <= 400 && durationMs > 0);
    }
  });

  it("says which one is not well", async (t) => {
    const bad = { name: "memory", read: () => ({ isBad: true, finding: "full" }) };
    const app = await startWithAdmin(t, { healthChecks: [bad] }, { HEALTH_CHECK_INTERVAL: "0.05" });
    while (!(await ask(app, "/health/status")).text.includes('"full"'));
    const answer = await ask(app, "/health/test-endpoints", { method: "POST" });
    const endpoints: readonly { route: string; status: number; ok: boolean }[] = Object(
      answer.body.endpoints,
    );
    assert.equal(answer.body.ok, false);
    assert.deepEqual(
      endpoints.filter(({ ok }) => !ok).map(({ route, status }) => [route, status]),
      [
        ["/health/ready", 503],
        ["/api/v1/health/status", 503],
      ],
    );
  });
});
