// What was spent, in Redis: one sum for all instances; without Redis each counts on by itself, and tells it later.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BudgetSettings } from "#app/core/config-budgets.ts";
import { connectRedis, type RedisConnection } from "#app/core/redis.ts";
import { type Amount, createBudgets } from "#app/services/llm/budgets.ts";
import { createRedisSpendCounter } from "#app/services/llm/redis-spend-counter.ts";
import { assertWithin } from "../../support/held-up.ts";
import { budgetSettings } from "../../support/ladder-scene.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { RedisServer } from "../../support/redis-server.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { until } from "../../support/until.ts";

const DAY = "parley:tokens:day:all:2026-11-21";
const NEXT_DAY = "parley:tokens:day:all:2026-11-22";
const KEPT_SECONDS = 172_800;

interface Instance {
  readonly connection: RedisConnection;
  /** Adds to one sum. */
  readonly add: (key: string, by: number) => Promise<number>;
}

function addTo(connection: RedisConnection): Instance["add"] {
  const counter = createRedisSpendCounter(connection);
  return async (key, by) => {
    const [sum] = await counter.add([{ key, by, keptSeconds: KEPT_SECONDS }]);
    return sum ?? assert.fail("no sum");
  };
}

async function startInstances() {
  const server = await RedisServer.start();
  const open = async (): Promise<Instance> => {
    const logger = createRecordingLogger();
    const { connection } = await connectRedis({ url: server.url, logger, scripts: [] });
    return { connection, add: addTo(connection) };
  };
  const [here, there] = [await open(), await open()];
  return {
    server,
    here,
    there,
    /** Starts it again, empty, and waits until the instances have noticed. */
    async restart(): Promise<void> {
      await server.restart();
      const isBack = () => here.connection.isReady && there.connection.isReady;
      await until("both are back", isBack, 10_000);
    },
    async [Symbol.asyncDispose]() {
      for (const { connection } of [here, there]) connection.abort();
      await server[Symbol.asyncDispose]();
    },
  };
}

describe("the day's tokens in Redis", () => {
  it("are one sum for all instances, day by day", async () => {
    await using both = await startInstances();
    assert.equal(await both.here.add(DAY, 100), 100);
    assert.equal(await both.there.add(DAY, 20), 120);
    assert.equal(await both.here.add(DAY, -30), 90);
    assert.equal(await both.there.add(NEXT_DAY, 7), 7);
  });

  it("are kept for two days, and not for ever", async () => {
    await using both = await startInstances();
    await both.here.add(DAY, 1);
    const left = Number(await both.server.command("TTL", DAY));
    assert.ok(left > 172_700 && left <= 172_800, String(left));
  });

  it("are never overspent by two instances that ask at the same time", async () => {
    await using both = await startInstances();
    const settings = budgetSettings({ day: { tokens: 1_000, costMicros: 0 } });
    const got = await reservedAtOnce(both, settings, { tokens: 100, costMicros: 0 });
    assert.ok(got <= 10, `${got} got 100 of 1,000`);
    assert.ok(got > 0);
  });

  it("survive a restart of the instance", async () => {
    await using both = await startInstances();
    await both.here.add(DAY, 100);
    assert.equal(await addTo(both.here.connection)(DAY, 1), 101);
  });
});

