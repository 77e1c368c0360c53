// Redis, and memory for what begins while Redis is away.
// Promises: a conversation stays where it was made. One that Redis keeps is never continued in memory: that would make
// two writers, and bring back what was erased.

import { toAppError } from "#app/core/errors.ts";
import type { ConversationStore } from "./memory.ts";
import type { RedisBundle } from "./redis-bundle.ts";
import type { StorageBundle } from "./storage-bundle.ts";

/** The in-memory bundle, which can tell what it holds. */
export interface LocalBundle extends StorageBundle {
  has(conversationId: string): boolean;
}

export function createFallbackBundle(redis: RedisBundle, local: LocalBundle): StorageBundle {
  const homeOf = (id: string): StorageBundle => (local.has(id) ? local : redis);
  return {
    kind: "redis",
    kindOf: (id) => homeOf(id).kind,
    instanceId: redis.instanceId,
    shelter: redis.shelter,
    store: createFallbackStore(homeOf, local),
    log: {
      open: (id) => homeOf(id).log.open(id),
      append: (lease, batch) => homeOf(lease.conversationId).log.append(lease, batch),
      read: (id, from) => homeOf(id).log.read(id, from),
      subscribe: (id, onEvents) =>
        homeOf(id)
          .log.subscribe(id, onEvents)
          .catch((error: unknown) => {
            // What memory has taken in meanwhile is not waited for where it would have been.
            if (!local.has(id)) throw error;
            return local.log.subscribe(id, onEvents);
          }),
    },
    lease: {
      acquire: (id) => homeOf(id).lease.acquire(id),
      renew: (lease) => homeOf(lease.conversationId).lease.renew(lease),
      release: (lease, isDone) => homeOf(lease.conversationId).lease.release(lease, isDone),
      abandoned: () => redis.lease.abandoned(),
    },
    onWake: (listener) => redis.onWake(listener),
    whisper: (id, frame) => homeOf(id).whisper(id, frame),
    onAvailability: (listener) => redis.onAvailability(listener),
    onWhisper: (listener) => redis.onWhisper(listener),
    close: async () => {
      await Promise.all([redis.close(), local.close()]);
    },
  };
}

function createFallbackStore(homeOf: (id: string) => StorageBundle, local: LocalBundle): ConversationStore {
  return {
    create: (conversation) =>
      homeOf(conversation.id)
        .store.create(conversation)
        .catch((error: unknown) => {
          if (toAppError(error).code !== "storage_unavailable") throw error;
          return local.store.create(conversation);
        }),
    accept: (id, turn) => homeOf(id).store.accept(id, turn),
    cancel: (id, runId, scope) => homeOf(id).store.cancel(id, runId, scope),
    record: (lease, change) => homeOf(lease.conversationId).store.record(lease, change),
    amend: (id, amendment) => homeOf(id).store.amend(id, amendment),
    page: (id, query) => homeOf(id).store.page(id, query),
  };
}
