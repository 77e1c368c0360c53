// Open sockets, seen from outside: frames in and out, what closes them, and draining.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { assertWithin } from "../support/held-up.ts";
import { clientFrame, handshake, OPCODE, openRawSocket } from "../support/raw-socket.ts";
import { openSocket } from "../support/socket-client.ts";
import { until } from "../support/until.ts";
import { PATH, startWebSocketHost } from "../support/websocket-host.ts";

const LARGEST = 64 * 1024;
const open = handshake(PATH);

test("a text frame reaches the handler, and what is sent reaches the client", async (t) => {
  const host = await startWebSocketHost(t);
  const client = await openSocket(host.url);
  for (const text of ["", "x", "grüße 🙂", "y".repeat(200), "z".repeat(60_000)]) {
    client.send(text);
    assert.deepEqual(await client.next(), { type: "raw", raw: text });
  }
});

test("our sub-protocol is accepted when offered, and none is needed", async (t) => {
  const host = await startWebSocketHost(t);
  assert.equal((await openSocket(host.url, { protocols: ["other", "parley.v1"] })).protocol, "parley.v1");
  assert.equal((await openSocket(host.url)).protocol, "");
  const raw = await openRawSocket(t, host.port, handshake(PATH, { "Sec-WebSocket-Protocol": "other" }));
  assert.match(raw.answer.head, /^HTTP\/1\.1 101 /);
  assert.doesNotMatch(raw.answer.head, /Sec-WebSocket-Protocol/);
});

test("a frame of exactly 64 KiB is served, one byte more closes with 1009", async (t) => {
  const host = await startWebSocketHost(t);
  const client = await openSocket(host.url);
  client.send("x".repeat(LARGEST));
  assert.equal(String((await client.next()).raw).length, LARGEST);
  client.send("x".repeat(LARGEST + 1));
  assert.equal((await client.closed).code, 1009);
});

test("fragments that together are too large close with 1009", async (t) => {
  const host = await startWebSocketHost(t);
  const half = "x".repeat(LARGEST / 2);
  const raw = await openRawSocket(t, host.port, open);
  raw.write(clientFrame(OPCODE.text, half, false));
  raw.write(clientFrame(OPCODE.continuation, `${half}x`));
  assert.equal(await raw.closeCode(), 1009);
});

test("a length that no message can have closes with 1009 before its bytes come", async (t) => {
  const host = await startWebSocketHost(t);
  const raw = await openRawSocket(t, host.port, open);
  raw.write(Buffer.from([0x81, 0xff, 0, 0, 0, 0xff, 0, 0, 0, 0]));
  assert.equal(await raw.closeCode(), 1009);
});

test("a binary frame closes with 1003", async (t) => {
  const host = await startWebSocketHost(t);
  const client = await openSocket(host.url);
  client.send(new Uint8Array([1, 2, 3]));
  assert.deepEqual(await client.closed, { code: 1003, reason: "Only text frames are understood." });
});

test("invalid UTF-8 closes with 1007", async (t) => {
  const host = await startWebSocketHost(t);
  for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]]) {
    const raw = await openRawSocket(t, host.port, open);
    raw.write(clientFrame(OPCODE.text, new Uint8Array(bytes)));
    assert.equal(await raw.closeCode(), 1007);
  }
});

test("64 fragments are a message, 65 close with 1008", async (t) => {
  const host = await startWebSocketHost(t);
  const fragments = (count: number) =>
    Array.from({ length: count }, (_, index) =>
      clientFrame(index === 0 ? OPCODE.text : OPCODE.continuation, "x", index === count - 1),
    );
  const raw = await openRawSocket(t, host.port, open);
  raw.write(Buffer.concat(fragments(64)));
  await until("the message", () => raw.frames.length === 1);
  assert.equal(raw.frames[0]?.payload.toString(), "x".repeat(64));
  raw.write(Buffer.concat(fragments(65)));
  assert.equal(await raw.closeCode(), 1008);
});

test("empty fragments count too", async (t) => {
  const host = await startWebSocketHost(t);
  const raw = await openRawSocket(t, host.port, open);
  raw.write(clientFrame(OPCODE.text, "", false));
  for (let count = 0; count < 65; count += 1) raw.write(clientFrame(OPCODE.continuation, "", false));
  assert.equal(await raw.closeCode(), 1008);
});

test("a malformed frame closes with 1002", async (t) => {
  const host = await startWebSocketHost(t);
  const unmasked = [0x81, 0x01, 0x61];
  const reservedBits = [0xf1, 0x80, 0, 0, 0, 0];
  const unknownOpcode = [0x83, 0x80, 0, 0, 0, 0];
  const straySequel = [0x80, 0x80, 0, 0, 0, 0];
  for (const bytes of [unmasked, reservedBits, unknownOpcode, straySequel]) {
    const raw = await openRawSocket(t, host.port, open);
    raw.write(new Uint8Array(bytes));
    assert.equal(await raw.closeCode(), 1002);
  }
});

test("a client that pings without end and never reads the answers is cut off", async (t) => {
  const host = await startWebSocketHost(t);
  const raw = await openRawSocket(t, host.port, open);
  raw.socket.pause();
  const flood = Buffer.concat(Array.from({ length: 5_000 }, () => clientFrame(OPCODE.ping, "x".repeat(125))));
  await until("the cut", () => {
    raw.write(flood);
    return host.manager.size === 0;
  });
});

