// The smallest load balancer: one address, and behind it whichever instance takes a connection, the first one that
// does. Bytes go through as they are. For the demonstration; for visitors there is deploy/nginx.conf.

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface FrontDoor extends AsyncDisposable {
  readonly port: number;
}

/** @param ports of the instances, in the order in which they are tried for every connection */
export async function openFrontDoor(ports: readonly number[]): Promise<FrontDoor> {
  const open = new Set<Socket>();
  const server = createServer((visitor) => {
    open.add(visitor);
    visitor.on("close", () => open.delete(visitor)).on("error", () => undefined);
    passOn(visitor, ports);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function passOn(visitor: Socket, [port, ...others]: readonly number[]): void {
  if (port === undefined) {
    visitor.destroy();
    return;
  }
  const instance = connect(port, "127.0.0.1");
  let isTaken = false;
  instance.once("connect", () => {
    isTaken = true;
    visitor.pipe(instance).pipe(visitor);
    // Without a half-closed side left over: what ends on one end, ends on the other.
    instance.once("close", () => visitor.destroy());
    visitor.once("close", () => instance.destroy());
  });
  // Refused: nothing was sent yet, so the next one gets all of it. Later the close above says the same.
  instance.on("error", () => {
    if (!isTaken) passOn(visitor, others);
  });
}
