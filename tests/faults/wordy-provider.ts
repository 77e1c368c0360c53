// An OpenAI-compatible provider whose reply is ordered in the question: how many words, and how fast at the first, the
// second and every later time of asking. So a test knows the whole text, and which attempt at it is still under way.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { say } from "../support/provider-chunks.ts";

export interface Order {
  /** Stands in every word, so that two replies are never alike. */
  readonly name: string;
  readonly words: number;
  /** Milliseconds between two words at each attempt; the last one stays. */
  readonly paceMs: readonly number[];
}

/** One request for a reply. */
export interface ProviderCall {
  readonly name: string;
  /** Date.now() when the client left before the answer was whole. */
  leftAt?: number;
}

export interface WordyProvider extends AsyncDisposable {
  readonly url: string;
  readonly calls: readonly ProviderCall[];
}

const ORDER = /^Order (\S+): (\d+) words, pace (\S+)$/;
const bodySchema = z.object({ messages: z.array(z.object({ role: z.string(), content: z.string() })) });

/** What a visitor writes. */
export function questionOf({ name, words, paceMs }: Order): string {
  return `Order ${name}: ${words} words, pace ${paceMs.join("/")}`;
}

/** What the whole reply is; every word has letters of two, three and four bytes. */
export function replyTo(order: Pick<Order, "name" | "words">): string {
  return wordsOf(order).join("");
}

export async function startWordyProvider(): Promise<WordyProvider> {
  const calls: ProviderCall[] = [];
  const server = createServer((request, response) => {
    // A client that leaves in the middle is what these tests are about.
    answer(request, response, calls).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    calls,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, calls: ProviderCall[]) {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  const { messages } = bodySchema.parse(JSON.parse(Buffer.concat(parts).toString()));
  const [, name = "", words = "", paces = ""] = ORDER.exec(messages.at(-1)?.content ?? "") ?? [];
  const attempt = calls.filter((call) => call.name === name).length;
  const call: ProviderCall = { name };
  calls.push(call);
  response.once("close", () => {
    if (!response.writableFinished) call.leftAt = Date.now();
  });
  const paceMs = paces.split("/").map(Number);
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(say.ROLE);
  for (const word of wordsOf({ name, words: Number(words) })) {
    if (response.destroyed) return;
    response.write(say.content(word));
    await pause(paceMs[attempt] ?? paceMs.at(-1) ?? 0);
  }
  response.end(`${say.STOP}${say.usage(12, Number(words))}${say.DONE}`);
}

function wordsOf({ name, words }: Pick<Order, "name" | "words">): string[] {
  return Array.from({ length: words }, (_, index) => `${index === 0 ? "" : " "}${name}·${index}→😀`);
}
