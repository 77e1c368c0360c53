// The proxy with faults does what its tests rely on: each fault, switched in the midst of a connection, and healed.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { TcpProxy } from "./tcp-proxy.ts";
import { until } from "./until.ts";

/** Says everything back. */
async function startEcho(): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

class Client implements Disposable {
  readonly pieces: Buffer[] = [];
  readonly socket: Socket;
  end: string | undefined;

  constructor(proxy: TcpProxy) {
    this.socket = connect({ port: proxy.port, host: "127.0.0.1" });
    this.socket.setNoDelay(true);
    this.socket.on("data", (piece: Buffer) => void this.pieces.push(piece));
    this.socket.on("end", () => {
      this.end ??= "end";
    });
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      this.end ??= error.code;
    });
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString();
  }

  async hears(text: string): Promise<void> {
    await until(`to hear ${text}`, () => this.text === text);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

async function start() {
  const stack = new AsyncDisposableStack();
  const echo = stack.use(await startEcho());
  const proxy = stack.use(await TcpProxy.start(echo.port));
  const client = stack.use(new Client(proxy));
  client.socket.write("a");
  await client.hears("a");
  return { proxy, client, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe("the TCP proxy", () => {
  it("passes bytes on, and a half-closed connection's end after the last of them", async () => {
    await using scene = await start();
    scene.client.socket.end("x".repeat(300_000));
    await until("the end", () => scene.client.end !== undefined);
    assert.deepEqual([scene.client.end, scene.client.text.length], ["end", 300_001]);
  });

  it("that is down cuts what there is and refuses what comes; healed it is there on the same port", async () => {
    await using scene = await start();
    await scene.proxy.down();
    await until("the cut", () => scene.client.socket.destroyed);
    using refused = new Client(scene.proxy);
    await until("a refusal", () => refused.end !== undefined);
    assert.equal(refused.end, "ECONNREFUSED");
    await scene.proxy.heal();
    using welcome = new Client(scene.proxy);
    welcome.socket.write("b");
    await welcome.hears("b");
    assert.equal(scene.proxy.accepted, 2);
  });

  it("that is slow brings an answer late, once for a round trip, and in order with any jitter", async () => {
    await using scene = await start();
    scene.proxy.latency(150);
    const startedAt = performance.now();
    scene.client.socket.write("b");
    await scene.client.hears("ab");
    assert.ok(performance.now() - startedAt > 140);
    scene.proxy.latency(20, 20);
    for (const letter of "cdefghij") {
      scene.client.socket.write(letter);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await scene.client.hears("abcdefghij");
  });

  it("resets in the midst of a stream, after exactly so many bytes", async () => {
    await using scene = await start();
    scene.proxy.reset(1_000);
    scene.client.socket.write("b".repeat(5_000));
    await until("the reset", () => scene.client.end !== undefined);
    assert.deepEqual([scene.client.end, scene.client.text.length], ["ECONNRESET", 1_001]);
    using next = new Client(scene.proxy);
    next.socket.write("c".repeat(999));
    await next.hears("c".repeat(999));
    scene.proxy.reset();
    await until("the reset at once", () => next.end === "ECONNRESET");
  });

  for (const direction of ["both", "to-server", "to-client"] as const)
    it(`that stalls (${direction}) accepts connections and bytes, and hands them on when it is healed`, async () => {
      await using scene = await start();
      scene.proxy.stall(direction);
      scene.client.socket.write("b");
      using late = new Client(scene.proxy);
      late.socket.write("c");
      await until("the connection", () => scene.proxy.accepted === 2 && !late.socket.connecting);
      // Longer than an answer takes: the next one that is not held.
      await using other = await start();
      other.client.socket.write("z");
      await other.client.hears("az");
      assert.deepEqual([scene.client.text, late.text], ["a", ""]);
      await scene.proxy.heal();
      await scene.client.hears("ab");
      await late.hears("c");
    });

  it("hands on no end of a connection while it stalls", async () => {
    await using scene = await start();
    scene.proxy.stall("to-client");
    scene.client.socket.end("b");
    await using other = await start();
    other.client.socket.end("z");
    await until("an end elsewhere", () => other.client.end === "end");
    assert.equal(scene.client.end, undefined);
    await scene.proxy.heal();
    await until("the end", () => scene.client.end === "end");
    assert.equal(scene.client.text, "ab");
  });

  it("slices what it passes on, and changes no byte", async () => {
    await using scene = await start();
    scene.proxy.slice(1);
    scene.client.socket.write("ğü👩‍🔬");
    await scene.client.hears("ağü👩‍🔬");
    assert.ok(scene.client.pieces.length > 5, `${scene.client.pieces.length} pieces`);
  });

  it("that is narrow takes its time, and goes on at full width when it is healed", async () => {
    await using scene = await start();
    scene.proxy.limit(10_000);
    const startedAt = performance.now();
    scene.client.socket.write("b".repeat(2_000));
    await scene.client.hears(`a${"b".repeat(2_000)}`);
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs > 150, `${tookMs} ms`);
    scene.client.socket.write("c".repeat(1_000_000));
    await until("a part of it", () => scene.client.text.includes("c"));
    await scene.proxy.heal();
    await until("all of it", () => scene.client.text.length === 1_002_001);
  });

  it("adds faults up until it is healed", async () => {
    await using scene = await start();
    scene.proxy.latency(100);
    scene.proxy.slice(1);
    const startedAt = performance.now();
    scene.client.socket.write("bcdefgh");
    await scene.client.hears("abcdefgh");
    assert.ok(performance.now() - startedAt > 90);
    assert.ok(scene.client.pieces.length > 3);
  });
});
