// A scriptable OpenAI-compatible provider, a process of its own: `POST …/chat/completions`, always streaming. It says
// what the newest question's script asks for (reply-script.ts) and does as little else as it can: it shares its core
// with the load.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { tellParent } from "./parent-link.ts";
import { findScript, firstToken, laterToken, type ReplyScript } from "./reply-script.ts";

/** At full speed one write carries so many events, as those of a fast provider do behind a proxy. */
const TOKENS_A_WRITE = 10;
const TICK_MS = 1;
const MAX_TOKENS = 20_000;

const END = `data: ${JSON.stringify(chunk({ choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: "stop" }] }))}\n\n`;
const events = Array.from({ length: MAX_TOKENS }, (_, index) => Buffer.from(contentEvent(laterToken(index))));

interface PacedReply {
  readonly response: ServerResponse;
  readonly script: ReplyScript;
  readonly startedAt: number;
  said: number;
}

const paced = new Set<PacedReply>();

const server = createServer((request, response) => {
  const arrivedAt = performance.now();
  if (request.method !== "POST" || !request.url?.endsWith("/chat/completions")) {
    response.writeHead(404).end();
    return;
  }
  bodyOf(request)
    .then((body) => answer(body, response, arrivedAt))
    .catch(() => response.destroy());
});
server.keepAliveTimeout = 120_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address) tellParent({ type: "listening", port: address.port });
});
// One clock for all paced replies, and an absolute schedule: a late tick is made up for, so the pace does not drift.
setInterval(tick, TICK_MS);

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function answer(body: string, response: ServerResponse, arrivedAt: number): Promise<void> {
  const script = findScript(body);
  if (!script || script.tokens > MAX_TOKENS) {
    response.writeHead(400).end();
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  if (script.firstTokenDelayMs > 0) await sleep(script.firstTokenDelayMs);
  const startedAt = performance.now();
  response.write(contentEvent(firstToken((startedAt - arrivedAt) * 1000)));
  if (script.tokens === 1) finish(response, script);
  else if (script.tokensPerSecond > 0) paced.add({ response, script, startedAt, said: 1 });
  else await pour(response, script);
}

function tick(): void {
  const now = performance.now();
  for (const reply of paced) {
    const { response, script, startedAt } = reply;
    const due = 1 + Math.floor(((now - startedAt) * script.tokensPerSecond) / 1000);
    while (reply.said < Math.min(due, script.tokens)) {
      response.write(events[reply.said]);
      reply.said += 1;
    }
    if (reply.said < script.tokens && !response.destroyed) continue;
    paced.delete(reply);
    finish(response, script);
  }
}

/** As fast as the reader takes it, in turns with the other replies. */
async function pour(response: ServerResponse, script: ReplyScript): Promise<void> {
  for (let said = 1; said < script.tokens && !response.destroyed; said += TOKENS_A_WRITE) {
    const slice = events.slice(said, Math.min(said + TOKENS_A_WRITE, script.tokens));
    const taken = response.write(Buffer.concat(slice));
    await new Promise<unknown>((resolve) => {
      if (taken || response.destroyed) setImmediate(resolve);
      else {
        response.once("drain", resolve);
        response.once("close", resolve);
      }
    });
  }
  finish(response, script);
}

function finish(response: ServerResponse, { tokens }: ReplyScript): void {
  const usage = { prompt_tokens: 100, completion_tokens: tokens, total_tokens: 100 + tokens };
  response.end(`${END}data: ${JSON.stringify(chunk({ choices: [], usage }))}\n\ndata: [DONE]\n\n`);
}

function contentEvent(content: string): string {
  const choices = [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }];
  return `data: ${JSON.stringify(chunk({ choices }))}\n\n`;
}

function chunk(fields: object): object {
  const id = "chatcmpl-bench-0123456789abcdef";
  return { id, object: "chat.completion.chunk", created: 1_800_000_000, model: "bench", ...fields };
}
