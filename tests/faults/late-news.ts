// A way to Redis on which commands travel at once, and whatever has to do with a subscription so many milliseconds
// later, both ways: an instance hears late of what another one has said, and begins and ends to listen late.
// Promises: order is kept on each connection, and nothing is lost.

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface LateNews extends AsyncDisposable {
  readonly url: string;
}

const SUBSCRIBES = /\r\ns?subscribe\r\n/i;

export async function delayNews(redisPort: number, lagMs: number): Promise<LateNews> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const redis = connect(redisPort, "127.0.0.1");
    let isListener = false;
    const pass = (piece: Buffer, to: Socket): void => {
      // Timers of one length go off in the order in which they were set.
      if (isListener) setTimeout(() => to.write(piece), lagMs).unref();
      else to.write(piece);
    };
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => socket.destroy());
      socket.once("close", () => {
        sockets.delete(socket);
        client.destroy();
        redis.destroy();
      });
    }
    client.on("data", (piece: Buffer) => {
      isListener ||= SUBSCRIBES.test(piece.toString("latin1"));
      pass(piece, redis);
    });
    redis.on("data", (piece: Buffer) => pass(piece, client));
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
