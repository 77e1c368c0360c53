// What a Redis would still know after a crash, as far as it says so itself; told in the log at every connection at which it
// is another. Who accepts a message promises that it is not lost: the owner should know when Redis does not.

import type { Redis } from "ioredis";
import type { Logger } from "./logging.ts";
import type { RedisConnection } from "./redis.ts";

/** `every-write` loses nothing; `every-second` the last one; `snapshots` all since the last; `none` everything. */
export type RedisDurability =
  | "every-write"
  | "every-second"
  | "when-the-system-likes"
  | "snapshots"
  | "none"
  | "unknown";

const ADVICE = "appendonly yes, appendfsync always";
const BY_FSYNC: Readonly<Record<string, RedisDurability>> = {
  always: "every-write",
  everysec: "every-second",
  no: "when-the-system-likes",
};

/** Never rejects: a server that does not say is `unknown`. */
export async function readDurability(client: Redis): Promise<RedisDurability> {
  try {
    const hasLog = /^aof_enabled:1/m.test(await client.info("persistence"));
    // Hosted servers may refuse CONFIG.
    const [, value] = await client.config("GET", hasLog ? "appendfsync" : "save").catch(() => []);
    if (typeof value !== "string") return "unknown";
    if (hasLog) return BY_FSYNC[value] ?? "unknown";
    return value === "" ? "none" : "snapshots";
  } catch {
    return "unknown";
  }
}

/** Tells at once where it is connected, and again after a connection to one that keeps things otherwise. */
export function tellDurability({ client, isReady }: RedisConnection, logger: Logger): void {
  let told: RedisDurability | undefined;
  const tell = async (): Promise<void> => {
    const durability = await readDurability(client);
    if (durability === told) return;
    told = durability;
    if (durability === "every-write" || durability === "unknown")
      logger.info({ durability }, "redis_durability");
    else logger.warn({ durability, advice: ADVICE }, "redis_durability");
  };
  client.on("ready", () => void tell());
  if (isReady) void tell();
}
