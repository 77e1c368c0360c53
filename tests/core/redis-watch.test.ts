// Whether Redis can be relied on: by injected answers for the rules, and on a real Redis behind a proxy.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { connectRedis } from "#app/core/redis.ts";
import { defineScript } from "#app/core/redis-script.ts";
import { RedisWatch } from "#app/core/redis-watch.ts";
import { CircuitBreaker } from "#app/core/resilience.ts";
import { assertWithin } from "../support/held-up.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { RedisServer } from "../support/redis-server.ts";
import { settle } from "../support/settle.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";

const PROBE_MS = 1_000;
const KEEP = defineScript({
  name: "keep",
  keys: ["list"],
  body: 'return redis.call("RPUSH", LIST, ARGV[1])',
});

interface Change {
  readonly isUp: boolean;
  readonly downMs: number;
  readonly reason: string;
}

function createBreaker(log = createRecordingLogger()): CircuitBreaker {
  // A pause that no test outlasts.
  const settings = { failureThreshold: 5, recoveryMs: 600_000, isFailure: () => true };
  return new CircuitBreaker({ name: "redis", logger: log, ...settings });
}

/** A watch on a Redis that says what the test tells it to; `pass` lets so many probes happen. */
function watching(test: TestContext, isUp = true) {
  test.mock.timers.enable({ apis: ["setInterval"] });
  const redis: { trouble: Error | undefined; refusal: Error | undefined } = {
    trouble: undefined,
    refusal: undefined,
  };
  const asked: string[] = [];
  const changes: Change[] = [];
  const breaker = createBreaker();
  const watch = new RedisWatch({
    ...{ breaker, isUp },
    probe: async (withWrite) => {
      asked.push(withWrite ? "write" : "answer");
      if (redis.trouble) throw redis.trouble;
      if (withWrite && redis.refusal) throw redis.refusal;
    },
  });
  watch.onChange((change) => changes.push(change));
  test.after(() => watch.close());
  const pass = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      test.mock.timers.tick(PROBE_MS);
      await settle();
    }
  };
  return { redis, asked, changes, breaker, watch, pass };
}

describe("the watch on Redis", () => {
  it("takes one answer that does not come for no outage, and two in a row for one, told once", async (test) => {
    const { redis, changes, watch, pass } = watching(test);
    redis.trouble = new Error("Command timed out");
    await pass(1);
    redis.trouble = undefined;
    await pass(1);
    redis.trouble = new Error("Command timed out");
    await pass(1);
    assert.deepEqual([changes, watch.isUp], [[], true]);
    await pass(3);
    assert.deepEqual(changes, [{ isUp: false, downMs: 0, reason: "Command timed out" }]);
  });

  it("is up again at the first answer, and says how long it was away", async (test) => {
    const { redis, changes, watch, pass } = watching(test);
    redis.trouble = new Error("gone");
    await pass(2);
    assert.equal(watch.sinceOutageMs, 0);
    redis.trouble = undefined;
    await pass(1);
    assert.deepEqual(
      changes.map(({ isUp }) => isUp),
      [false, true],
    );
    const [, back] = changes;
    assert.ok(back && back.downMs >= 0 && back.downMs < 5_000);
    assert.ok(watch.sinceOutageMs < 5_000);
  });

  it("knows of no outage before the first one, and of one that was there at the start", async (test) => {
    assert.equal(watching(test).watch.sinceOutageMs, Number.POSITIVE_INFINITY);
    test.mock.timers.reset();
    const away = watching(test, false);
    assert.equal(away.watch.sinceOutageMs, 0);
    await away.pass(1);
    assert.equal(away.watch.isUp, true);
    assert.ok(away.watch.sinceOutageMs < 5_000);
  });

  for (const word of ["OOM", "READONLY", "MISCONF", "NOREPLICAS"])
    it(`is down at once where a write is refused (${word}), as long as writes are, and opens no circuit`, async (test) => {
      const { redis, asked, changes, watch, breaker, pass } = watching(test);
      redis.refusal = new Error(`${word} and why`);
      watch.report(redis.refusal);
      assert.deepEqual(changes, [{ isUp: false, downMs: 0, reason: word }]);
      await pass(20);
      assert.deepEqual([watch.isUp, changes.length], [false, 1]);
      assert.deepEqual([breaker.state, new Set(asked)], ["closed", new Set(["write"])]);
      redis.refusal = undefined;
      await pass(2);
      assert.equal(watch.isUp, true);
      assert.equal(asked.at(-1), "answer", "a write is asked for only while it is in doubt");
    });

  it("does not take the answer to a question of before for a write that works", async (test) => {
    test.mock.timers.enable({ apis: ["setInterval"] });
    const answer = Promise.withResolvers<void>();
    const watch = new RedisWatch({ isUp: true, probe: () => answer.promise });
    test.mock.timers.tick(PROBE_MS);
    watch.report(new Error("READONLY"));
    answer.resolve();
    await settle();
    assert.equal(watch.isUp, false);
    watch.close();
  });

  it("is down as soon as reports have opened the circuit, and closes it at the first answer", async (test) => {
    const { redis, changes, watch, breaker, pass } = watching(test);
    redis.trouble = new Error("Command timed out");
    for (let count = 0; count < 5; count += 1) watch.report(redis.trouble);
    await settle();
    assert.deepEqual([breaker.state, changes.length], ["open", 1]);
    assert.equal(changes[0]?.reason, "Command timed out");
    await pass(3);
    assert.deepEqual([breaker.state, watch.isUp], ["open", false]);
    redis.trouble = undefined;
    await pass(1);
    assert.deepEqual([breaker.state, watch.isUp], ["closed", true]);
    assert.equal(changes.length, 2);
  });

  it("asks nothing more once it is closed", async (test) => {
    const { asked, watch, pass } = watching(test);
    await pass(1);
    watch.close();
    await pass(5);
    assert.equal(asked.length, 1);
  });
});

