// How a connection is made: the URL taken apart, the settings without which a call hangs, the version that is needed.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { AppError } from "#app/core/errors.ts";
import {
  parseRedisUrl,
  REDIS_SETTINGS,
  readServerVersion,
  reconnectDelayMs,
} from "#app/core/redis-settings.ts";

describe("a URL of Redis", () => {
  it("gives host, port, database, user and password, with what was escaped in them", () => {
    assert.deepEqual(parseRedisUrl("redis://localhost"), { host: "localhost", port: 6379, db: 0 });
    assert.deepEqual(parseRedisUrl("redis://ada:p%40ss%2F@[::1]:7000/3"), {
      host: "::1",
      port: 7000,
      db: 3,
      username: "ada",
      password: "p@ss/",
    });
    assert.deepEqual(parseRedisUrl("rediss://:x@redis.example/"), {
      host: "redis.example",
      port: 6379,
      db: 0,
      password: "x",
      tls: {},
    });
  });

  for (const bad of [
    "",
    "hush",
    "http://:hush@host",
    "redis://:hush@",
    "redis://:hush%@host",
    "redis://:hush@h/one",
  ]) {
    it(`is refused without being repeated: ${bad || "nothing"}`, () => {
      assert.throws(
        () => parseRedisUrl(bad),
        (error: unknown) =>
          error instanceof AppError && !/hush/.test(inspect(error).replaceAll(import.meta.url, "")),
      );
    });
  }
});

describe("the client's settings", () => {
  it("are those without which a call hangs for minutes", () => {
    const { retryStrategy, reconnectOnError, lazyConnect, connectionName, autoResubscribe, ...times } =
      REDIS_SETTINGS;
    assert.deepEqual(times, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      connectTimeout: 2_000,
      commandTimeout: 500,
      socketTimeout: 5_000,
      keepAlive: 5_000,
      autoResendUnfulfilledCommands: false,
    });
    assert.equal(reconnectOnError(new Error("READONLY You can't write against a read only replica.")), true);
    assert.equal(reconnectOnError(new Error("OOM command not allowed")), false);
    assert.deepEqual([lazyConnect, connectionName, autoResubscribe], [true, "parley", false]);
    assert.equal(retryStrategy, reconnectDelayMs);
  });

  it("let it come back sooner at first, never later than 5 s, never twice at one moment", () => {
    for (const [times, most] of [
      [1, 50],
      [2, 100],
      [5, 800],
      [8, 5_000],
      [1_000, 5_000],
    ] as const) {
      const delays = Array.from({ length: 50 }, () => reconnectDelayMs(times));
      assert.ok(
        delays.every((ms) => ms >= most / 2 && ms <= most),
        `${times}: ${delays.join(" ")}`,
      );
      assert.ok(new Set(delays).size > 40);
    }
  });
});

describe("the version of a server", () => {
  it("is read from its INFO, and 7 is the first that will do", () => {
    assert.equal(readServerVersion("# Server\r\nredis_version:7.0.15\r\n"), "7.0.15");
    assert.equal(readServerVersion("redis_version:10.1.0\r\n"), "10.1.0");
    for (const info of ["redis_version:6.2.14\r\n", "", "valkey?"]) {
      assert.throws(() => readServerVersion(info), { code: "storage_unavailable" });
    }
  });
});
