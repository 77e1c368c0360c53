// Tries a Redis out: can it be written to and read from, how long does that take, what time is it there?
// Promises: leaves nothing behind but a key that is gone after 5 s; its failures say nothing of the address.

import { randomUUID } from "node:crypto";
import { CheckFailure } from "./diagnosis.ts";
import type { RedisConnection } from "./redis.ts";

const KEY_TTL_MS = 5_000;

/** Milliseconds that writing and reading back took together. @throws CheckFailure */
export async function writeAndRead({ client }: RedisConnection): Promise<number> {
  const key = `parley:health:${randomUUID()}`;
  const startedAt = performance.now();
  const kept = await answered(async () => {
    await client.set(key, key, "PX", KEY_TTL_MS);
    return await client.get(key);
  });
  if (kept !== key) throw new CheckFailure("Redis did not give back what was written.");
  return performance.now() - startedAt;
}

/** How far this machine's clock is ahead of Redis's, in milliseconds; half the round trip is off it. @throws CheckFailure */
export async function clockAheadMs({ client }: RedisConnection): Promise<number> {
  const askedAt = Date.now();
  const [seconds, microseconds] = await answered(() => client.time());
  const meantAt = (askedAt + Date.now()) / 2;
  return meantAt - (Number(seconds) * 1000 + Number(microseconds) / 1000);
}

async function answered<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    // An answer of Redis begins with a word in capitals (READONLY, OOM, NOAUTH); anything else is no answer.
    const refusal = error instanceof Error ? /^[A-Z]{3,20}(?= )/.exec(error.message)?.[0] : undefined;
    throw new CheckFailure(refusal ? `Redis refuses: ${refusal}.` : "Redis does not answer.");
  }
}
