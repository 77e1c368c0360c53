// What nginx does with an answer and with an instance that cannot give one, as deploy/nginx.conf tells it: at once,
// without a copy on a disk, to the other one where that is safe, and a POST never twice.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request, type Server, type ServerResponse } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { startInstance } from "../../deploy/demo/server-process.ts";
import { Talk } from "../support/conversation.ts";
import { openSocket } from "../support/socket-client.ts";
import { ask, startNginx } from "./nginx.ts";

const CHAT = "/api/v1/chat/ws";
const OFFLINE = {
  ENVIRONMENT: "test",
  LLM_PROVIDER: "offline",
  MESSAGES_PER_MINUTE: "10000",
  MESSAGES_PER_MINUTE_PER_CONNECTION: "10000",
};

describe("nginx", () => {
  it("holds back nothing that an instance has written", async (t) => {
    const heard = Promise.withResolvers<void>();
    // Says no more before its first words have arrived: a proxy that waits for more waits for ever.
    const instance = createServer((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: one\n\n");
      void heard.promise.then(() => response.end("data: two\n\n"));
    });
    const port = await listen(t, instance);
    const nginx = await startNginx(t, [port, port]);
    const response = await fetch(`http://127.0.0.1:${nginx.port}/`, { signal: AbortSignal.timeout(5_000) });
    const pieces: string[] = [];
    for await (const piece of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      pieces.push(piece);
      heard.resolve();
    }
    assert.deepEqual(pieces, ["data: one\n\n", "data: two\n\n"]);
  });

  it("makes a fast instance wait for a slow reader, and writes nothing that was said to a disk", async (t) => {
    const piece = Buffer.alloc(1024 * 1024, "x");
    const PIECES = 32;
    let read: (() => void) | undefined;
    const pour = async (response: ServerResponse) => {
      for (let sent = 0; sent < PIECES; sent += 1) {
        if (response.write(piece)) continue;
        // Nothing goes on any more: the way is full as far as the reader, who begins now.
        const stalled = setTimeout(() => read?.(), 300);
        await once(response, "drain");
        clearTimeout(stalled);
      }
      response.end();
      read?.();
    };
    const port = await listen(
      t,
      createServer((_, response) => void pour(response)),
    );
    const nginx = await startNginx(t, [port, port]);
    const asked = request({ port: nginx.port, host: "127.0.0.1", agent: false }).end();
    const begun = new Promise<void>((resolve) => {
      read = resolve;
    });
    const [response] = await once(asked, "response");
    await begun;
    let bytes = 0;
    for await (const part of response) bytes += part.length;
    assert.equal(bytes, PIECES * piece.length);
    assert.equal(await nginx.errors(), "");
  });

  it("sends a visitor on from an instance that is gone or drains, and a POST never twice", async (t) => {
    const gone = await startInstance("gone", OFFLINE);
    await gone.end("SIGKILL");
    const posts: string[] = [];
    // An instance that drains, as far as a proxy sees: 503 to everything.
    const draining = createServer((asked, response) => {
      if (asked.method === "POST") posts.push(asked.url ?? "");
      asked.resume();
      response.writeHead(503, { "retry-after": "2" }).end("draining");
    });
    draining.on("upgrade", (_, socket) =>
      socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n"),
    );
    const drainingPort = await listen(t, draining);
    const well = await startInstance("well", OFFLINE);
    t.after(() => well.end("SIGKILL"));

    const beside = await startNginx(t, [gone.port, well.port]);
    for (let turn = 0; turn < 8; turn += 1) {
      assert.equal((await ask(beside.port, "/health")).status, 200, "a stopped instance is passed by");
      const sent = await ask(beside.port, "/api/v1/chat", { body: { message: "When were you born?" } });
      assert.equal(sent.status, 200, "what was never sent may go to the other");
    }

    const behind = await startNginx(t, [drainingPort, well.port]);
    const url = `ws://127.0.0.1:${behind.port}${CHAT}`;
    for (let turn = 0; turn < 8; turn += 1) {
      assert.equal((await ask(behind.port, "/health")).status, 200);
      const talk = new Talk(await openSocket(url));
      await talk.join();
      await talk.client.close();
    }
    const statuses: unknown[] = [];
    for (let turn = 0; turn < 8; turn += 1) {
      statuses.push(
        (await ask(behind.port, "/api/v1/chat", { body: { message: "When were you born?" } })).status,
      );
    }
    const refused = statuses.filter((status) => status === 503).length;
    assert.ok(refused > 0 && refused < 8, statuses.join(" "));
    assert.equal(posts.length, refused, "each refused POST was seen once, and none was repeated elsewhere");
    const tried = await behind.accesses("POST", statuses.length);
    // Two addresses in one line would be a second attempt.
    assert.deepEqual(
      tried.filter((line) => line.includes(",")),
      [],
    );
  });
});

/** Listens until the test ends. */
async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  return address.port;
}
