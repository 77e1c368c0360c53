// Chooses where conversations live: the one place that knows which keepers there are.
// A Redis that is away at the start costs durability, not the service: conversations live in memory then, and that is said.

import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "#app/core/logging.ts";
import type { RedisConnection } from "#app/core/redis.ts";
import { LocalEventLog } from "./local-event-log.ts";
import { LocalConversationStore } from "./local-memory.ts";
import { LocalRunLease } from "./local-run-lease.ts";
import { LOCAL_STORAGE_LIMITS, LocalStorage } from "./local-storage.ts";
import { createRedisBundle, type RedisBundle, type RedisBundleOptions } from "./redis-bundle.ts";
import type { StorageBundle } from "./storage-bundle.ts";

export type { StorageBundle } from "./storage-bundle.ts";

const SWEEP_EVERY_MS = 60_000;
/** For so long a new attempt at Redis is begun at the start; with the last one's own limit about 3 s in all. */
const REDIS_TRIED_MS = 1_500;
const REDIS_PAUSE_MS = 200;

export interface OpenStorageOptions {
  readonly conversationTtlMs: number;
  /** Where Redis is; absent: conversations live in memory. */
  readonly redisUrl: string | undefined;
  readonly logger: Logger;
}

/** The storage, what Redis offers beside it, and whether it is less than what was asked for. */
export interface OpenedStorage {
  readonly storage: StorageBundle;
  readonly redis: RedisConnection | undefined;
  readonly isDegraded: boolean;
}

/** Opens Redis where it is configured and there, memory otherwise. Never rejects. */
export async function openStorage(options: OpenStorageOptions): Promise<OpenedStorage> {
  const { redisUrl, logger, conversationTtlMs } = options;
  if (redisUrl === undefined) {
    return { storage: createStorageBundle({ conversationTtlMs }), redis: undefined, isDegraded: false };
  }
  try {
    const storage = await openRedis({ url: redisUrl, conversationTtlMs, instanceId: randomUUID(), logger });
    return { storage, redis: storage.connection, isDegraded: false };
  } catch (error) {
    logger.error({ err: error, storage: "memory" }, "storage_degraded");
    return { storage: createStorageBundle({ conversationTtlMs }), redis: undefined, isDegraded: true };
  }
}

/** Going on in memory is for as long as the process lives: it is not decided by one answer that came late. */
async function openRedis(options: RedisBundleOptions): Promise<RedisBundle> {
  const triedUntil = performance.now() + REDIS_TRIED_MS;
  for (;;) {
    try {
      return await createRedisBundle(options);
    } catch (error) {
      if (performance.now() > triedUntil) throw error;
      await pause(REDIS_PAUSE_MS);
    }
  }
}

/** The in-memory bundle; its three keepers share one bounded shelf, so that a conversation leaves as a whole. */
export function createStorageBundle(options: { conversationTtlMs: number }): StorageBundle {
  const storage = new LocalStorage({
    ...LOCAL_STORAGE_LIMITS,
    ttlMs: options.conversationTtlMs,
    now: Date.now,
  });
  const sweeper = setInterval(() => storage.sweep(), SWEEP_EVERY_MS);
  sweeper.unref();
  return {
    kind: "memory",
    kindOf: () => "memory",
    instanceId: randomUUID(),
    store: new LocalConversationStore(storage),
    log: new LocalEventLog(storage),
    lease: new LocalRunLease(storage),
    // No other instance shares this storage.
    onWake: () => undefined,
    whisper: async () => undefined,
    onWhisper: () => undefined,
    close: async () => clearInterval(sweeper),
  };
}