describe("the day's tokens without Redis", () => {
  it("are counted on from what this instance has spent, at once", async () => {
    await using both = await startInstances();
    await both.here.add(DAY, 100);
    await both.server.kill();
    await until("the loss is noticed", () => !both.here.connection.isReady);
    const startedAt = performance.now();
    assert.equal(await both.here.add(DAY, 20), 120);
    assertWithin("the sum", performance.now() - startedAt, 100, startedAt);
  });

  it("are counted within a second by a Redis that hangs, and no more than once too often", async () => {
    await using both = await startInstances();
    await both.here.add(DAY, 100);
    both.server.pause();
    const startedAt = performance.now();
    assert.equal(await both.here.add(DAY, 20), 120);
    assertWithin("the sum", performance.now() - startedAt, 1_000, startedAt);
    both.server.resume();
    await until("it is back", () => both.here.connection.isReady, 10_000);
    const sum = await both.here.add(DAY, 0);
    assert.ok(sum === 120 || sum === 140, String(sum));
  });

  it("are not told again and again to a Redis that answers too late, and nobody waits for it", {
    timeout: 30_000,
  }, async () => {
    await using server = await RedisServer.start();
    await using proxy = await TcpProxy.start(server.port);
    const url = `redis://127.0.0.1:${proxy.port}`;
    const { connection } = await connectRedis({ url, logger: createRecordingLogger(), scripts: [] });
    try {
      const add = addTo(connection);
      assert.equal(connection.watch.isUp, true);
      proxy.latency(700);
      await until("it is not relied on", () => !connection.watch.isUp, 10_000);
      const askedAt = performance.now();
      for (let reply = 0; reply < 20; reply += 1) await add(DAY, 1);
      assertWithin("twenty sums, without a wait", performance.now() - askedAt, 400, askedAt);
      await proxy.heal();
      await until("it is relied on", () => connection.watch.isUp, 10_000);
      assert.equal(await add(DAY, 1), 21);
      assert.match(await server.command("GET", DAY), /21/);
    } finally {
      connection.abort();
    }
  });

  it("are told to Redis when it is back, so that the others know", async () => {
    await using both = await startInstances();
    await both.server.kill();
    await until("the loss is noticed", () => !both.here.connection.isReady && !both.there.connection.isReady);
    await both.here.add(DAY, 300);
    await both.restart();
    // Of the 300 that were taken 200 were not spent: without the 300 that would be 200 more for the others.
    assert.equal(await both.here.add(DAY, -200), 100);
    assert.equal(await both.there.add(DAY, 1), 101);
  });

  it("do not begin anew on an instance whose Redis has lost everything", async () => {
    await using both = await startInstances();
    await both.here.add(DAY, 100);
    await both.restart();
    assert.equal(await both.here.add(DAY, 1), 101);
  });
});

/** Forty calls, twenty an instance, at the same moment: how many got what they asked for. */
async function reservedAtOnce(
  both: { readonly here: Instance; readonly there: Instance },
  settings: BudgetSettings,
  most: Amount,
): Promise<number> {
  const budgets = [both.here, both.there].map(({ connection }) =>
    createBudgets({ settings, counter: createRedisSpendCounter(connection), conversationTtlMs: 60_000 }),
  );
  const payer = { conversationId: "c1", visitor: "v1" };
  const asked = budgets.flatMap((budget) => Array.from({ length: 20 }, () => budget.reserve(payer, most)));
  return (await Promise.all(asked)).filter(({ type }) => type === "reserved").length;
}

describe("every purse, on two instances that ask at the same time", () => {
  for (const scope of ["conversation", "visitor", "organisation", "day"] as const)
    for (const unit of ["tokens", "costMicros"] as const)
      it(`of a ${scope}, in ${unit}, is never overspent, and holds afterwards what was taken`, async () => {
        await using both = await startInstances();
        const limits = { tokens: 0, costMicros: 0, [unit]: 1_000 };
        const settings = budgetSettings({ [scope]: limits });
        const got = await reservedAtOnce(both, settings, { tokens: 70, costMicros: 70 });
        assert.ok(got > 0 && got <= 14, `${got} got 70 of 1,000`);
        const [key = ""] = (await both.server.command("KEYS", "parley:*")).split("\r\n").slice(-1);
        const id = { conversation: "c1", visitor: "v1", organisation: "default", day: "all" }[scope];
        const prefix = `parley:${unit === "tokens" ? "tokens" : "cost"}:${scope}:${id}:`;
        assert.ok(key.startsWith(prefix), key);
        assert.match(key.slice(prefix.length), /^(?:all|\d{4}-\d{2}(?:-\d{2})?)$/);
        assert.equal((await both.server.command("GET", key)).split("\r\n").at(-1), String(70 * got));
        assert.ok(Number(await both.server.command("TTL", key)) > 0);
      });
});
