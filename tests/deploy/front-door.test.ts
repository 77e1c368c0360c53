// The demonstration's front door: who answers, and what becomes of connections when an instance ends.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { it, type TestContext } from "node:test";
import { openFrontDoor } from "../../deploy/demo/front-door.ts";
import { freePort } from "../../deploy/demo/server-process.ts";

interface Echo {
  readonly port: number;
  readonly server: Server;
  readonly sockets: Socket[];
}

/** Answers everything with its name before it. */
async function startEcho(t: TestContext, name: string): Promise<Echo> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("data", (data: Buffer) => socket.write(`${name}:${data.toString()}`));
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  return { port: address.port, server, sockets };
}

async function say(port: number, words: string): Promise<[Socket, string]> {
  const socket = connect(port, "127.0.0.1");
  socket.write(words);
  const [data] = await once(socket, "data");
  return [socket, String(data)];
}

it("the first instance answers while it is there, then the next one, with every byte", async (t) => {
  const [a, b] = [await startEcho(t, "a"), await startEcho(t, "b")];
  await using door = await openFrontDoor([a.port, b.port]);
  const [first, answer] = await say(door.port, "hello");
  assert.equal(answer, "a:hello");
  const closed = once(first, "close");
  a.server.close();
  for (const socket of a.sockets) socket.destroy();
  await closed;
  const [second, other] = await say(door.port, "hello again");
  assert.equal(other, "b:hello again");
  second.destroy();
});

it("a visitor who leaves is gone for the instance, too", async (t) => {
  const a = await startEcho(t, "a");
  await using door = await openFrontDoor([a.port]);
  const [visitor] = await say(door.port, "hello");
  const [atInstance] = a.sockets;
  assert.ok(atInstance);
  const closed = once(atInstance, "close");
  visitor.destroy();
  await closed;
});

it("where nobody takes a connection it is closed, and not held", async () => {
  await using door = await openFrontDoor([await freePort(), await freePort()]);
  const socket = connect(door.port, "127.0.0.1");
  await once(socket, "close");
});
