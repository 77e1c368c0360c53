// The way back to a Redis that was lost: who was held up itself meanwhile has as long again, and of the two connections
// none is left behind by the other.

import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connectRedis, type RedisConnection } from "#app/core/redis.ts";
import { PatientRedis } from "#app/core/redis-client.ts";
import { defineScript } from "#app/core/redis-script.ts";
import { REDIS_SETTINGS } from "#app/core/redis-settings.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { RedisServer } from "../support/redis-server.ts";
import { settle } from "../support/settle.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";

const COUNT = defineScript({ name: "count", keys: ["key"], body: 'return redis.call("INCR", KEY)' });
/** Longer than a call waits for a connection that was lost. */
const HELD_UP_MS = 700;

async function start(test: TestContext) {
  const server = await RedisServer.start();
  const proxy = await TcpProxy.start(server.port);
  const url = `redis://127.0.0.1:${proxy.port}`;
  const { connection } = await connectRedis({ url, logger: createRecordingLogger(), scripts: [COUNT] });
  test.after(async () => {
    connection.abort();
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  return { proxy, connection };
}

/** Stops this process: what falls due meanwhile is due at one time afterwards. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

async function lose(proxy: TcpProxy, connection: RedisConnection): Promise<void> {
  proxy.cut();
  await until("the loss", () => connection.client.status === "reconnecting");
}

it("a process that is held up while it waits for a lost connection waits as long again", async (test) => {
  const { proxy, connection } = await start(test);
  await lose(proxy, connection);
  const call = connection.run(COUNT, ["key"], []);
  // As far as the wait, and not as far as the next attempt.
  await settle(2);
  assert.equal(connection.client.status, "reconnecting");
  stall(HELD_UP_MS);
  assert.equal(await call, 1);
});

it("a connection that was lost just before the process was held up was lost just now", async (test) => {
  const { proxy, connection } = await start(test);
  await lose(proxy, connection);
  stall(HELD_UP_MS);
  assert.equal(await connection.run(COUNT, ["key"], []), 1);
});

it("a call behind a longer outage is refused at once, all the same", async (test) => {
  const { proxy, connection } = await start(test);
  await proxy.down();
  await until("the outage", () => connection.client.status === "reconnecting");
  await pause(HELD_UP_MS);
  let settled = false;
  const call = connection.run(COUNT, ["key"], []).finally(() => {
    settled = true;
  });
  const refused = assert.rejects(call, { code: "storage_unavailable" });
  await settle(20);
  assert.ok(settled);
  await refused;
});

it("the connection for subscriptions is back with the one for commands, however long its pause would be", async (test) => {
  const { proxy, connection } = await start(test);
  for (const channel of ["a", "b", "c"]) {
    await proxy.down();
    // So long that the pauses between the attempts are, too.
    await pause(1_000);
    await proxy.heal();
    await until("the way back", () => connection.isReady);
    const leave = await connection.subscriptions.subscribe(channel, "sharded", () => undefined);
    await leave();
  }
});

it("a client that waits for its next attempt is back as soon as it is told to hurry", async () => {
  await using server = await RedisServer.start();
  await using proxy = await TcpProxy.start(server.port);
  const { commandTimeout, ...settings } = REDIS_SETTINGS;
  const options = { ...settings, port: proxy.port, retryStrategy: () => 3_600_000 };
  const client = new PatientRedis(options, commandTimeout);
  client.on("error", () => undefined);
  try {
    await client.connect();
    client.hurryBack();
    assert.equal(client.status, "ready", "who is there has no need to hurry");
    proxy.cut();
    await until("the loss", () => client.status === "reconnecting");
    client.hurryBack();
    assert.equal(await client.whenBack(), true);
  } finally {
    client.disconnect();
  }
});
