// Channels of both kinds on one connection: the end of some is not the end of the others.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connectRedis } from "#app/core/redis.ts";
import type { ChannelKind } from "#app/core/redis-subscriptions.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { RedisServer } from "../support/redis-server.ts";
import { settle } from "../support/settle.ts";
import { until } from "../support/until.ts";

async function start() {
  const server = await RedisServer.start();
  const { connection } = await connectRedis({
    url: server.url,
    logger: createRecordingLogger(),
    scripts: [],
  });
  const heard: string[] = [];
  const publish = (kind: ChannelKind, channel: string, payload: string) =>
    server.command(kind === "sharded" ? "SPUBLISH" : "PUBLISH", channel, payload);
  return {
    server,
    connection,
    heard,
    publish,
    subscribe: (kind: ChannelKind, channel: string) =>
      connection.subscriptions.subscribe(
        channel,
        kind,
        (payload) => void heard.push(payload?.toString() ?? "gap"),
      ),
    async [Symbol.asyncDispose]() {
      connection.abort();
      await server[Symbol.asyncDispose]();
    },
  };
}

for (const [kept, left] of [
  ["ordinary", "sharded"],
  ["sharded", "ordinary"],
] as const) {
  describe(`a channel of the ${kept} kind`, () => {
    it(`is heard after the last one of the ${left} kind was left, and so is one that comes later`, async () => {
      await using redis = await start();
      await redis.subscribe(kept, "kept");
      for (let count = 0; count < 2; count += 1) {
        const leave = await redis.subscribe(left, "left");
        await redis.publish(left, "left", "while it is there");
        await until("what was left", () => redis.heard.length === 2 * count + 1);
        await leave();
        await redis.publish(left, "left", "too late");
        await redis.publish(kept, "kept", "kept");
        await until("what was kept", () => redis.heard.length === 2 * count + 2);
      }
      assert.deepEqual(redis.heard, ["while it is there", "kept", "while it is there", "kept"]);
    });

    it(`is heard after a lost connection and the end of the last one of the ${left} kind`, async () => {
      await using redis = await start();
      await redis.subscribe(kept, "kept");
      const leave = await redis.subscribe(left, "left");
      await redis.server.command("CLIENT", "KILL", "TYPE", "pubsub");
      await until("both gaps", () => redis.heard.length === 2);
      await leave();
      await redis.publish(kept, "kept", "kept");
      await until("what was kept", () => redis.heard.length === 3);
      assert.deepEqual(redis.heard, ["gap", "gap", "kept"]);
    });
  });
}

it("a subscription leaves a primary that has become a replica, as the commands do, and its listener is told", async () => {
  await using redis = await start();
  await redis.subscribe("sharded", "kept");
  await redis.server.command("REPLICAOF", "127.0.0.1", "1");
  await assert.rejects(redis.connection.client.set("key", "value"), /READONLY/);
  await until("the gap", () => redis.heard.includes("gap"));
  await redis.server.command("REPLICAOF", "NO", "ONE");
  await until("commands", () => redis.connection.isReady);
  const kept = () => redis.heard.filter((payload) => payload === "kept").length;
  // Published again and again: a subscription may still be on its way.
  for (let tries = 0; kept() === 0; tries += 1) {
    assert.ok(tries < 1_000, "it is not heard");
    await redis.publish("sharded", "kept", "kept");
    await settle();
  }
});
