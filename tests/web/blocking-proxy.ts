// A proxy of the kind that a company's network has: it passes HTTP on as it comes and cuts every upgrade.

import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

export interface BlockingProxy {
  readonly url: string;
  readonly upgrades: number;
  /** Cuts what is open: the network is away for a moment. */
  cut(): void;
}

/** Stands before `target`; closed when the test ends. */
export async function startBlockingProxy(context: TestContext, target: string): Promise<BlockingProxy> {
  let upgrades = 0;
  const server = createServer((incoming, outgoing) => {
    const { method, headers } = incoming;
    const passed = request(new URL(incoming.url ?? "/", target), { method, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    passed.on("error", () => outgoing.destroy());
    outgoing.on("close", () => passed.destroy());
    incoming.pipe(passed);
  });
  server.on("upgrade", (_request, socket) => {
    upgrades += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    // A listening TCP server has an AddressInfo.
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get upgrades() {
      return upgrades;
    },
    cut: () => server.closeAllConnections(),
  };
}
