// An OpenAI-compatible provider that answers out of a reply book: so a test in this process sets the pace of a model that
// servers in other processes ask.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { z } from "zod";
import { say } from "../support/provider-chunks.ts";
import type { ReplyBook } from "./reply-book.ts";

export interface BookProvider extends AsyncDisposable {
  readonly url: string;
}

const bodySchema = z.object({
  messages: z.array(z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() })),
});
/** What a model behind HTTP is not told. */
const UNTOLD = {
  passages: [],
  lines: { fallback: "", quota: "", suggestions: [] },
  model: { name: null, temperature: 0, topP: 1, maxOutputTokens: 1_000 },
};

export async function startBookProvider(book: ReplyBook): Promise<BookProvider> {
  const server = createServer((request, response) => {
    // Who leaves in the middle is what these tests are about; a question that is not in the book fails its test there.
    answer(book, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(book: ReplyBook, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const left = new AbortController();
  response.once("close", () => left.abort());
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  // The list of models is asked for at the start, to warm the connection.
  if (request.method !== "POST") {
    response.writeHead(404).end();
    return;
  }
  const { messages } = bodySchema.parse(JSON.parse(Buffer.concat(parts).toString()));
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(say.ROLE);
  const tell = (delta: string): void => void response.write(say.content(delta));
  const { usage } = await book.stream({ messages, ...UNTOLD }, tell, left.signal);
  response.end(`${say.STOP}${say.usage(usage?.inputTokens ?? 1, usage?.outputTokens ?? 1)}${say.DONE}`);
}
