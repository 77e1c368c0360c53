// What a Redis would keep through a crash, told as it is configured: on real servers.

import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { connectRedis } from "#app/core/redis.ts";
import { type RedisDurability, readDurability, tellDurability } from "#app/core/redis-durability.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";
import { RedisServer, type RedisServerOptions } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

async function start(t: TestContext, options: RedisServerOptions, user = "") {
  const server = await RedisServer.start(options);
  t.after(() => server[Symbol.asyncDispose]());
  if (user) await server.command("ACL", "SETUSER", user, "on", ">pw", "~*", "&*", "+@all", "-config");
  const url = user ? server.url.replace("//", `//${user}:pw@`) : server.url;
  const { connection } = await connectRedis({ url, logger: createRecordingLogger(), scripts: [] });
  t.after(() => connection.close());
  return { server, connection };
}

const SERVERS: readonly (readonly [string, RedisServerOptions, RedisDurability])[] = [
  ["a log that is written through", { persistent: true }, "every-write"],
  [
    "a log that is written every second",
    { persistent: true, args: ["--appendfsync", "everysec"] },
    "every-second",
  ],
  [
    "a log that is written when the system likes",
    { persistent: true, args: ["--appendfsync", "no"] },
    "when-the-system-likes",
  ],
  ["snapshots", { args: ["--save", "3600 1 300 100"] }, "snapshots"],
  ["nothing", {}, "none"],
];

for (const [what, options, expected] of SERVERS)
  it(`a Redis that keeps ${what} is told as ${expected}, with advice where a crash would cost something`, async (t) => {
    const { connection } = await start(t, options);
    assert.equal(await readDurability(connection.client), expected);
    const log = createRecordingLogger();
    tellDurability(connection, log);
    await until("it is told", () => log.named("redis_durability").length > 0);
    const [line] = log.named("redis_durability");
    const isSafe = expected === "every-write";
    assert.deepEqual(
      [line?.level, line?.fields],
      isSafe
        ? ["info", { durability: expected }]
        : ["warn", { durability: expected, advice: "appendonly yes, appendfsync always" }],
    );
  });

it("a Redis that does not say is unknown, and nobody is warned of what is not known", async (t) => {
  const { connection } = await start(t, {}, "limited");
  assert.equal(await readDurability(connection.client), "unknown");
  connection.abort();
  assert.equal(await readDurability(connection.client), "unknown");
});

it("what a Redis keeps is told again after a connection at which it keeps things otherwise, and only then", async (t) => {
  const { server, connection } = await start(t, {});
  const log = createRecordingLogger();
  tellDurability(connection, log);
  const told = () => log.named("redis_durability").map(({ fields }) => fields.durability);
  await until("it is told", () => told().length === 1);
  const cut = async (): Promise<void> => {
    const back = new Promise((resolve) => connection.client.once("ready", resolve));
    await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await back;
  };
  await cut();
  await server.command("CONFIG", "SET", "save", "60 1");
  await cut();
  await until("it is told again", () => told().length === 2);
  assert.deepEqual(told(), ["none", "snapshots"]);
});
