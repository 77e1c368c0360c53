// The real app on a free port of this machine, for one test; stopped when the test ends.

import type { TestContext } from "node:test";
import { type AppOverrides, buildApp } from "#app/app.ts";
import { parseConfig } from "#app/core/config.ts";
import { createRecordingLogger } from "./recording-logger.ts";
import { openSocket, type SocketClient, type SocketClientOptions } from "./socket-client.ts";
import { assertWireInvariants } from "./wire-invariants.ts";

export interface RunningApp {
  readonly port: number;
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string;
  readonly log: ReturnType<typeof createRecordingLogger>;
  /** A connected client; `query` such as `?persona=engineer`. Its frames are held against the wire's invariants. */
  connect(query?: string, options?: SocketClientOptions): Promise<SocketClient>;
  /** Stops it before the test's end. */
  close(graceMs?: number): Promise<void>;
}

/** Starts the app on the shipped personas; `env` as in `.env.example`, over limits that no test should meet. */
export async function startApp(
  context: TestContext,
  overrides: AppOverrides = {},
  env: Record<string, string> = {},
): Promise<RunningApp> {
  const log = createRecordingLogger();
  const config = parseConfig({
    HOST: "127.0.0.1",
    PORT: "0",
    ENVIRONMENT: "test",
    MESSAGES_PER_MINUTE: "100000",
    MESSAGES_PER_MINUTE_PER_CONNECTION: "100000",
    RUNS_AT_ONCE_PER_VISITOR: "1000",
    WS_MAX_CONNECTIONS_PER_ADDRESS: "1000",
    ...env,
  });
  const app = await buildApp(config, { logger: log, ...overrides });
  const { port } = await app.listen();
  const clients: SocketClient[] = [];
  context.after(async () => {
    await app.close(0);
    for (const client of clients) assertWireInvariants(client.frames);
  });
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    log,
    async connect(query = "", options = {}) {
      const client = await openSocket(`ws://127.0.0.1:${port}/api/v1/chat/ws${query}`, options);
      clients.push(client);
      return client;
    },
    close: (graceMs = 0) => app.close(graceMs),
  };
}
