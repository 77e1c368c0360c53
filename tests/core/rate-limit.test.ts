// Allowances: spent, refused with the time to wait, whole again; bounded in memory whatever the keys.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { createMemoryRateLimiter, type RateLimiter } from "#app/core/rate-limit.ts";

const refusal = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const isLimited = refusal("rate_limited");

async function taken(limiter: RateLimiter, key: string, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) await limiter.take(key);
}

test("the budget can be spent, and no more than that", async () => {
  const limiter = createMemoryRateLimiter({ points: 3, durationSeconds: 60, keyPrefix: "spent" });
  await taken(limiter, "203.0.113.9", 3);
  await assert.rejects(limiter.take("203.0.113.9"), isLimited);
});

test("a refusal says when to come back, and what the limit is", async () => {
  const limiter = createMemoryRateLimiter({ points: 1, durationSeconds: 60, keyPrefix: "when" });
  await limiter.take("a");
  await assert.rejects(limiter.take("a"), (error: unknown) => {
    assert.ok(error instanceof AppError);
    assert.ok(
      error.retryAfterMs !== undefined && error.retryAfterMs > 59_000 && error.retryAfterMs <= 60_000,
    );
    assert.deepEqual(error.details, { limit: 1, windowSeconds: 60 });
    assert.equal(error.status, 429);
    return true;
  });
});

test("one key's budget is not another's", async () => {
  const limiter = createMemoryRateLimiter({ points: 1, durationSeconds: 60, keyPrefix: "apart" });
  await limiter.take("a");
  await limiter.take("b");
  await assert.rejects(limiter.take("a"), isLimited);
});

test("a dear request takes several points", async () => {
  const limiter = createMemoryRateLimiter({ points: 5, durationSeconds: 60, keyPrefix: "dear" });
  await limiter.take("a", 4);
  await assert.rejects(limiter.take("a", 2), isLimited);
});

test("a request dearer than the whole budget is refused", async () => {
  const limiter = createMemoryRateLimiter({ points: 2, durationSeconds: 60, keyPrefix: "too-dear" });
  await assert.rejects(limiter.take("a", 3), isLimited);
});

test("names of an object's own properties are keys like any other", async () => {
  const limiter = createMemoryRateLimiter({ points: 1, durationSeconds: 60, keyPrefix: "names" });
  for (const key of ["__proto__", "constructor", "toString", ""]) {
    await limiter.take(key);
    await assert.rejects(limiter.take(key), isLimited);
  }
});

test("after the window the budget is whole again, and being refused has not made it longer", async (t) => {
  t.mock.timers.enable({ apis: ["Date", "setTimeout"] });
  const limiter = createMemoryRateLimiter({ points: 2, durationSeconds: 10, keyPrefix: "window" });
  await taken(limiter, "a", 2);
  t.mock.timers.tick(9_000);
  await assert.rejects(limiter.take("a"), isLimited);
  t.mock.timers.tick(1_001);
  await taken(limiter, "a", 2);
  await assert.rejects(limiter.take("a"), isLimited);
});

test("when the table is full, new keys share one budget and known keys keep theirs", async () => {
  const limiter = createMemoryRateLimiter({ points: 2, durationSeconds: 60, keyPrefix: "full", maxKeys: 2 });
  await limiter.take("known-1");
  await limiter.take("known-2");
  await limiter.take("new-1");
  await limiter.take("new-2");
  await assert.rejects(limiter.take("new-3"), isLimited);
  await limiter.take("known-1");
  await assert.rejects(limiter.take("known-1"), isLimited);
});

test("a table that was full has room again when its windows have ended", async (t) => {
  t.mock.timers.enable({ apis: ["Date", "setTimeout"] });
  const limiter = createMemoryRateLimiter({ points: 1, durationSeconds: 10, keyPrefix: "room", maxKeys: 1 });
  await limiter.take("a");
  await limiter.take("b");
  await assert.rejects(limiter.take("c"), isLimited);
  t.mock.timers.tick(10_001);
  await limiter.take("c");
  await limiter.take("d");
  await assert.rejects(limiter.take("c"), isLimited);
});
