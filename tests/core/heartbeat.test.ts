// Heartbeat and idle time-out, with small intervals.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { heldUpMs } from "../support/held-up.ts";
import { clientFrame, handshake, OPCODE, openRawSocket } from "../support/raw-socket.ts";
import { openSocket } from "../support/socket-client.ts";
import { until } from "../support/until.ts";
import { PATH, startWebSocketHost } from "../support/websocket-host.ts";

const HEARTBEAT_MS = 40;
const pings = (frames: readonly { opcode: number }[]) =>
  frames.filter(({ opcode }) => opcode === OPCODE.ping).length;

const startBeating = (t: TestContext, idleTtlMs = 3_600_000) =>
  startWebSocketHost(t, { heartbeatMs: HEARTBEAT_MS, idleTtlMs });

/** Stops this process, server and client alike, without using the processor. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test("a client that never answers a ping is cut off before the second one", async (t) => {
  const host = await startBeating(t);
  const raw = await openRawSocket(t, host.port, handshake(PATH));
  await until("the cut", () => raw.isClosed);
  assert.equal(pings(raw.frames), 1);
  const [line] = host.logger.named("heartbeat_timeout");
  assert.equal(line?.fields.connectionId, host.connections[0]?.id);
  await until("the place freed", () => host.manager.size === 0);
});

test("frames are no pongs: a client that talks but does not answer is cut off", async (t) => {
  const host = await startBeating(t);
  const raw = await openRawSocket(t, host.port, handshake(PATH));
  await until("the cut", () => {
    raw.write(clientFrame(OPCODE.text, "x"));
    return raw.isClosed;
  });
  assert.equal(host.logger.named("heartbeat_timeout").length, 1);
});

test("a client that answers stays", async (t) => {
  const host = await startBeating(t);
  const raw = await openRawSocket(t, host.port, handshake(PATH));
  let answered = 0;
  await until("six answers", () => {
    for (; answered < pings(raw.frames); answered += 1) raw.write(clientFrame(OPCODE.pong));
    return answered === 6;
  });
  assert.equal(raw.isClosed, false);
  assert.equal(host.manager.size, 1);
});

test("of a dead and a living client only the dead one is cut off", async (t) => {
  const host = await startBeating(t);
  const dead = await openSocket(host.url, { autoPong: false });
  const living = await openSocket(host.url);
  assert.equal((await dead.closed).code, 1006);
  living.send({ type: "alive" });
  await living.next((frame) => frame.type === "alive");
});

test("a client that says nothing is closed with 4505, although it answers pings", async (t) => {
  const host = await startBeating(t, 150);
  // Before it is open: the server counts from a moment that lies between.
  const openingAt = performance.now();
  const client = await openSocket(host.url);
  assert.equal((await client.closed).code, 4505);
  assert.ok(performance.now() - openingAt >= 140);
  assert.equal(host.logger.named("connection_ttl_expired").length, 1);
  assert.equal(host.logger.named("heartbeat_timeout").length, 0);
});

test("only the client's own frames count against idleness, not what it is sent", async (t) => {
  const host = await startBeating(t, 250);
  const talking = await openSocket(host.url);
  const listening = await openSocket(host.url);
  const timer = setInterval(() => {
    talking.send("x");
    host.connections[1]?.send("news");
  }, 20);
  t.after(() => clearInterval(timer));
  assert.equal((await listening.closed).code, 4505);
  assert.ok(listening.frames.length > 1);
  assert.equal(talking.isOpen, true);
});

test("a stall of this process excuses late pongs for one round, and for one only", async (t) => {
  const host = await startWebSocketHost(t, { heartbeatMs: 300, maxStallMs: 400 });
  for (let scene = 0; scene < 10; scene += 1) {
    const openingAt = performance.now();
    const raw = await openRawSocket(t, host.port, handshake(PATH));
    await until("the first ping", () => pings(raw.frames) > 0);
    stall(700);
    await until("a second ping instead of a cut", () => pings(raw.frames) > 1 || raw.isClosed);
    const wasOpen = !raw.isClosed;
    await until("the cut", () => raw.isClosed);
    // A machine that stands still beside that excuses or skips a round of its own: begun anew on another connection.
    if (heldUpMs(openingAt) > 700 + 200) continue;
    assert.equal(wasOpen, true);
    assert.equal(pings(raw.frames), 2);
    return;
  }
  assert.fail("the machine stood still each time");
});

test("a shorter stall excuses nobody", async (t) => {
  const host = await startWebSocketHost(t, { heartbeatMs: 300, maxStallMs: 2_000 });
  const raw = await openRawSocket(t, host.port, handshake(PATH));
  await until("the first ping", () => pings(raw.frames) === 1);
  stall(700);
  await until("the cut", () => raw.isClosed);
  assert.equal(pings(raw.frames), 1);
});

test("a client whose frames we do not read at the moment is not blamed for its unread pong", async (t) => {
  const busy = Promise.withResolvers<{ onText(): void }>();
  const host = await startWebSocketHost(t, { heartbeatMs: HEARTBEAT_MS, onConnection: () => busy.promise });
  const client = await openSocket(host.url);
  const raw = await openRawSocket(t, host.port, handshake(PATH));
  await until("three pings", () => pings(raw.frames) === 3);
  assert.equal(client.isOpen, true);
  busy.resolve({ onText: () => undefined });
  await until("the silent one cut", () => raw.isClosed);
  assert.equal(client.isOpen, true);
});

test("every connection of many is pinged in each round", async (t) => {
  const host = await startWebSocketHost(t, { heartbeatMs: 200 });
  const sockets = await Promise.all(
    Array.from({ length: 450 }, () => openRawSocket(t, host.port, handshake(PATH))),
  );
  await until("a ping for each", () => sockets.every((raw) => pings(raw.frames) >= 1));
});
