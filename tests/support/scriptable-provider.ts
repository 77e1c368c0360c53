// An OpenAI-compatible provider that does what a test tells it to: every status, stream and fault, on a real socket.
// Replies are used up in order; the last one stays; or a function of the test chooses by what was asked, for many callers
// at a time. It records what it was asked, and when it was left alone.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** Text or bytes, written as one packet; or a wait for the test; or a pause that keeps packets apart. */
export type ProviderStep =
  | string
  | Buffer
  | { readonly until: Promise<unknown> }
  | { readonly pauseMs: number };

export interface ProviderReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly steps?: readonly ProviderStep[];
  /** What happens after the last step: the body ends, the connection breaks, or nothing ever does. */
  readonly ending?: "end" | "reset" | "stall";
  /** Never even sends headers; `ending` tells how that goes on. */
  readonly silent?: boolean;
}

export interface ProviderRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Readonly<Record<string, unknown>>;
  /** Fulfilled with performance.now() when the client leaves before the answer is whole. */
  readonly left: Promise<number>;
}

export interface ScriptableProvider extends AsyncDisposable {
  /** Without a path: `http://127.0.0.1:<port>`. */
  readonly origin: string;
  readonly requests: readonly ProviderRequest[];
  /** Connections that it has accepted since the start. */
  readonly connections: number;
  reply(...replies: readonly ProviderReply[]): void;
  /** Breaks every connection, idle ones too. */
  breakConnections(): void;
  close(): Promise<void>;
}

const STREAM_HEADERS = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };
const ASKED_ONLY: ProviderReply = { status: 501 };

/** Chooses by the request, or leaves it to the replies in their order. */
export type ChooseReply = (request: ProviderRequest) => ProviderReply | undefined;

export async function startScriptableProvider(choose?: ChooseReply): Promise<ScriptableProvider> {
  const requests: ProviderRequest[] = [];
  const replies: ProviderReply[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  let last = ASKED_ONLY;
  const server = createServer((request, response) => {
    const next = replies.shift() ?? last;
    last = next;
    // A client that leaves in the midst of a script is what many tests are about.
    serve(request, response, (asked) => choose?.(asked) ?? next, requests).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;
  server.on("connection", (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => undefined);
  });
  const origin = await listen(server);
  const breakConnections = () => sockets.forEach((socket) => void socket.destroy());
  const close = async () => {
    breakConnections();
    server.close();
    if (server.listening) await once(server, "close");
  };
  return {
    origin,
    requests,
    get connections() {
      return connections;
    },
    reply: (...given) => void replies.push(...given),
    breakConnections,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return `http://127.0.0.1:${address.port}`;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  replyTo: (asked: ProviderRequest) => ProviderReply,
  requests: ProviderRequest[],
): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  const left = Promise.withResolvers<number>();
  response.once("close", () => {
    if (!response.writableFinished) left.resolve(performance.now());
  });
  const asked: ProviderRequest = {
    method: request.method ?? "",
    url: request.url ?? "",
    headers: request.headers,
    body: JSON.parse(Buffer.concat(parts).toString()),
    left: left.promise,
  };
  requests.push(asked);
  const reply = replyTo(asked);
  if (!reply.silent) {
    response.writeHead(reply.status ?? 200, reply.headers ?? STREAM_HEADERS);
    response.flushHeaders();
    for (const step of reply.steps ?? []) await play(step, response);
  }
  if (reply.ending === "reset") response.socket?.resetAndDestroy();
  else if (reply.ending !== "stall" && !reply.silent) response.end();
}

async function play(step: ProviderStep, response: ServerResponse): Promise<void> {
  if (typeof step === "string" || Buffer.isBuffer(step)) {
    if (!response.write(step)) await once(response, "drain");
  } else if ("until" in step) await step.until;
  else await pause(step.pauseMs);
}
