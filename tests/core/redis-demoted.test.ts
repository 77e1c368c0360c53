// A Redis that has become a replica, noticed by a write of which only its keeper hears: a limit, a hint.

import assert from "node:assert/strict";
import { it } from "node:test";
import { connectRedis } from "#app/core/redis.ts";
import { RedisWatch } from "#app/core/redis-watch.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { RedisServer } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

it("a refused write that is nobody's call has Redis asked for one, and taken for away until it takes it", async () => {
  await using server = await RedisServer.start();
  const { connection } = await connectRedis({
    url: server.url,
    logger: createRecordingLogger(),
    scripts: [],
  });
  try {
    const told: [boolean, string][] = [];
    connection.watch.onChange(({ isUp, reason }) => told.push([isUp, reason]));
    await server.command("REPLICAOF", "127.0.0.1", "1");
    await assert.rejects(connection.client.set("of the limits", "1"), /^ReplyError: READONLY/);
    await until("the outage", () => told.length === 1);
    assert.deepEqual(told, [[false, "READONLY"]]);
    await server.command("REPLICAOF", "NO", "ONE");
    await until("the end of it", () => told.length === 2);
    assert.equal(connection.watch.isUp, true);
  } finally {
    connection.abort();
  }
});

it("one that has passed by the next probe is no outage", async (test) => {
  test.mock.timers.enable({ apis: ["setInterval"] });
  const asked: boolean[] = [];
  const probe = async (withWrite: boolean) => {
    asked.push(withWrite);
    if (asked.length === 2) throw new Error("the connection was lost");
  };
  const watch = new RedisWatch({ probe, isUp: true });
  const outages: boolean[] = [];
  watch.onChange(({ isUp }) => outages.push(isUp));
  const tick = async () => {
    test.mock.timers.tick(1_000);
    await new Promise(setImmediate);
  };
  await tick();
  watch.suspect();
  await tick();
  await tick();
  await tick();
  assert.deepEqual(asked, [false, true, true, false], "until one was answered");
  assert.deepEqual(outages, []);
  watch.close();
});
