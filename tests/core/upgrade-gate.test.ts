// What is refused before the upgrade, seen from outside: a real server, real clients.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { createClientAddressReader } from "#app/core/client-address.ts";
import { AppError } from "#app/core/errors.ts";
import type { UpgradeRequest } from "#app/core/upgrade-gate.ts";
import { handshake, openRawSocket } from "../support/raw-socket.ts";
import { openRefused, openSocket, type UpgradeRefused } from "../support/socket-client.ts";
import { until } from "../support/until.ts";
import { PATH, startWebSocketHost } from "../support/websocket-host.ts";

/** The error of a refusal's body, after the checks that hold for every refusal. */
function errorOf(refusal: UpgradeRefused): Record<string, unknown> {
  assert.equal(refusal.headers["content-type"], "application/json; charset=utf-8");
  assert.equal(refusal.headers["cache-control"], "no-store");
  const body: { error: Record<string, unknown> } = JSON.parse(refusal.body);
  assert.equal(body.error.requestId, refusal.headers["x-request-id"]);
  assert.equal(typeof body.error.message, "string");
  return body.error;
}

test("another path is 404, however much it resembles ours", async (t) => {
  const host = await startWebSocketHost(t);
  const others = ["/", "/api/v1/chat/ws/", "/api/v1/chat/wss", "/api/v1/chat/w%73", "//x/api/v1/chat/ws"];
  for (const path of others) {
    const refusal = await openRefused(`ws://127.0.0.1:${host.port}${path}`);
    assert.equal(refusal.status, 404, path);
    assert.equal(errorOf(refusal).code, "route_not_found");
  }
});

