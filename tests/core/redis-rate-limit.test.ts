// The limiter over a real Redis: one allowance for all instances, and never none when Redis is away.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { createRedisRateLimiter, type RateLimiter } from "#app/core/rate-limit.ts";
import { connectRedis, type RedisConnection } from "#app/core/redis.ts";
import { assertWithin } from "../support/held-up.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { startRelay } from "../support/redis-relay.ts";
import { RedisServer } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

const OPTIONS = { points: 3, durationSeconds: 60, keyPrefix: "test" };
const isLimited = (error: unknown) => error instanceof AppError && error.code === "rate_limited";

async function connectTo(url: string): Promise<RedisConnection> {
  const { connection } = await connectRedis({ url, logger: createRecordingLogger(), scripts: [] });
  return connection;
}

/** A server and two instances on it. */
async function start(options = OPTIONS) {
  const server = await RedisServer.start();
  const connections = [await connectTo(server.url), await connectTo(server.url)] as const;
  const [here, there] = connections.map(({ client }) => createRedisRateLimiter(options, client));
  assert.ok(here && there);
  return {
    server,
    here,
    there,
    connections,
    async [Symbol.asyncDispose]() {
      for (const connection of connections) connection.abort();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function taken(limiter: RateLimiter, key: string, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) await limiter.take(key);
}

describe("a limit in Redis", () => {
  it("is one allowance for all instances, and says when to come back", async () => {
    await using both = await start();
    await taken(both.here, "a", 2);
    await taken(both.there, "a", 1);
    for (const limiter of [both.here, both.there]) {
      await assert.rejects(limiter.take("a"), (error: unknown) => {
        assert.ok(error instanceof AppError && error.retryAfterMs !== undefined);
        assert.equal(error.code, "rate_limited");
        assert.ok(error.retryAfterMs > 50_000 && error.retryAfterMs <= 60_000);
        assert.deepEqual(error.details, { limit: 3, windowSeconds: 60 });
        return true;
      });
    }
    await both.there.take("b");
  });

  it("is not exceeded by requests that come at the same moment", async () => {
    await using both = await start();
    const asked = Array.from({ length: 20 }, (_, index) => (index % 2 ? both.here : both.there).take("a"));
    const granted = (await Promise.allSettled(asked)).filter(({ status }) => status === "fulfilled");
    assert.equal(granted.length, 3);
  });

  it("does not wait for a Redis that is known to be silent, and still counts", async () => {
    await using both = await start();
    const [connection] = both.connections;
    let isUp = true;
    const limiter = createRedisRateLimiter(OPTIONS, connection.client, () => isUp);
    await limiter.take("a");
    both.server.pause();
    isUp = false;
    const askedAt = performance.now();
    await taken(limiter, "a", 3);
    await assert.rejects(limiter.take("a"), isLimited);
    // Four calls to a silent Redis take 2 s.
    assertWithin("four calls", performance.now() - askedAt, 400, askedAt);
    both.server.resume();
  });

  it("takes several points for a dear request", async () => {
    await using both = await start();
    await both.here.take("a", 2);
    await assert.rejects(both.there.take("a", 2), isLimited);
  });

  it("ends with its window", async () => {
    await using both = await start({ ...OPTIONS, durationSeconds: 1 });
    await taken(both.here, "a", 3);
    const refusal: unknown = await both.here.take("a").catch((error: unknown) => error);
    assert.ok(refusal instanceof AppError && (refusal.retryAfterMs ?? 0) <= 1_000);
    let isOpen = false;
    const knock = setInterval(() => {
      both.here.take("a").then(
        () => {
          isOpen = true;
        },
        () => undefined,
      );
    }, 20);
    await until("the window has ended", () => isOpen).finally(() => clearInterval(knock));
  });

  it("does not carry a flood on to Redis: who is refused is remembered here", async () => {
    await using server = await RedisServer.start();
    await using relay = await startRelay(server.port);
    const connection = await connectTo(relay.url);
    const limiter = createRedisRateLimiter(OPTIONS, connection.client);
    await taken(limiter, "a", 3);
    await assert.rejects(limiter.take("a"), isLimited);
    const { length } = relay.pieces;
    for (let count = 0; count < 500; count += 1) await assert.rejects(limiter.take("a"), isLimited);
    assert.equal(relay.pieces.length, length);
    connection.abort();
  });

  it("leaves nothing behind for ever", async () => {
    await using both = await start();
    await both.here.take("a");
    const keys = (await both.server.command("KEYS", "*")).split(/\s+/).filter((word) => word.includes("a"));
    assert.deepEqual(keys, ["parley:limit:test:a"]);
    assert.ok(Number(await both.server.command("TTL", "parley:limit:test:a")) <= 60);
  });
});

describe("a limit whose Redis is away", () => {
  it("is held by each instance for itself, from the first request on and at once", async () => {
    await using both = await start();
    await both.here.take("a");
    await both.server.kill();
    await until("the loss is noticed", () => both.connections.every(({ isReady }) => !isReady));
    const startedAt = performance.now();
    await taken(both.here, "a", 3);
    await assert.rejects(both.here.take("a"), isLimited);
    assertWithin("four calls, without a wait for Redis", performance.now() - startedAt, 200, startedAt);
    await taken(both.there, "a", 3);
    await assert.rejects(both.there.take("a"), isLimited);
  });

  it("is held too when Redis is killed under the very request", async () => {
    await using both = await start();
    const asked = Promise.allSettled(Array.from({ length: 10 }, () => both.here.take("a")));
    await both.server.kill();
    const granted = (await asked).filter(({ status }) => status === "fulfilled");
    assert.ok(granted.length <= 6, "at most one allowance there and one here");
    await assert.rejects(both.here.take("a"), isLimited);
  });

  it("is held within a second when Redis hangs", async () => {
    await using both = await start();
    both.server.pause();
    const startedAt = performance.now();
    await both.here.take("a");
    assertWithin("the answer", performance.now() - startedAt, 1_000, startedAt);
    both.server.resume();
  });

  it("is shared again when Redis is back", async () => {
    await using both = await start();
    await both.server.restart();
    await until("both are back", () => both.connections.every(({ isReady }) => isReady), 10_000);
    await taken(both.here, "b", 3);
    await assert.rejects(both.there.take("b"), isLimited);
  });
});
