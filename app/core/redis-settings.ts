// How a connection to Redis is made: the client's settings, the URL, the version a server must have.

import type { RedisOptions } from "ioredis";
import { AppError } from "./errors.ts";

/** Without them a call to a Redis that is away or hangs takes minutes, or for ever. */
export const REDIS_SETTINGS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  connectTimeout: 2_000,
  commandTimeout: 500,
  socketTimeout: 5_000,
  keepAlive: 5_000,
  autoResendUnfulfilledCommands: false,
  // RedisSubscriptions does it: ioredis leaves a failed re-subscription as an unhandled rejection.
  autoResubscribe: false,
  connectionName: "parley",
  retryStrategy: reconnectDelayMs,
  // A primary that became a replica: its address may lead to the new one.
  reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
} as const satisfies RedisOptions;

export type RedisAddress = Pick<RedisOptions, "host" | "port" | "db" | "username" | "password" | "tls">;

const MIN_MAJOR_VERSION = 7;

/** Milliseconds before the attempt `times`: doubled up to 5 s, with jitter so that a fleet does not come at once. */
export function reconnectDelayMs(times: number): number {
  return Math.min(5_000, 25 * 2 ** Math.min(times, 10)) * (0.5 + Math.random() / 2);
}

/** Takes `redis://` and `rediss://` apart. @throws AppError that does not repeat the URL: it may hold a password */
export function parseRedisUrl(text: string): RedisAddress {
  try {
    const url = new URL(text);
    if (!/^rediss?:$/.test(url.protocol) || url.hostname === "" || !/^\/?\d*$/.test(url.pathname)) {
      throw new TypeError("another form");
    }
    return {
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: Number(url.port || 6379),
      db: Number(url.pathname.slice(1)),
      ...(url.username !== "" && { username: decodeURIComponent(url.username) }),
      ...(url.password !== "" && { password: decodeURIComponent(url.password) }),
      ...(url.protocol === "rediss:" && { tls: {} }),
    };
  } catch {
    // The error underneath is left out on purpose: it names what it could not read.
    const form = "a Redis URL has the form redis[s]://[user[:password]@]host[:port][/database]";
    throw new AppError("internal_error", { cause: new Error(form) });
  }
}

/** The version in an answer to INFO. @throws AppError `storage_unavailable` for one without sharded channels */
export function readServerVersion(info: string): string {
  const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? "unknown";
  if (Number.parseInt(version, 10) >= MIN_MAJOR_VERSION) return version;
  throw new AppError("storage_unavailable", {
    cause: new Error(
      `Redis ${MIN_MAJOR_VERSION} or later is needed (sharded channels); this one is ${version}`,
    ),
  });
}
