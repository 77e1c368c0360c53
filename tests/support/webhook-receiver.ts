// A real HTTP server that takes webhooks: it keeps what it is posted, and answers what a test tells it to.

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { text } from "node:stream/consumers";

export interface WebhookPost {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** The parsed JSON. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface WebhookReceiver extends AsyncDisposable {
  /** Has a secret in its query, as such addresses do. */
  readonly url: string;
  readonly secret: string;
  readonly posts: readonly WebhookPost[];
  /** What is answered from now on; 0: nothing, ever. */
  status: number;
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const posts: WebhookPost[] = [];
  const server = createServer((request, response) => {
    const take = async () => {
      const { method = "", url = "", headers } = request;
      // Whoever follows a redirect comes without a body, and shall be seen.
      const sent = await text(request);
      posts.push({ method, url, headers, body: sent === "" ? {} : JSON.parse(sent) });
      if (receiver.status === 0) return;
      const location = receiver.status < 400 && receiver.status >= 300 ? { location: "/elsewhere" } : {};
      response.writeHead(receiver.status, location).end("thank you");
    };
    take().catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  const secret = "hook-secret-4711";
  const receiver = {
    url: `http://127.0.0.1:${address.port}/hook?key=${secret}`,
    secret,
    posts,
    status: 200,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return receiver;
}
