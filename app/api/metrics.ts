// `GET /metrics` for a scraper, who may ask for it, and the count of what HTTP answers.
// Promises: nobody from outside gets in without the token, whatever a request says about where it comes from; no
// address that was asked for becomes a label, only the patterns of our routes.

import { BlockList, isIP } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ClientAddressReader } from "#app/core/client-address.ts";
import { AppError } from "#app/core/errors.ts";
import type { Metrics } from "#app/core/metrics.ts";
import { hashToken, tokenMatches } from "#app/core/secrets.ts";

export interface MetricsDoorOptions {
  readonly metrics: Metrics;
  readonly readClientAddress: ClientAddressReader;
  /** Opens the door to everybody who sends it; absent: to nobody. */
  readonly metricsToken: string | undefined;
}

/** Loopback, private and link-local networks (RFC 6890, RFC 4193). */
const PRIVATE_NETWORKS = toBlockList([
  ["127.0.0.0", 8, "ipv4"],
  ["10.0.0.0", 8, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["::1", 128, "ipv6"],
  ["fc00::", 7, "ipv6"],
  ["fe80::", 10, "ipv6"],
]);
/** What proxies add beside X-Forwarded-For, or instead of it. */
const PROXY_HEADERS = ["forwarded", "via", "x-real-ip", "x-forwarded-host", "x-forwarded-proto"];
const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

/** What no route of ours answers. */
const NO_ROUTE = "other";

export function registerMetrics(app: FastifyInstance, options: MetricsDoorOptions): void {
  const { metrics, metricsToken } = options;
  const tokenHash = metricsToken === undefined ? undefined : hashToken(metricsToken);
  app.addHook("onResponse", async (request, reply) => countRequest(metrics, request, reply));
  app.get("/metrics", async (request, reply) => {
    if (!isNear(request, options.readClientAddress)) assertToken(request, reply, tokenHash);
    void reply.header("Cache-Control", "no-store").header("Content-Type", metrics.contentType);
    return metrics.text();
  });
}

/** Once for each answer; the hook does it for all that get as far as a hook. */
export function countRequest(metrics: Metrics, request: FastifyRequest, reply: FastifyReply): void {
  const { method } = request;
  metrics.count("requests_total", { route: routeOf(request), method, status: String(reply.statusCode) });
}

/** The pattern of the route that answers. */
export function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? NO_ROUTE;
}

/**
 * Whether who asks is on this machine or in a private network. A request that a proxy passed on counts with its client's
 * address; where that cannot be known, because the proxy is not one of ours, it is not near: else a proxy on this machine
 * that nobody named in TRUSTED_PROXIES would open the door to the world.
 */
function isNear({ headers, socket }: FastifyRequest, readClientAddress: ClientAddressReader): boolean {
  const forwardedFor = headers["x-forwarded-for"];
  const peer = readClientAddress(socket.remoteAddress, undefined);
  const client = readClientAddress(socket.remoteAddress, forwardedFor);
  const isForwarded = forwardedFor !== undefined || PROXY_HEADERS.some((name) => name in headers);
  if (isForwarded && client === peer) return false;
  const family = isIP(client);
  return family !== 0 && PRIVATE_NETWORKS.check(client, family === 6 ? "ipv6" : "ipv4");
}

/** @throws AppError `forbidden` where there is no token to have, `unauthorized` where it was not shown */
function assertToken({ headers }: FastifyRequest, reply: FastifyReply, tokenHash: string | undefined): void {
  if (tokenHash === undefined) throw new AppError("forbidden");
  const token = BEARER.exec(headers.authorization ?? "")?.[1];
  if (token !== undefined && tokenMatches(token, tokenHash)) return;
  // RFC 9110, 15.5.2: who is told 401 is told how to do better.
  void reply.header("WWW-Authenticate", 'Bearer realm="metrics"');
  throw new AppError("unauthorized", { message: "Send the METRICS_TOKEN as a bearer token." });
}

function toBlockList(ranges: readonly (readonly [string, number, "ipv4" | "ipv6"])[]): BlockList {
  const list = new BlockList();
  for (const [address, bits, family] of ranges) list.addSubnet(address, bits, family);
  return list;
}
