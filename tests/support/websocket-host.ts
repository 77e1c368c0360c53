// A WebSocketManager on a real HTTP server on a free port, without anything of the product around it.

import { createServer, type Server } from "node:http";
import type { Duplex } from "node:stream";
import type { TestContext } from "node:test";
import { createClientAddressReader } from "#app/core/client-address.ts";
import type { Connection } from "#app/core/connection.ts";
import { WebSocketManager, type WebSocketManagerOptions } from "#app/core/websocket.ts";
import { createRecordingLogger, type RecordingLogger } from "./recording-logger.ts";

export const PATH = "/api/v1/chat/ws";

export interface WebSocketHost {
  readonly port: number;
  readonly url: string;
  readonly server: Server;
  readonly manager: WebSocketManager<string>;
  readonly logger: RecordingLogger;
  /** The connections in the order of their opening. */
  readonly connections: readonly Connection[];
  close(): Promise<void>;
}

type Overrides = Partial<WebSocketManagerOptions<string>>;

/** Closed when the test ends. By default: everyone is admitted, every frame comes back as it was, no heartbeat within a test's time. */
export async function startWebSocketHost(
  test: TestContext,
  overrides: Overrides = {},
): Promise<WebSocketHost> {
  const server = createServer((_request, response) => response.writeHead(404).end());
  const logger = createRecordingLogger();
  const connections: Connection[] = [];
  const options: WebSocketManagerOptions<string> = {
    server,
    logger,
    path: PATH,
    heartbeatMs: 60_000,
    idleTtlMs: 3_600_000,
    maxConnections: 1_000,
    maxConnectionsPerAddress: 1_000,
    compression: false,
    allowedOrigins: [],
    readClientAddress: createClientAddressReader([]),
    admit: () => "",
    onConnection: (connection) => ({ onText: (text) => connection.send(text) }),
    ...overrides,
  };
  const { onConnection } = options;
  const manager = new WebSocketManager({
    ...options,
    onConnection: (connection, context) => {
      connections.push(connection);
      return onConnection(connection, context);
    },
  });
  const sockets = new Set<Duplex>();
  server.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const host: WebSocketHost = {
    port,
    url: `ws://127.0.0.1:${port}${PATH}`,
    server,
    manager,
    logger,
    connections,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Cut off first: a raw client would not answer the goodbye.
      for (const socket of sockets) socket.destroy();
      await manager.closeAll("goingAway", { batchSize: 1_000, pauseMs: 0 });
      await closed;
    },
  };
  test.after(() => host.close());
  return host;
}
