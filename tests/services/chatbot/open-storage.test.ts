// Where conversations live: in Redis where it is configured and there, else in memory, and that is said.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { openStorage } from "#app/services/chatbot/memory-factory.ts";
import { newConversation } from "../../contracts/conversation-samples.ts";
import { assertWithin } from "../../support/held-up.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { startPretender } from "../../support/redis-relay.ts";
import { RedisServer } from "../../support/redis-server.ts";
import { until } from "../../support/until.ts";
import { eventually } from "./coming-back.ts";

const TTL_MS = 60_000;
/** Redis has three seconds at the start; the rest is this machine's. */
const START_LIMIT_MS = 3_500;

function open(redisUrl: string | undefined) {
  const log = createRecordingLogger();
  return openStorage({ conversationTtlMs: TTL_MS, redisUrl, logger: log }).then((opened) => ({
    ...opened,
    log,
  }));
}

/** Accepts connections and never says a word. */
async function startSilence() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    // Who does not read never sees the other side's end.
    socket.resume().once("end", () => socket.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  return {
    url: `redis://127.0.0.1:${address.port}`,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

describe("the storage that is opened", () => {
  it("is memory where no Redis is configured, and that is no lack", async () => {
    const { storage, redis, isDegraded, log } = await open(undefined);
    assert.deepEqual([storage.kind, redis, isDegraded], ["memory", undefined, false]);
    assert.deepEqual(log.lines, []);
    await storage.close();
  });

  it("is Redis where it is there: it outlives this process's part, with its time to live", async () => {
    await using server = await RedisServer.start();
    const first = await open(server.url);
    assert.deepEqual([first.storage.kind, first.isDegraded], ["redis", false]);
    assert.ok(first.redis?.isReady);
    assert.equal(first.log.named("redis_memory_initialized").length, 1);
    const wish = newConversation();
    await first.storage.store.create(wish);
    await first.storage.close();
    const second = await open(server.url);
    assert.notEqual(second.storage.instanceId, first.storage.instanceId);
    const { conversation } = await second.storage.store.page(wish.id, { limit: 1 });
    assert.equal(conversation.tokenHash, wish.tokenHash);
    const left = Number(await server.command("PTTL", `parley:{${wish.id}}:meta`));
    assert.ok(left > 0 && left <= TTL_MS);
    await second.storage.close();
  });

  for (const [what, start] of [
    [
      "is not there",
      async () => ({ url: "redis://127.0.0.1:1", [Symbol.asyncDispose]: async () => undefined }),
    ],
    ["never answers", startSilence],
    ["is too old", () => startPretender("6.2.14")],
  ] as const) {
    it(`serves from memory, in time and said in the log, where Redis ${what}`, async () => {
      await using redis = await start();
      const startedAt = performance.now();
      const opened = await open(redis.url);
      assertWithin("the start", performance.now() - startedAt, START_LIMIT_MS, startedAt);
      const { storage, log } = opened;
      assert.equal(opened.isDegraded, true);
      const [line, ...others] = log.named("storage_degraded");
      assert.deepEqual([line?.level, line?.fields.storage, others], ["error", "memory", []]);
      const wish = newConversation();
      assert.equal((await storage.store.create(wish)).created, true);
      assert.equal(storage.kindOf(wish.id), "memory");
      assert.equal((await storage.store.page(wish.id, { limit: 1 })).conversation.id, wish.id);
      await storage.close();
    });
  }

  it("says why, and nothing of a password that Redis refused", async () => {
    await using server = await RedisServer.start({ password: "right" });
    const { storage, isDegraded, log } = await open(server.url.replace("right", "wrong-secret"));
    assert.equal(isDegraded, true);
    const told = log.lines.map(
      ({ fields }) => `${JSON.stringify(fields)} ${String(Object(fields).err?.stack)}`,
    );
    assert.match(told.join(), /WRONGPASS/);
    assert.ok(!told.join().includes("wrong-secret"));
    await storage.close();
  });

  it("uses a Redis that comes later, and leaves in memory what began without it", async () => {
    const server = await RedisServer.start();
    await server.kill();
    const { storage, log, redis, ...opened } = await open(server.url);
    const early = newConversation();
    await storage.store.create(early);
    await server.restart();
    await until("it is used", () => log.named("storage_recovered").length > 0, 15_000);
    const late = newConversation();
    await storage.store.create(late);
    assert.deepEqual([storage.kindOf(early.id), storage.kindOf(late.id)], ["memory", "redis"]);
    assert.equal((await storage.store.page(early.id, { limit: 1 })).conversation.id, early.id);
    const woken: string[] = [];
    storage.onWake((id) => woken.push(id));
    const channel = `parley:wake:${storage.instanceId}`;
    // Wakes are heard on a connection of their own, which may be back later than the one for commands.
    await eventually("it listens", async () =>
      (await server.command("PUBSUB", "NUMSUB", channel)).endsWith(":1"),
    );
    await server.command("PUBLISH", channel, late.id);
    await until("it hears wakes", () => woken.includes(late.id));
    assert.ok(redis?.isReady && typeof opened.isDegraded === "boolean");
    await storage.close();
    await server[Symbol.asyncDispose]();
  });

  it("leaves no connection open to a Redis that never answered, once it is closed", async () => {
    await using silence = await startSilence();
    const { storage } = await open(silence.url);
    assert.ok(silence.sockets.size > 0);
    await storage.close();
    await until("all are closed", () => [...silence.sockets].every(({ destroyed }) => destroyed));
  });
});
