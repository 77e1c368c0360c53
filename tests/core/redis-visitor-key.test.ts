// The names of visitors where several instances share a Redis: one name with all of them, over restarts and outages.

import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { connectRedis, type RedisConnection } from "#app/core/redis.ts";
import { openVisitorNames } from "#app/core/redis-visitor-key.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { RedisServer } from "../support/redis-server.ts";
import { settle } from "../support/settle.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";

const ADDRESS = "203.0.113.9";
const KEY = "parley:visitor-key";
const MONTH_SECONDS = 30 * 24 * 3600;

/** Names that are asked for until the test ends. */
function open(t: TestContext, connection: RedisConnection) {
  const stopped = new AbortController();
  t.after(() => stopped.abort());
  return openVisitorNames(connection, stopped.signal);
}

async function connectTo(t: TestContext, url: string): Promise<RedisConnection> {
  const { connection } = await connectRedis({ url, logger: createRecordingLogger(), scripts: [] });
  t.after(() => connection.close());
  return connection;
}

it("a visitor has one name with all instances, also with those that start at the same moment or later", async (t) => {
  await using server = await RedisServer.start();
  const connections = await Promise.all(Array.from({ length: 5 }, () => connectTo(t, server.url)));
  const readers = await Promise.all(connections.map((connection) => open(t, connection)));
  readers.push(await open(t, await connectTo(t, server.url)));
  assert.equal(new Set(readers.map((visitorOf) => visitorOf(ADDRESS))).size, 1);
  const [connection] = connections;
  assert.ok(connection);
  const leftSeconds = await connection.client.ttl(KEY);
  assert.ok(leftSeconds > MONTH_SECONDS - 60 && leftSeconds <= MONTH_SECONDS, `${leftSeconds} s`);
});

it("an instance that starts while Redis is away gives names of its own, and the common ones when it is back", async (t) => {
  await using server = await RedisServer.start();
  await using proxy = await TcpProxy.start(Number(new URL(server.url).port));
  const common = await open(t, await connectTo(t, server.url));
  const connection = await connectTo(t, `redis://127.0.0.1:${proxy.port}`);
  await proxy.down();
  await until("the loss is noticed", () => !connection.watch.isUp, 10_000);
  const visitorOf = await open(t, connection);
  assert.match(visitorOf(ADDRESS), /^[\w-]{16}$/);
  assert.notEqual(visitorOf(ADDRESS), common(ADDRESS));
  await proxy.heal();
  await until("the common name", () => visitorOf(ADDRESS) === common(ADDRESS), 20_000);
});

it("has another name with everybody within the hour, when the key has had its time", async (t) => {
  await using server = await RedisServer.start();
  const [here, there] = [await connectTo(t, server.url), await connectTo(t, server.url)];
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const [one, other] = [await open(t, here), await open(t, there)];
  const before = one(ADDRESS);
  // As Redis does after a month.
  await here.client.del(KEY);
  t.mock.timers.tick(3_600_000);
  while (one(ADDRESS) === before || other(ADDRESS) === before) await settle();
  assert.equal(one(ADDRESS), other(ADDRESS));
});

it("is asked for again soon where the first question was not answered", async (t) => {
  await using server = await RedisServer.start();
  const common = await open(t, await connectTo(t, server.url));
  const connection = await connectTo(t, server.url);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(connection.client, "set", () => Promise.reject(new Error("too late")), { times: 1 });
  const visitorOf = await open(t, connection);
  assert.notEqual(visitorOf(ADDRESS), common(ADDRESS));
  t.mock.timers.tick(5_000);
  while (visitorOf(ADDRESS) !== common(ADDRESS)) await settle();
});
