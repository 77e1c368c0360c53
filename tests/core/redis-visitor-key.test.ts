// The names of visitors where several instances share a Redis: one name with all of them, over restarts and outages.

import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { connectRedis, type RedisConnection } from "#app/core/redis.ts";
import { openVisitorNames } from "#app/core/redis-visitor-key.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { RedisServer } from "../support/redis-server.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";

const ADDRESS = "203.0.113.9";
const KEY = "parley:visitor-key";
const MONTH_SECONDS = 30 * 24 * 3600;

async function connectTo(t: TestContext, url: string): Promise<RedisConnection> {
  const { connection } = await connectRedis({ url, logger: createRecordingLogger(), scripts: [] });
  t.after(() => connection.close());
  return connection;
}

it("a visitor has one name with all instances, also with those that start at the same moment or later", async (t) => {
  await using server = await RedisServer.start();
  const connections = await Promise.all(Array.from({ length: 5 }, () => connectTo(t, server.url)));
  const readers = await Promise.all(connections.map((connection) => openVisitorNames(connection)));
  readers.push(await openVisitorNames(await connectTo(t, server.url)));
  assert.equal(new Set(readers.map((visitorOf) => visitorOf(ADDRESS))).size, 1);
  const [connection] = connections;
  assert.ok(connection);
  const leftSeconds = await connection.client.ttl(KEY);
  assert.ok(leftSeconds > MONTH_SECONDS - 60 && leftSeconds <= MONTH_SECONDS, `${leftSeconds} s`);
});

it("an instance that starts while Redis is away gives names of its own, and the common ones when it is back", async (t) => {
  await using server = await RedisServer.start();
  await using proxy = await TcpProxy.start(Number(new URL(server.url).port));
  const common = await openVisitorNames(await connectTo(t, server.url));
  const connection = await connectTo(t, `redis://127.0.0.1:${proxy.port}`);
  await proxy.down();
  await until("the loss is noticed", () => !connection.watch.isUp, 10_000);
  const visitorOf = await openVisitorNames(connection);
  assert.match(visitorOf(ADDRESS), /^[\w-]{16}$/);
  assert.notEqual(visitorOf(ADDRESS), common(ADDRESS));
  await proxy.heal();
  await until("the common name", () => visitorOf(ADDRESS) === common(ADDRESS), 20_000);
});
