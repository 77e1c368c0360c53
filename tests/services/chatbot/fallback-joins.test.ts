// Joins that fall back on memory: they show the conversation that memory has, once, and wait for nothing that a Redis
// would have to say of it.

import assert from "node:assert/strict";
import { it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { CircuitBreaker } from "#app/core/resilience.ts";
import { createFallbackBundle } from "#app/services/chatbot/fallback-bundle.ts";
import { createStorageBundle } from "#app/services/chatbot/memory-factory.ts";
import { createRedisBundle, type RedisBundle } from "#app/services/chatbot/redis-bundle.ts";
import { conversationKey } from "#app/services/chatbot/redis-keys.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { TTL_MS } from "../../support/redis-harness.ts";
import { startRelay } from "../../support/redis-relay.ts";
import { RedisServer } from "../../support/redis-server.ts";
import { watchStorage } from "../../support/watched-storage.ts";
import { startJoined } from "./talking.ts";
import { atRest, finished, onRedis, say } from "./talking-on-redis.ts";

function createFallback(redis: RedisBundle) {
  const local = createStorageBundle({ conversationTtlMs: TTL_MS });
  const bundle = createFallbackBundle(redis, local);
  return { ...bundle, local, [Symbol.asyncDispose]: () => bundle.close() };
}

it("is shown once, as memory has it, though Redis answered the look: it was only late to say that it is made", async (test) => {
  const scene = await onRedis(test, async ({ here }) => {
    const watched = watchStorage(here);
    const looked = Promise.withResolvers<void>();
    watched.afterNext("page", looked.resolve);
    watched.afterNext("create", async () => {
      await looked.promise;
      throw new AppError("storage_unavailable");
    });
    const storage = createFallback({ ...here, store: watched.store });
    test.after(() => storage.local.close());
    return { local: storage.local, ...(await startJoined(test, { storage })) };
  });
  const { local, client, joined, id } = scene;
  const { epoch } = await local.log.open(id);
  assert.deepEqual([joined.storage, joined.new, joined.epoch], ["memory", true, epoch]);
  await say(client, "hello");
  await finished(client, 1);
  await atRest(scene);
  assert.equal(client.shown.named("joined").length, 1);
});

it("subscribes to nothing while the circuit is open: a new conversation in memory waits for no Redis", async (test) => {
  await using server = await RedisServer.start();
  await using relay = await startRelay(server.port);
  const logger = createRecordingLogger();
  const settings = { failureThreshold: 1, recoveryMs: 600_000, isFailure: () => true };
  const breaker = new CircuitBreaker({ name: "redis", logger, ...settings });
  const options = { url: relay.url, conversationTtlMs: TTL_MS, instanceId: "here", logger, breaker };
  await using storage = createFallback(await createRedisBundle(options));
  const subscribes = (id: string) => relay.pieces.join("").includes(conversationKey(id, "live"));
  server.pause();
  const frozen = new Error("no answer");
  await assert.rejects(breaker.run(() => Promise.reject(frozen), new AbortController().signal));
  assert.equal(breaker.state, "open");
  const { joined, client, connect, id } = await startJoined(test, { storage });
  assert.deepEqual([joined.storage, subscribes(id)], ["memory", false]);
  await say(client, "hello");
  await finished(client, 1);
  assert.equal(subscribes(id), false);

  server.resume();
  breaker.reset();
  const { conversationId, storage: kind } = await connect().tell({ type: "join" }, "joined");
  assert.deepEqual([kind, subscribes(String(conversationId))], ["redis", true]);
});