async function start(test: TestContext) {
  const stack = new AsyncDisposableStack();
  test.after(() => stack.disposeAsync());
  const redis = stack.use(await RedisServer.start());
  const proxy = stack.use(await TcpProxy.start(redis.port));
  const breaker = createBreaker();
  const url = `redis://127.0.0.1:${proxy.port}`;
  const options = { url, breaker, logger: createRecordingLogger(), scripts: [KEEP] };
  const { connection } = await connectRedis(options);
  stack.defer(() => connection.abort());
  const changes: Change[] = [];
  connection.watch.onChange((change) => changes.push(change));
  const turned = (count: number) => until(`change ${count}`, () => changes.length === count, 10_000);
  const keep = () => connection.run(KEEP, ["list"], ["x"]);
  return { redis, proxy, breaker, connection, changes, turned, keep };
}

describe("the watch on a real Redis", () => {
  it("sees one that is silent though connected, and uses it again at once, open circuit or not", async (test) => {
    const { proxy, breaker, changes, turned, keep } = await start(test);
    proxy.stall();
    for (let count = 0; count < 5; count += 1) await assert.rejects(keep(), { code: "storage_unavailable" });
    await turned(1);
    assert.deepEqual([breaker.state, changes[0]?.reason], ["open", "Command timed out"]);
    const startedAt = performance.now();
    await assert.rejects(keep(), { code: "storage_unavailable" });
    assertWithin("the refusal, without a wait", performance.now() - startedAt, 100, startedAt);
    await proxy.heal();
    const healedAt = performance.now();
    await turned(2);
    // One probe, or one more on a connection that had to be made anew.
    test.diagnostic(`used again ${Math.round(performance.now() - healedAt)} ms after it answered`);
    assert.ok((await keep()) !== undefined);
    assert.equal(breaker.state, "closed");
  });

  it("says why there is no connection", async (test) => {
    const { proxy, changes, turned, connection } = await start(test);
    await proxy.down();
    await turned(1);
    assert.match(changes[0]?.reason ?? "", /ECONNREFUSED/);
    assert.equal(connection.watch.isUp, false);
    await proxy.heal();
    await turned(2);
    assert.ok(changes[1] && changes[1].downMs > 0);
  });

  it("does not call one that is full, or a replica, back before it takes writes", async (test) => {
    const { redis, changes, turned, keep, connection } = await start(test);
    const faults = [
      ["OOM", ["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]],
      ["READONLY", ["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]],
    ] as const;
    for (const [index, [word, begin, end]] of faults.entries()) {
      await redis.command(...begin);
      await assert.rejects(keep(), { code: "storage_unavailable" });
      await turned(2 * index + 1);
      assert.equal(changes.at(-1)?.reason, word);
      const before = await refusals(redis);
      for (let seen = before; seen < before + 2; seen = await refusals(redis)) await settle(50);
      assert.equal(connection.watch.isUp, false, "it has been asked twice since");
      await redis.command(...end);
      await turned(2 * index + 2);
      await keep();
    }
  });
});

/** How many writes of a single key Redis has refused. */
async function refusals(redis: RedisServer): Promise<number> {
  const line = /cmdstat_set:.*rejected_calls=(\d+)/.exec(await redis.command("INFO", "commandstats"));
  return Number(line?.[1] ?? 0);
}
