// The Redis bundle: conversations that outlive the process and are shared by every instance on one Redis.

import type { RetrySettings } from "#app/core/config-circuits.ts";
import type { Logger } from "#app/core/logging.ts";
import { connectRedis, type RedisConnection } from "#app/core/redis.ts";
import type { CircuitBreaker } from "#app/core/resilience.ts";
import type { LogWindow } from "./event-log.ts";
import { ERASE } from "./redis-erase-script.ts";
import { RedisEventLog } from "./redis-event-log.ts";
import { type ConversationScript, WAKE_PREFIX } from "./redis-keys.ts";
import { ACQUIRE, RELEASE, RENEW } from "./redis-lease-scripts.ts";
import { ADOPT, APPEND, OPEN, READ } from "./redis-log-scripts.ts";
import { RedisConversationStore } from "./redis-memory.ts";
import { PERSONA_CHANGED, RUN_FINISHED, RUN_REPLACED, RUN_STARTED } from "./redis-record-scripts.ts";
import { ACCEPT_REVISION, AMEND, REVISED } from "./redis-revision-scripts.ts";
import { RedisRunLease } from "./redis-run-lease.ts";
import { ACCEPT_MESSAGE, ACCEPT_PERSONA, CANCEL, CREATE, PAGE } from "./redis-store-scripts.ts";
import { RedisWhispers, WHISPER } from "./redis-whispers.ts";
import { ShelteredEventLog } from "./sheltered-log.ts";
import type { StorageBundle } from "./storage-bundle.ts";

export interface RedisBundleOptions {
  readonly url: string;
  readonly conversationTtlMs: number;
  /** Names this process among all on this Redis; of the form of an id. */
  readonly instanceId: string;
  readonly logger: Logger;
  readonly window?: LogWindow;
  readonly breaker?: CircuitBreaker | undefined;
  /** A Redis that is away at first is waited for in the background. */
  readonly mayBeAway?: boolean;
  /** How long the first connection may take. */
  readonly withinMs?: number;
  readonly retry?: RetrySettings | undefined;
}

export interface RedisBundle extends StorageBundle {
  readonly kind: "redis";
  readonly shelter: ShelteredEventLog;
  /** For health and for the limiter. */
  readonly connection: RedisConnection;
}

/** Every script there is. */
export const REDIS_SCRIPTS: readonly ConversationScript[] = [
  ...[CREATE, ACCEPT_MESSAGE, ACCEPT_PERSONA, CANCEL, PAGE],
  ...[ACCEPT_REVISION, REVISED, AMEND, ERASE],
  ...[RUN_STARTED, RUN_FINISHED, RUN_REPLACED, PERSONA_CHANGED],
  ...[OPEN, APPEND, READ, ADOPT],
  ...[ACQUIRE, RENEW, RELEASE, WHISPER],
];

/**
 * Connects and listens for wakes, within 3 s.
 * @throws AppError `storage_unavailable` when Redis is away (unless it `mayBeAway`), refuses or is older than 7; nothing
 *   is left open
 */
export async function createRedisBundle(options: RedisBundleOptions): Promise<RedisBundle> {
  const { logger, instanceId, conversationTtlMs, window } = options;
  const { connection, version } = await connectRedis({ ...options, scripts: REDIS_SCRIPTS });
  const keeperOptions = { connection, instanceId, conversationTtlMs };
  const lease = new RedisRunLease(keeperOptions);
  const listeners: ((conversationId: string) => void)[] = [];
  const whispers = new RedisWhispers(connection, instanceId);
  const shelter = new ShelteredEventLog(
    new RedisEventLog({ connection, conversationTtlMs, whispers, ...(window && { window }) }),
  );
  const wake = (payload: Buffer | undefined): void => {
    if (payload && whispers.takeWake(payload.toString())) return;
    // After a gap nobody knows who was to be woken; it can only have been one that runs here.
    const woken = payload ? [payload.toString()] : lease.held;
    for (const id of woken) for (const listener of listeners) listener(id);
  };
  connection.subscriptions.keep(`${WAKE_PREFIX}${instanceId}`, "ordinary", wake);
  const { host, port, db, tls } = connection.client.options;
  const target = { host, port, db, tls: tls !== undefined };
  if (version !== undefined) logger.info({ ...target, version }, "redis_memory_initialized");
  else logger.warn({ ...target }, "redis_memory_awaited");
  return {
    kind: "redis",
    kindOf: () => "redis",
    instanceId,
    store: new RedisConversationStore(keeperOptions),
    log: shelter,
    shelter,
    lease,
    connection,
    onWake: (listener) => void listeners.push(listener),
    whisper: (conversationId, frame) => whispers.send(conversationId, frame),
    onAvailability: (listener) => connection.watch.onChange(({ isUp }) => listener(isUp)),
    onWhisper: (listener) => whispers.listen(listener),
    close: () => connection.close(),
  };
}
