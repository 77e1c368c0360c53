// A scripted server and a client of it for each test of a file; both are closed when the test ends.

import { afterEach, beforeEach } from "node:test";
import { type ChatClient, createChatClient } from "#app/web/client.ts";
import type { ChatClientOptions } from "#app/web/client-options.ts";
import { ScriptedServer } from "./scripted-server.ts";

export interface ClientFixture {
  readonly server: ScriptedServer;
  readonly url: string;
  /** A client with small waits. */
  connect(options?: Partial<ChatClientOptions>): ChatClient;
}

/** Registers the hooks; the fixture's fields are those of the running test. */
export function useClients(): ClientFixture {
  let server = new ScriptedServer();
  let url = "";
  const clients: ChatClient[] = [];
  beforeEach(async () => {
    server = new ScriptedServer();
    url = await server.listen();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await server.close();
  });
  return {
    get server() {
      return server;
    },
    get url() {
      return url;
    },
    connect(options = {}) {
      const client = createChatClient({ url, backoff: { baseMs: 5, capMs: 20 }, ...options });
      clients.push(client);
      return client;
    },
  };
}
