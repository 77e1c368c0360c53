// Asks this server's own public addresses, as anybody would: a request over the loopback, through the whole stack.
// Promises: only GETs without a door before them, one after the other, each within 5 s; never rejects.

import { get, type Server } from "node:http";
import type { FastifyInstance } from "fastify";

export interface PublicGets {
  /** The patterns of the routes, in the order in which they were mounted. */
  readonly routes: () => readonly string[];
  /** An id for the `:id` of a pattern; undefined where there is none to try. */
  readonly exampleOf: (pattern: string) => string | undefined;
}

export interface EndpointResult {
  /** The pattern, such as `/api/v1/personas/:id`. */
  readonly route: string;
  /** 0: no answer. */
  readonly status: number;
  readonly durationMs: number;
  readonly ok: boolean;
}

const DEADLINE_MS = 5_000;
/** Speaks WebSocket, and says so to whoever does not. */
const SOCKET_ROUTE = "/api/v1/chat/ws";

/** Notes every public GET that is mounted from now on. Those behind a door are not public. */
export function notePublicGets(app: FastifyInstance): () => readonly string[] {
  const routes: string[] = [];
  app.addHook("onRoute", ({ method, url, config }) => {
    const isGet = [method].flat().includes("GET");
    if (isGet && config?.isAdmin !== true && !routes.includes(url)) routes.push(url);
  });
  return () => routes;
}

/** A pattern without an example is left out. */
export async function testPublicGets(
  server: Server,
  { routes, exampleOf }: PublicGets,
): Promise<readonly EndpointResult[]> {
  const origin = originOf(server);
  const results: EndpointResult[] = [];
  for (const route of routes()) {
    const example = route.includes(":") ? exampleOf(route) : "";
    if (example === undefined || route.includes("*")) continue;
    const startedAt = performance.now();
    const status = await statusOf(`${origin}${route.replace(/:[^/]+/, encodeURIComponent(example))}`);
    const durationMs = Math.round((performance.now() - startedAt) * 10) / 10;
    const ok = route === SOCKET_ROUTE ? status === 400 : status >= 200 && status < 400;
    results.push({ route, status, durationMs, ok });
  }
  return results;
}

/** Where this server can be reached from its own machine. */
function originOf(server: Server): string {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server does not listen");
  const anywhere = { "0.0.0.0": "127.0.0.1", "::": "::1" }[address.address];
  const host = anywhere ?? address.address;
  return `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}

function statusOf(url: string): Promise<number> {
  return new Promise((resolve) => {
    // A connection of its own: none is kept for the next one to find.
    const request = get(url, { agent: false, signal: AbortSignal.timeout(DEADLINE_MS) }, (response) => {
      response.on("error", () => resolve(0));
      response.once("end", () => resolve(response.statusCode ?? 0));
      response.resume();
    });
    request.on("error", () => resolve(0));
  });
}
