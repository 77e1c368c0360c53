// The Redis of the tests, and the ports that are bound late or again: what happens where somebody else is on one.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { freePort, onFreePort } from "../../deploy/demo/server-process.ts";
import { RedisServer } from "./redis-server.ts";

/** Somebody else on the port, who says `answer` to whatever comes. */
async function occupy(port: number, answer: string): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("data", () => socket.write(answer));
  }).listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

describe("a Redis server", () => {
  for (const [who, answer] of [
    ["somebody silent", ""],
    ["another Redis", "+PONG\r\n$13\r\nend-of-answer\r\n"],
  ] as const)
    it(`whose port was taken meanwhile does not start, and says why: ${who} is there`, async () => {
      await using server = await RedisServer.start();
      await server.kill();
      {
        await using _other = await occupy(server.port, answer);
        await assert.rejects(server.restart(), { code: "EADDRINUSE", message: /ended before it answered/ });
      }
      await server.restart();
      assert.equal(await server.command("ECHO", "back"), "4\r\nback");
    });

  it("that cannot start says what it said", async () => {
    await assert.rejects(RedisServer.start({ args: ["--no-such-option", "x"] }), /no-such-option/);
  });

  it("is itself with a password, and as a cluster", async () => {
    await using guarded = await RedisServer.start({ password: "right" });
    await using cluster = await RedisServer.start({ cluster: true });
    assert.equal(await guarded.command("PING"), "PONG");
    assert.match(await cluster.command("CLUSTER", "INFO"), /cluster_state:ok/);
  });
});

describe("a port that is bound later", () => {
  it("is none of those that are given by chance, and none twice", async () => {
    const ports: number[] = [];
    for (let count = 0; count < 100; count += 1) ports.push(await freePort());
    assert.ok(ports.every((port) => port >= 15_000 && port < 32_000));
    assert.equal(new Set(ports).size, 100);
  });

  it("is drawn again where it is taken, and only then", async () => {
    await using server = await RedisServer.start();
    const tried: number[] = [];
    const bound = await onFreePort(async (port) => {
      tried.push(port);
      await using _bound = await occupy(tried.length < 3 ? server.port : port, "");
      return port;
    });
    assert.deepEqual([new Set(tried).size, tried.at(-1)], [3, bound]);
    await assert.rejects(
      onFreePort(() => Promise.reject(new Error("else"))),
      /else/,
    );
  });
});
