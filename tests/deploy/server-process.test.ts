// Starting and ending real servers: what they are told, what is left of them, what is said when one cannot start.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { it } from "node:test";
import { findRedisServer, startInstance, startRedis } from "../../deploy/demo/server-process.ts";
import { requireProgram } from "../support/needed-programs.ts";

it("an instance is ready when it is handed out, ends with 0 on SIGTERM, and once only", async () => {
  const instance = await startInstance("A", { ENVIRONMENT: "test", LLM_PROVIDER: "offline" });
  const { status } = await fetch(`http://127.0.0.1:${instance.port}/health/ready`);
  assert.deepEqual([status, instance.isRunning], [200, true]);
  assert.equal(await instance.end("SIGTERM"), 0);
  assert.equal(await instance.end("SIGKILL"), 0);
  assert.equal(instance.isRunning, false);
  await assert.rejects(fetch(`http://127.0.0.1:${instance.port}/health`));
});

it("an instance that cannot start is an error that says why", async () => {
  await assert.rejects(startInstance("A", { LOG_LEVEL: "loud" }), /A ended with 78[\s\S]*LOG_LEVEL/);
});

it("a Redis listens on the loopback, and takes its folder with it", async () => {
  const redis = await startRedis(requireProgram("redis-server", process.env));
  const socket = connect(redis.port, "127.0.0.1");
  socket.write("CONFIG GET dir\r\n");
  const [answer] = await once(socket, "data");
  socket.destroy();
  const folder = /\/\S*parley-redis-\S+/.exec(String(answer))?.[0] ?? "";
  assert.ok(existsSync(folder), String(answer));
  assert.equal(await redis.end("SIGKILL"), null);
  assert.equal(redis.isRunning, false);
  assert.ok(!existsSync(folder));
});

it("a program that is no Redis, and one that is not there, are errors", async () => {
  await assert.rejects(startRedis("/bin/false"), /redis ended with 1 before it was ready/);
  await assert.rejects(startRedis("/nowhere/redis-server"), /redis cannot be started.*ENOENT/);
});

it("redis-server is looked for where the variable says, then on the PATH", () => {
  const found = requireProgram("redis-server", process.env);
  assert.equal(findRedisServer({ REDIS_SERVER_PATH: found, PATH: "" }), found);
  assert.equal(
    findRedisServer({ REDIS_SERVER_PATH: "/nowhere/redis-server", PATH: process.env.PATH }),
    undefined,
  );
});
