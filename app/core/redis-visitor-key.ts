// One key for the names of visitors, for all instances of one Redis and over their restarts: without it a visitor would
// have a budget of their own with each instance, and a new one after every restart.
// Promises: never rejects; while Redis is away an instance gives names of its own, and asks again when it is back.

import { randomBytes } from "node:crypto";
import type { RedisConnection } from "./redis.ts";
import { VisitorNames, type VisitorReader } from "./visitor.ts";

const KEY = "parley:visitor-key";
/** As long as conversations, which bear the names, are kept by default; then nobody can tell any more whose they were. */
const KEPT_SECONDS = 30 * 24 * 3600;

/** Names of this process's own where there is no Redis. */
export async function openVisitorNames(connection: RedisConnection | undefined): Promise<VisitorReader> {
  const names = new VisitorNames();
  if (connection) await shareKey(names, connection);
  return names.of;
}

/** Resolves when Redis has been asked for the first time. */
async function shareKey(names: VisitorNames, connection: RedisConnection): Promise<void> {
  let isShared = false;
  const share = async (): Promise<void> => {
    if (isShared || !connection.watch.isUp) return;
    const own = randomBytes(32).toString("base64url");
    try {
      names.adopt((await connection.client.set(KEY, own, "EX", KEPT_SECONDS, "NX", "GET")) ?? own);
      isShared = true;
    } catch {
      // The watch has heard of it, and tells when it is worth asking again.
    }
  };
  connection.watch.onChange(({ isUp }) => {
    if (isUp) void share();
  });
  await share();
}
