// A relay in front of Redis that shows what a client wrote, and in how many pieces it arrived.

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface RedisRelay extends AsyncDisposable {
  readonly url: string;
  /** What clients wrote, piece by piece. */
  readonly pieces: string[];
}

export async function startRelay(redisPort: number): Promise<RedisRelay> {
  const pieces: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(redisPort, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.once("close", () => sockets.delete(socket));
    }
    client.on("data", (piece) => pieces.push(piece.toString()));
    client.pipe(upstream).pipe(client);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return {
    url: `redis://127.0.0.1:${address.port}`,
    pieces,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Answers every command like a Redis of that version; nothing is kept. */
export async function startPretender(version: string): Promise<{ url: string } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("data", (piece) => {
      const names = piece.toString().matchAll(/\*\d+\r\n\$\d+\r\n([a-zA-Z]+)\r\n/g);
      for (const [, name = ""] of names) {
        const info = `redis_version:${version}\r\nloading:0\r\n`;
        if (name === "info") socket.write(`$${info.length}\r\n${info}\r\n`);
        else socket.write(name === "hello" ? "-NOPROTO unsupported protocol version\r\n" : "+OK\r\n");
      }
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return {
    url: `redis://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
