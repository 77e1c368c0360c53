// Trying a real Redis out: healthy, read-only, full, silent and away.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { CheckFailure } from "#app/core/diagnosis.ts";
import { connectRedis } from "#app/core/redis.ts";
import { clockAheadMs, writeAndRead } from "#app/core/redis-probe.ts";
import { assertWithin } from "../support/held-up.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { RedisServer } from "../support/redis-server.ts";

async function connect(t: TestContext, server: RedisServer) {
  const { connection } = await connectRedis({
    url: server.url,
    logger: createRecordingLogger(),
    scripts: [],
  });
  t.after(() => connection.abort());
  return connection;
}

const says = (words: string) => (error: unknown) => error instanceof CheckFailure && error.message === words;

describe("a probe of Redis", () => {
  test("writes, reads back, and leaves a key that goes by itself", async (t) => {
    await using server = await RedisServer.start({ password: "p4ssw0rd-of-redis" });
    const connection = await connect(t, server);
    assert.ok((await writeAndRead(connection)) > 0);
    const keys = await connection.client.keys("parley:health:*");
    assert.equal(keys.length, 1);
    const ttlMs = await connection.client.pttl(keys[0] ?? "");
    assert.ok(ttlMs > 0 && ttlMs <= 5_000, `${ttlMs} ms`);
  });

  test("finds this machine's own clock at most half a second off", async (t) => {
    await using server = await RedisServer.start();
    const connection = await connect(t, server);
    const askedAt = performance.now();
    assertWithin("the difference", Math.abs(await clockAheadMs(connection)), 500, askedAt);
  });

  test("says which refusal it was, and nothing else of it", async (t) => {
    await using server = await RedisServer.start();
    const connection = await connect(t, server);
    await server.command("CONFIG", "SET", "maxmemory", "1");
    await assert.rejects(writeAndRead(connection), says("Redis refuses: OOM."));
    await server.command("CONFIG", "SET", "maxmemory", "0");
    assert.ok((await writeAndRead(connection)) > 0);
  });

  test("says that a silent one and a dead one do not answer", async (t) => {
    await using server = await RedisServer.start();
    const connection = await connect(t, server);
    server.pause();
    await assert.rejects(writeAndRead(connection), says("Redis does not answer."));
    await assert.rejects(clockAheadMs(connection), says("Redis does not answer."));
    server.resume();
    await server.kill();
    await assert.rejects(writeAndRead(connection), says("Redis does not answer."));
  });
});
