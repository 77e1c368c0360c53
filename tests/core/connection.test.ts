// The Connection that the rest of the product holds: sending, draining, closing.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Connection } from "#app/core/connection.ts";
import { clientFrame, handshake, OPCODE, openRawSocket, type RawSocket } from "../support/raw-socket.ts";
import { openSocket, type SocketClient } from "../support/socket-client.ts";
import { until } from "../support/until.ts";
import { PATH, startWebSocketHost, type WebSocketHost } from "../support/websocket-host.ts";

interface Pair {
  readonly host: WebSocketHost;
  readonly connection: Connection;
  readonly client: SocketClient;
}

async function connected(t: TestContext, compression = false): Promise<Pair> {
  const host = await startWebSocketHost(t, { compression });
  const client = await openSocket(host.url, { compression });
  const [connection] = host.connections;
  assert.ok(connection);
  return { host, connection, client };
}

async function rawConnected(t: TestContext): Promise<{ connection: Connection; raw: RawSocket }> {
  const host = await startWebSocketHost(t);
  const raw = await openRawSocket(t, host.port, handshake(PATH));
  const [connection] = host.connections;
  assert.ok(connection);
  return { connection, raw };
}

/** More than the kernel takes of a reader that does not read. */
function flood(connection: Connection): number {
  const text = "x".repeat(100_000);
  let count = 0;
  while (connection.bufferedBytes < 1_000_000) {
    connection.send(text);
    count += 1;
  }
  return count;
}

for (const compression of [false, true]) {
  const how = compression ? "with compression" : "without compression";
  test(`frames arrive in the order they were sent, ${how}`, async (t) => {
    const { connection, client } = await connected(t, compression);
    const sizes = Array.from({ length: 300 }, (_, index) => (index * 977) % 5_000);
    for (const [index, size] of sizes.entries()) connection.send(`${index}:${"é".repeat(size)}`);
    await client.next((frame) => String(frame.raw).startsWith("299:"));
    const expected = sizes.map((size, index) => `${index}:${"é".repeat(size)}`);
    assert.deepEqual(
      client.frames.map(({ raw }) => raw),
      expected,
    );
  });

  test(`a slow reader shows in bufferedBytes, and whenDrained waits for it, ${how}`, async (t) => {
    const { connection, client } = await connected(t, compression);
    client.pause();
    // Random text does not shrink, so the socket fills up compressed or not.
    const text = Array.from({ length: 8_000 }, () => Math.random().toString(36)).join("");
    let count = 0;
    while (connection.bufferedBytes < 1_000_000 && count < 2_000) {
      connection.send(text);
      count += 1;
      if (compression) await new Promise(setImmediate);
    }
    assert.ok(connection.bufferedBytes >= 1_000_000);
    let drained = false;
    const waiting = connection.whenDrained().then(() => {
      drained = true;
    });
    await new Promise(setImmediate);
    assert.equal(drained, false);
    client.resume();
    await waiting;
    await until("the last frame", () => client.frames.length === count);
    assert.equal(connection.bufferedBytes, 0);
  });
}

test("whenDrained is fulfilled at once when nothing waits", async (t) => {
  const { connection } = await connected(t);
  await connection.whenDrained();
});

test("whenDrained is fulfilled when the reader dies instead of reading", async (t) => {
  const { connection, raw } = await rawConnected(t);
  raw.socket.pause();
  flood(connection);
  const waiting = connection.whenDrained();
  raw.socket.resetAndDestroy();
  await waiting;
  await connection.closed;
});

test("close sends the code and its reason, and closed is fulfilled", async (t) => {
  const { connection, client } = await connected(t);
  connection.close("slowReader");
  assert.deepEqual(await client.closed, { code: 4001, reason: "The client reads too slowly." });
  await connection.closed;
  assert.equal(connection.isOpen, false);
});

test("the first close counts", async (t) => {
  const { connection, client } = await connected(t);
  connection.close("erased");
  connection.close("internalError");
  assert.equal((await client.closed).code, 4506);
});

test("what was sent before close arrives, what is sent after it does not", async (t) => {
  const { connection, client } = await connected(t);
  connection.send("before");
  connection.close("serviceRestart");
  assert.equal(connection.isOpen, false);
  connection.send("after");
  await client.closed;
  connection.send("long after");
  await connection.whenDrained();
  assert.deepEqual(
    client.frames.map(({ raw }) => raw),
    ["before"],
  );
});

test("sending on a line that was just cut harms nobody", async (t) => {
  const { host, connection, client } = await connected(t);
  client.terminate();
  while (connection.isOpen) {
    connection.send("x".repeat(10_000));
    await new Promise(setImmediate);
  }
  connection.send("x");
  connection.close("internalError");
  await connection.closed;
  assert.equal(host.manager.size, 0);
});

test("a frame that the client begins and never ends does not outlive its connection", async (t) => {
  const { connection, raw } = await rawConnected(t);
  raw.write(clientFrame(OPCODE.text, "whole").subarray(0, 8));
  raw.socket.end();
  await connection.closed;
});

test("every connection has an id of its own", async (t) => {
  const host = await startWebSocketHost(t);
  await Promise.all([openSocket(host.url), openSocket(host.url)]);
  const ids = new Set(host.connections.map(({ id }) => id));
  assert.equal(ids.size, 2);
  for (const id of ids) assert.match(id, /^[0-9a-f-]{36}$/);
});
