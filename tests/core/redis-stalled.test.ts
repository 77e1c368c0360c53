// A process that was held up itself: what Redis had answered meanwhile counts, and what it answers right afterwards.

import assert from "node:assert/strict";
import { it } from "node:test";
import { connectRedis } from "#app/core/redis.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { RedisServer } from "../support/redis-server.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

function holdUp(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

it("a process that was itself held up does not blame Redis", async () => {
  await using redis = await RedisServer.start();
  const { connection } = await connectRedis({ url: redis.url, logger: createRecordingLogger(), scripts: [] });
  try {
    const answer = connection.ping();
    await new Promise((resolve) => process.nextTick(resolve));
    holdUp(700);
    assert.ok((await answer) >= 0);
  } finally {
    await connection.close();
  }
});

it("a machine that stood still stood still for Redis, too: the answer may come a little later", async () => {
  await using redis = await RedisServer.start();
  await using proxy = await TcpProxy.start(redis.port);
  const url = `redis://127.0.0.1:${proxy.port}`;
  let healing: NodeJS.Timeout | undefined;
  const { connection } = await connectRedis({ url, logger: createRecordingLogger(), scripts: [] });
  try {
    proxy.stall("to-client");
    const answer = connection.ping();
    await new Promise((resolve) => process.nextTick(resolve));
    holdUp(900);
    healing = setTimeout(() => void proxy.heal(), 20);
    assert.ok((await answer) >= 900);
  } finally {
    clearTimeout(healing);
    connection.abort();
  }
});