test("a bad client disturbs nobody else", async (t) => {
  const host = await startWebSocketHost(t);
  const good = await openSocket(host.url);
  for (let count = 0; count < 20; count += 1) {
    const raw = await openRawSocket(t, host.port, open);
    raw.write(Buffer.from([0xff, 0xff, 0xff, 0xff, count]));
    await raw.closeCode();
    raw.destroy();
  }
  good.send({ type: "well" });
  await good.next((frame) => frame.type === "well");
  await until("the bad ones gone", () => host.manager.size === 1);
});

test("a frame in the packet of the handshake is not lost", async (t) => {
  const host = await startWebSocketHost(t, {
    admit: () => new Promise((resolve) => setImmediate(resolve, "")),
  });
  const opening = Buffer.concat([Buffer.from(open), clientFrame(OPCODE.text, "early")]);
  const raw = await openRawSocket(t, host.port, opening);
  await until("the echo", () => raw.frames.length === 1);
  assert.equal(raw.frames[0]?.payload.toString(), "early");
});

test("size counts the open sockets; the places remember the most there were", async (t) => {
  const host = await startWebSocketHost(t);
  const clients = await Promise.all([openSocket(host.url), openSocket(host.url), openSocket(host.url)]);
  assert.deepEqual([host.manager.size, host.manager.places], [3, { open: 3, peak: 3 }]);
  await clients[0]?.close();
  await until("one less", () => host.manager.size === 2 && host.manager.places.open === 2);
  assert.deepEqual(host.manager.places, { open: 2, peak: 3 });
});

test("the log tells of the start, of each connection and of its end", async (t) => {
  const host = await startWebSocketHost(t);
  const client = await openSocket(host.url);
  client.send("one");
  await client.next();
  await client.close(1000);
  await until("the end", () => host.logger.named("websocket_disconnected").length === 1);
  const connectionId = host.connections[0]?.id;
  assert.partialDeepStrictEqual(host.logger.named("websocket_manager_started")[0]?.fields, { path: PATH });
  assert.partialDeepStrictEqual(host.logger.named("websocket_connected")[0]?.fields, {
    connectionId,
    address: "127.0.0.1",
  });
  assert.partialDeepStrictEqual(host.logger.named("websocket_disconnected")[0]?.fields, {
    connectionId,
    code: 1000,
    framesIn: 1,
    framesOut: 1,
  });
});

test("draining closes 300 sockets with 1012, in batches, and is done when all are gone", async (t) => {
  const host = await startWebSocketHost(t);
  const clients = await Promise.all(Array.from({ length: 300 }, () => openSocket(host.url)));
  const options = { batchSize: 100, pauseMs: 20 };
  const startedAt = performance.now();
  const done = host.manager.closeAll("serviceRestart", options);
  assert.equal(host.manager.closeAll("goingAway", options), done);
  assert.equal(clients.length - [...host.manager.connections].filter(({ isOpen }) => isOpen).length, 100);
  await done;
  assert.ok(performance.now() - startedAt >= 38);
  assert.equal(host.manager.size, 0);
  const codes = await Promise.all(clients.map(async ({ closed }) => (await closed).code));
  assert.deepEqual(new Set(codes), new Set([1012]));
});

test("a dead peer that does not answer the goodbye is freed after 5 s", async (t) => {
  const host = await startWebSocketHost(t, { maxConnectionsPerAddress: 1 });
  const raw = await openRawSocket(t, host.port, open);
  const startedAt = performance.now();
  await host.manager.closeAll("serviceRestart", { batchSize: 10, pauseMs: 0 });
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs > 4_500, `${tookMs} ms`);
  assertWithin("its end", tookMs, 6_500, startedAt);
  assert.equal(await raw.closeCode(), 1012);
  await until("the line cut", () => raw.isClosed);
  assert.equal(host.manager.size, 0);
});

test("compression is negotiated only where it is turned on, and carries the same text", async (t) => {
  const offer = { "Sec-WebSocket-Extensions": "permessage-deflate" };
  const plain = await startWebSocketHost(t);
  const raw = await openRawSocket(t, plain.port, handshake(PATH, offer));
  assert.doesNotMatch(raw.answer.head, /permessage-deflate/);
  const compressing = await startWebSocketHost(t, {
    compression: true,
    onConnection: (connection) => ({ onText: (text) => connection.send(text.repeat(100)) }),
  });
  const client = await openSocket(compressing.url, { compression: true });
  client.send("compressible ".repeat(100));
  assert.equal((await client.next()).raw, "compressible ".repeat(10_000));
});

test("a small frame that inflates beyond 64 KiB closes with 1009", async (t) => {
  const host = await startWebSocketHost(t, { compression: true });
  const client = await openSocket(host.url, { compression: true });
  client.send("x".repeat(1_000_000));
  assert.equal((await client.closed).code, 1009);
});

test("the upgrade request is not kept while the socket is open", async (t) => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const requests: WeakRef<object>[] = [];
  const host = await startWebSocketHost(t, {
    admit: ({ headers, query }) => {
      requests.push(new WeakRef(headers), new WeakRef(query));
      return "";
    },
  });
  host.server.on("upgrade", (request) => requests.push(new WeakRef(request)));
  await openSocket(host.url);
  await until("the request collected", () => {
    collect();
    return requests.every((request) => request.deref() === undefined);
  });
  assert.equal(requests.length, 3);
  assert.equal(host.manager.size, 1);
});
