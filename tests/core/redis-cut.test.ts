// A connection to Redis that is cut while something is under way on it, and is back at once: nobody waits for an answer
// that cannot come, and what is harmless is done again.

import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connectRedis } from "#app/core/redis.ts";
import { defineScript } from "#app/core/redis-script.ts";
import { CircuitBreaker } from "#app/core/resilience.ts";
import { heldUpMs } from "../support/held-up.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { RedisServer } from "../support/redis-server.ts";
import { settle } from "../support/settle.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";

const COUNT = defineScript({ name: "count", keys: ["key"], body: 'return redis.call("INCR", KEY)' });
const SHOW = defineScript({
  name: "show",
  keys: ["key"],
  flags: "no-writes",
  body: 'return redis.call("GET", KEY)',
});
const PUT = defineScript({
  name: "put",
  keys: ["key"],
  repeatable: true,
  body: 'redis.call("SET", KEY, ARGV[1]) return redis.call("INCR", KEY)',
});

/** What is lost later than this after its beginning is not begun anew. */
const EARLY_MS = 200;

async function start(test: TestContext, breaker?: CircuitBreaker) {
  const server = await RedisServer.start();
  const proxy = await TcpProxy.start(server.port);
  const log = createRecordingLogger();
  const { connection } = await connectRedis({
    url: `redis://127.0.0.1:${proxy.port}`,
    logger: log,
    scripts: [COUNT, SHOW, PUT],
    breaker,
  });
  test.after(async () => {
    connection.abort();
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  /** Of a length and a line. */
  const contentOf = async (key: string) => (await server.command("GET", key)).split("\r\n")[1];
  return { server, proxy, connection, log, contentOf };
}

it("a call that may have been carried out is rejected as soon as its connection is lost, and not made again", async (test) => {
  const { proxy, connection, contentOf, log } = await start(test);
  proxy.stall("to-client");
  const at = performance.now();
  const call = connection.run(COUNT, ["key"], []);
  const refused = assert.rejects(call, (error: Error) => {
    const why = /The connection was lost before the answer came/;
    // Held up for its whole time before it could be cut.
    const wasLate = heldUpMs(at) > 0 && String(error.cause).includes("timed out");
    if (!wasLate) assert.match(String(error.cause), why);
    return true;
  });
  while ((await contentOf("key")) !== "1") await settle();
  proxy.cut();
  await proxy.heal();
  await refused;
  assert.equal(await contentOf("key"), "1");
  assert.deepEqual(log.named("redis_call_retry"), []);
});

it("all that was under way on a lost connection is no reason to open the circuit for whoever comes next", async (test) => {
  const settings = { failureThreshold: 5, recoveryMs: 600_000, isFailure: () => true };
  const breaker = new CircuitBreaker({ name: "redis", logger: createRecordingLogger(), ...settings });
  const { proxy, connection } = await start(test, breaker);
  const outages: boolean[] = [];
  connection.watch.onChange(({ isUp }) => outages.push(isUp));
  proxy.stall("to-client");
  const calls = Array.from({ length: 6 }, () => connection.run(COUNT, ["key"], []));
  proxy.cut();
  await proxy.heal();
  for (const { status } of await Promise.allSettled(calls)) assert.equal(status, "rejected");
  assert.equal(breaker.state, "closed");
  assert.ok(Number(await connection.run(COUNT, ["key"], [])) >= 1);
  assert.deepEqual(outages, []);
});

it("a call that reads, and one that may be made twice, are made again on the next connection", async (test) => {
  const { server, proxy, connection, log } = await start(test);
  await server.command("SET", "key", "4");
  proxy.stall("to-client");
  const reading = connection.run(SHOW, ["key"], []);
  const writing = connection.run(PUT, ["other"], ["6"]);
  proxy.cut();
  await proxy.heal();
  assert.deepEqual(await Promise.all([reading, writing]), ["4", 7]);
  const again = log.named("redis_call_retry").map(({ fields }) => fields.script);
  assert.deepEqual(again, ["show", "put"], "in the order in which they were made");
});

/** Its connection is cut while it is under way. Undefined where that came too late: it may be refused then. */
async function subscribeThroughCut(test: TestContext) {
  const { server, proxy, connection } = await start(test);
  const heard: string[] = [];
  proxy.stall("to-client");
  const at = performance.now();
  const subscribing = connection.subscriptions.subscribe("channel", "sharded", (payload) => {
    if (payload) heard.push(payload.toString());
  });
  // Heard at once: it may be over before the cut.
  const outcome = Promise.allSettled([subscribing]);
  const channels = () => server.command("PUBSUB", "SHARDCHANNELS");
  while (performance.now() - at < EARLY_MS && !(await channels()).includes("channel")) await settle();
  const cutAt = performance.now();
  proxy.cut();
  await proxy.heal();
  const [{ status }] = await outcome;
  if (cutAt - at + heldUpMs(cutAt) < EARLY_MS) return { server, connection, heard, leave: await subscribing };
  if (status === "rejected") await assert.rejects(subscribing, { code: "storage_unavailable" });
  return undefined;
}

it("a subscription that is under way is confirmed by the next connection", async (test) => {
  let scene = await subscribeThroughCut(test);
  for (let again = 0; !scene && again < 10; again += 1) scene = await subscribeThroughCut(test);
  assert.ok(scene, "none was cut early");
  const { server, connection, heard, leave } = scene;
  await server.command("SPUBLISH", "channel", "said");
  await until("what was said", () => heard.length === 1);
  await leave();
  assert.equal(connection.subscriptions.size, 0);
});

it("what is made again gets arguments of its own, where they are made for each attempt", async (test) => {
  const { proxy, connection } = await start(test);
  proxy.stall("to-client");
  let attempts = 0;
  const writing = connection.run(PUT, ["other"], () => {
    attempts += 1;
    return [String(attempts * 10)];
  });
  proxy.cut();
  await proxy.heal();
  assert.equal(await writing, 21);
});

it("what has waited for long when its connection is lost is not begun anew: its caller would wait for more than a second", async (test) => {
  const { proxy, connection, log } = await start(test);
  proxy.stall("to-client");
  const calls = [
    connection.run(SHOW, ["key"], []),
    connection.subscriptions.subscribe("channel", "sharded", () => undefined),
  ];
  const outcomes = Promise.allSettled(calls);
  await pause(250);
  proxy.cut();
  await proxy.heal();
  for (const outcome of await outcomes) {
    assert.ok(outcome.status === "rejected");
    assert.equal(outcome.reason.code, "storage_unavailable");
  }
  assert.deepEqual(log.named("redis_call_retry"), []);
});

it("who subscribes while the connection is away for a moment waits for it", async (test) => {
  const { proxy, connection } = await start(test);
  proxy.cut();
  await until("it is noticed", () => !connection.isReady);
  const before = proxy.accepted;
  await connection.subscriptions.subscribe("channel", "sharded", () => undefined);
  assert.ok(proxy.accepted > before);
});

it("who subscribes while nobody is there is refused", async (test) => {
  const { proxy, connection } = await start(test);
  await proxy.down();
  await until("it is noticed", () => !connection.isReady);
  const subscribing = connection.subscriptions.subscribe("channel", "sharded", () => undefined);
  await assert.rejects(subscribing, { code: "storage_unavailable" });
  assert.equal(connection.subscriptions.size, 0);
});
