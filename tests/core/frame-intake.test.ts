// What happens to a client's frames while its handler is being made, is busy, or fails.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionHandler } from "#app/core/frame-intake.ts";
import { clientFrame, handshake, OPCODE, openRawSocket } from "../support/raw-socket.ts";
import { openSocket } from "../support/socket-client.ts";
import { until } from "../support/until.ts";
import { PATH, startWebSocketHost } from "../support/websocket-host.ts";

test("frames that come while the handler is being made wait, in order", async (t) => {
  const made = Promise.withResolvers<ConnectionHandler>();
  const texts: string[] = [];
  const host = await startWebSocketHost(t, { onConnection: () => made.promise });
  const early = Buffer.concat(["1", "2", "3"].map((text) => clientFrame(OPCODE.text, text)));
  const raw = await openRawSocket(t, host.port, Buffer.concat([Buffer.from(handshake(PATH)), early]));
  raw.write(clientFrame(OPCODE.text, "4"));
  assert.equal(texts.length, 0);
  made.resolve({
    onText(text) {
      texts.push(text);
    },
  });
  await until("all frames", () => texts.length === 4);
  assert.deepEqual(texts, ["1", "2", "3", "4"]);
});

test("a client that says its piece and leaves before the handler is made is still heard, then released", async (t) => {
  const made = Promise.withResolvers<ConnectionHandler>();
  const heard: string[] = [];
  const host = await startWebSocketHost(t, { onConnection: () => made.promise });
  const opening = Buffer.concat([Buffer.from(handshake(PATH)), clientFrame(OPCODE.text, "said")]);
  const raw = await openRawSocket(t, host.port, opening);
  raw.socket.resetAndDestroy();
  // The socket is not read while the handler is being made, so the cut is seen at the next write.
  await until("the cut", () => {
    host.connections[0]?.send("x");
    return host.manager.size === 0;
  });
  made.resolve({
    onText(text) {
      heard.push(text);
    },
    onClose() {
      heard.push("(closed)");
    },
  });
  await until("both", () => heard.length === 2);
  assert.deepEqual(heard, ["said", "(closed)"]);
});

test("a client is not read while its handler is being made", async (t) => {
  const made = Promise.withResolvers<ConnectionHandler>();
  let bytes = 0;
  const host = await startWebSocketHost(t, { onConnection: () => made.promise });
  const raw = await openRawSocket(t, host.port, handshake(PATH));
  const frame = clientFrame(OPCODE.text, "x".repeat(60_000));
  let written = 0;
  while (raw.socket.writableLength < 1_000_000) {
    raw.write(frame);
    written += 1;
    if (written % 20 === 0) await new Promise(setImmediate);
  }
  made.resolve({
    onText(text) {
      bytes += text.length;
    },
  });
  await until("every byte", () => bytes === written * 60_000);
});

const failures: readonly (readonly [
  how: string,
  handler: () => ConnectionHandler | Promise<ConnectionHandler>,
])[] = [
  [
    "a handler that throws",
    () => ({
      onText() {
        throw new Error("thrown");
      },
    }),
  ],
  ["a handler that rejects", () => ({ onText: () => Promise.reject(new Error("rejected")) })],
  [
    "a handler that cannot be made",
    () => {
      throw new Error("not made");
    },
  ],
  ["a handler that cannot be made in the end", () => Promise.reject(new Error("not made later"))],
];

for (const [how, makeHandler] of failures) {
  test(`${how} closes its own connection with 1011 and no other`, async (t) => {
    let opened = 0;
    const host = await startWebSocketHost(t, {
      onConnection: (connection) => {
        opened += 1;
        return opened === 2 ? makeHandler() : { onText: (text) => connection.send(text) };
      },
    });
    const good = await openSocket(host.url);
    const bad = await openSocket(host.url);
    if (bad.isOpen) bad.send("x");
    assert.equal((await bad.closed).code, 1011);
    good.send({ type: "well" });
    await good.next((frame) => frame.type === "well");
    const logged = host.logger.named("connection_handler_failed");
    assert.deepEqual(
      [...new Set(logged.map(({ fields }) => fields.connectionId))],
      [host.connections[1]?.id],
    );
  });
}

test("after its handler has failed a connection's frames are not handled any more", async (t) => {
  let handled = 0;
  const host = await startWebSocketHost(t, {
    onConnection: () => ({
      onText() {
        handled += 1;
        throw new Error("thrown");
      },
    }),
  });
  const raw = await openRawSocket(t, host.port, handshake(PATH));
  raw.write(Buffer.concat(Array.from({ length: 10 }, () => clientFrame(OPCODE.text, "x"))));
  assert.equal(await raw.closeCode(), 1011);
  assert.equal(handled, 1);
});

test("onClose is called once, also when the line is cut, and its error harms nobody", async (t) => {
  let closes = 0;
  const host = await startWebSocketHost(t, {
    onConnection: () => ({
      onText: () => undefined,
      onClose() {
        closes += 1;
        throw new Error("thrown in onClose");
      },
    }),
  });
  const clients = await Promise.all([openSocket(host.url), openSocket(host.url)]);
  clients[0]?.terminate();
  await clients[1]?.close();
  await until("both gone", () => host.manager.size === 0 && closes === 2);
  assert.equal(host.logger.named("connection_handler_failed").length, 2);
});

test("a client that sends faster than its frames are handled is not read any further until they are", async (t) => {
  const release = Promise.withResolvers<void>();
  let begun = 0;
  const host = await startWebSocketHost(t, {
    onConnection: () => ({
      onText() {
        begun += 1;
        return release.promise;
      },
    }),
  });
  const raw = await openRawSocket(t, host.port, handshake(PATH));
  const frame = clientFrame(OPCODE.text, "x".repeat(60_000));
  let written = 0;
  while (raw.socket.writableLength < 1_000_000) {
    raw.write(frame);
    written += 1;
    if (written % 20 === 0) await new Promise(setImmediate);
  }
  await until("the bound", () => begun >= 32);
  assert.ok(begun <= 34, `${begun} in the making, of ${written} sent`);
  release.resolve();
  await until("the rest", () => begun === written);
});
