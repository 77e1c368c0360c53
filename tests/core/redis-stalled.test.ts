// A process that was held up itself: what Redis had answered meanwhile counts.

import assert from "node:assert/strict";
import { it } from "node:test";
import { connectRedis } from "#app/core/redis.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { RedisServer } from "../support/redis-server.ts";

it("a process that was itself held up does not blame Redis", async () => {
  await using redis = await RedisServer.start();
  const { connection } = await connectRedis({ url: redis.url, logger: createRecordingLogger(), scripts: [] });
  try {
    const answer = connection.ping();
    await new Promise((resolve) => process.nextTick(resolve));
    const heldUpUntil = performance.now() + 700;
    while (performance.now() < heldUpUntil);
    assert.ok((await answer) >= 0);
  } finally {
    await connection.close();
  }
});