test("a handshake that is none is 400 with the version we speak", async (t) => {
  const host = await startWebSocketHost(t);
  const wrong = [
    { Upgrade: "h2c" },
    { "Sec-WebSocket-Key": "short" },
    { "Sec-WebSocket-Version": "12" },
    { "Sec-WebSocket-Protocol": "a,,b" },
  ];
  for (const headers of wrong) {
    const raw = await openRawSocket(t, host.port, handshake(PATH, headers));
    await until("the end", () => raw.isClosed);
    assert.match(raw.answer.head, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.match(raw.answer.head, /\r\nSec-WebSocket-Version: 13(\r\n|$)/);
    const body: unknown = JSON.parse(raw.answer.rest.toString());
    assert.partialDeepStrictEqual(body, { error: { code: "invalid_frame", category: "validation" } });
  }
  assert.equal(host.connections.length, 0);
});

test("a page of another origin is 403, a page of ours and a program are let in", async (t) => {
  const host = await startWebSocketHost(t, { allowedOrigins: ["https://example.org"] });
  for (const origin of [
    "null",
    "https://example.org.evil.net",
    "http://example.org",
    "https://example.org:1",
  ]) {
    const refusal = await openRefused(host.url, { origin });
    assert.equal(refusal.status, 403, origin);
    assert.equal(errorOf(refusal).code, "origin_not_allowed");
  }
  await openSocket(host.url, { origin: "https://example.org" });
  await openSocket(host.url);
});

test("without a list of origins, a page of this very host is let in and no other", async (t) => {
  const host = await startWebSocketHost(t);
  await openSocket(host.url, { origin: `http://127.0.0.1:${host.port}` });
  const refusal = await openRefused(host.url, { origin: "http://127.0.0.1:1" });
  assert.equal(refusal.status, 403);
});

test("a full server is 503 with Retry-After, and has room again after a close", async (t) => {
  const host = await startWebSocketHost(t, { maxConnections: 2 });
  const first = await openSocket(host.url);
  await openSocket(host.url);
  const refusal = await openRefused(host.url);
  assert.equal(refusal.status, 503);
  assert.equal(refusal.headers["retry-after"], "5");
  assert.partialDeepStrictEqual(errorOf(refusal), {
    code: "overloaded",
    retryable: true,
    retryAfterMs: 5_000,
  });
  await first.close();
  await until("a free place", () => host.manager.size === 1);
  await openSocket(host.url);
});

test("a draining server is 503 with Retry-After and keeps the sockets it has", async (t) => {
  const host = await startWebSocketHost(t);
  const client = await openSocket(host.url);
  host.manager.stopAccepting();
  const refusal = await openRefused(host.url);
  assert.equal(refusal.status, 503);
  assert.equal(refusal.headers["retry-after"], "2");
  assert.equal(errorOf(refusal).code, "draining");
  client.send({ type: "still here" });
  await client.next((frame) => frame.type === "still here");
});

test("one address gets so many connections, the next is 429, and a close gives its place back", async (t) => {
  const host = await startWebSocketHost(t, { maxConnectionsPerAddress: 2 });
  const first = await openSocket(host.url);
  const second = await openSocket(host.url);
  const refusal = await openRefused(host.url);
  assert.equal(refusal.status, 429);
  assert.equal(refusal.headers["retry-after"], "10");
  assert.equal(errorOf(refusal).code, "rate_limited");
  first.terminate();
  await until("a free place", () => host.manager.size === 1);
  await openSocket(host.url);
  await second.close();
});

test("a forged X-Forwarded-For buys no further connection", async (t) => {
  const host = await startWebSocketHost(t, { maxConnectionsPerAddress: 1 });
  await openSocket(host.url, { headers: { "X-Forwarded-For": "198.51.100.1" } });
  const refusal = await openRefused(host.url, { headers: { "X-Forwarded-For": "198.51.100.2" } });
  assert.equal(refusal.status, 429);
});

test("behind a trusted proxy each visitor is counted alone, by the hop the proxy wrote", async (t) => {
  const readClientAddress = createClientAddressReader(["127.0.0.1"]);
  const host = await startWebSocketHost(t, { maxConnectionsPerAddress: 1, readClientAddress });
  const as = (forwardedFor: string) => ({ headers: { "X-Forwarded-For": forwardedFor } });
  await openSocket(host.url, as("198.51.100.1"));
  await openSocket(host.url, as("198.51.100.2"));
  assert.deepEqual(
    host.connections.map(({ address }) => address),
    ["198.51.100.1", "198.51.100.2"],
  );
  assert.equal((await openRefused(host.url, as("203.0.113.5, 198.51.100.1"))).status, 429);
});

test("an IPv6 visitor is counted by its network, not by the address of the day", async (t) => {
  const readClientAddress = createClientAddressReader(["127.0.0.1"]);
  const host = await startWebSocketHost(t, { maxConnectionsPerAddress: 1, readClientAddress });
  await openSocket(host.url, { headers: { "X-Forwarded-For": "2001:db8:1:2::1" } });
  const refusal = await openRefused(host.url, { headers: { "X-Forwarded-For": "2001:db8:1:2:ffff::9" } });
  assert.equal(refusal.status, 429);
});

test("the application's refusal goes out as it is, and takes no place", async (t) => {
  const host = await startWebSocketHost(t, {
    maxConnections: 1,
    admit: ({ query }) => {
      if (query.get("persona") === "nobody") throw new AppError("persona_not_found");
      return "";
    },
  });
  for (let round = 0; round < 3; round += 1) {
    const refusal = await openRefused(`${host.url}?persona=nobody`);
    assert.equal(refusal.status, 404);
    assert.equal(errorOf(refusal).code, "persona_not_found");
  }
  await openSocket(`${host.url}?persona=engineer`);
});

test("an application that fails is 500 without a word of why, and the log has it", async (t) => {
  const host = await startWebSocketHost(t, {
    admit: () => Promise.reject(new Error("redis://:secret@host")),
  });
  const refusal = await openRefused(host.url);
  assert.equal(refusal.status, 500);
  assert.equal(errorOf(refusal).code, "internal_error");
  assert.doesNotMatch(refusal.body, /secret/);
  assert.equal(host.logger.named("websocket_refused").filter(({ level }) => level === "error").length, 1);
});

test("an application that does not make up its mind in time is 503", async (t) => {
  const host = await startWebSocketHost(t, {
    admissionTimeoutMs: 30,
    admit: () => new Promise(() => undefined),
  });
  const refusal = await openRefused(host.url);
  assert.equal(refusal.status, 503);
  assert.equal(refusal.headers["retry-after"], "1");
});

test("a request that was waiting for admission when the server began to drain is 503", async (t) => {
  const admission = Promise.withResolvers<string>();
  const host = await startWebSocketHost(t, { admit: () => admission.promise });
  const refused = openRefused(host.url);
  // The next request proves that the first one has been read: it is answered at once.
  await openRefused(`ws://127.0.0.1:${host.port}/elsewhere`);
  host.manager.stopAccepting();
  admission.resolve("");
  assert.equal((await refused).status, 503);
});

test("a client that leaves while it is being admitted gives its place back", async (t) => {
  const admission = Promise.withResolvers<string>();
  let asked = 0;
  const admit = () => {
    asked += 1;
    return asked === 1 ? admission.promise : "";
  };
  const host = await startWebSocketHost(t, { maxConnections: 1, admit });
  const leaving = connect(host.port, "127.0.0.1");
  leaving.write(handshake(PATH));
  await until("the first request", () => asked === 1);
  assert.equal((await openRefused(host.url)).status, 503, "its place is held");
  leaving.destroy();
  await once(leaving, "close");
  admission.resolve("");
  await until("the place given back", () => host.manager.places.open === 0);
  await openSocket(host.url);
});

test("the application sees the facts of the request and no other headers", async (t) => {
  const seen: UpgradeRequest[] = [];
  const host = await startWebSocketHost(t, {
    admit: (request) => {
      seen.push(request);
      return "";
    },
  });
  const headers = { "User-Agent": "a program", "Accept-Language": "de", "X-Secret": "1" };
  await openSocket(`${host.url}?object=tree%20house&q=a?b`, { headers });
  const [request] = seen;
  assert.deepEqual(request?.headers, { "user-agent": "a program", "accept-language": "de" });
  assert.equal(request?.query.get("object"), "tree house");
  assert.equal(request?.query.get("q"), "a?b");
  assert.equal(request?.address, "127.0.0.1");
  assert.equal(request?.path, PATH);
});

test("a refused client that sent frames already can still read why", async (t) => {
  const host = await startWebSocketHost(t);
  const raw = await openRawSocket(t, host.port, `${handshake("/elsewhere")}${"x".repeat(100_000)}`);
  await until("the end", () => raw.isClosed);
  assert.match(raw.answer.head, /^HTTP\/1\.1 404 /);
  assert.match(raw.answer.rest.toString(), /route_not_found/);
});

test("a refused client that never closes its side is cut off", async (t) => {
  const host = await startWebSocketHost(t);
  const raw = await openRawSocket(t, host.port, handshake("/elsewhere"), { allowHalfOpen: true });
  assert.equal(raw.isClosed, false);
  await until("a reset", () => {
    raw.write("x");
    return raw.isClosed;
  });
});
