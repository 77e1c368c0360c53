// A Redis server and two instances on it, as the storage contracts want them, and as the Redis tests do.

import { LOG_WINDOW, type LogWindow } from "#app/services/chatbot/event-log.ts";
import { createRedisBundle, type RedisBundle } from "#app/services/chatbot/redis-bundle.ts";
import { RedisEventLog } from "#app/services/chatbot/redis-event-log.ts";
import { conversationKey } from "#app/services/chatbot/redis-keys.ts";
import type { CreateStorageHarness } from "../contracts/storage-harness.ts";
import { createRecordingLogger, type RecordingLogger } from "./recording-logger.ts";
import { RedisServer, type RedisServerOptions } from "./redis-server.ts";

export const TTL_MS = 3_600_000;

export interface RedisInstances extends AsyncDisposable {
  readonly server: RedisServer;
  readonly here: RedisBundle;
  readonly there: RedisBundle;
  /** What both logged. */
  readonly log: RecordingLogger;
}

export async function startInstances(
  options: RedisServerOptions = {},
  window: LogWindow = LOG_WINDOW,
): Promise<RedisInstances> {
  const server = await RedisServer.start(options);
  const log = createRecordingLogger();
  const open = (instanceId: string): Promise<RedisBundle> =>
    createRedisBundle({ url: server.url, conversationTtlMs: TTL_MS, instanceId, logger: log, window });
  const [here, there] = await Promise.all([open("here"), open("there")]);
  return {
    server,
    here,
    there,
    log,
    async [Symbol.asyncDispose]() {
      await Promise.all([here.close(), there.close()]);
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Harnesses on one pair of instances: each begins with an empty server. */
export function harnessesOn(instances: () => RedisInstances): CreateStorageHarness {
  return async (window) => {
    const { server, here, there } = instances();
    await server.command("FLUSHALL");
    return {
      here: { store: here.store, log: logOf(here, window), lease: here.lease },
      there: { store: there.store, log: logOf(there, window), lease: there.lease },
      lapseLease: async (id) => {
        await server.command("HSET", conversationKey(id, "lease"), "untilMs", "1");
      },
      outliveEvents: async (id) => {
        await server.command("PEXPIREAT", conversationKey(id, "events"), "1");
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  };
}

function logOf({ connection }: RedisBundle, window: LogWindow): RedisEventLog {
  return new RedisEventLog({ connection, conversationTtlMs: TTL_MS, window });
}
