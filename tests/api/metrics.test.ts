// `GET /metrics` over HTTP: who may ask, and what the requests of hostile clients add to it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { parseMetrics, type Scrape } from "../support/metrics-text.ts";
import { type RunningApp, startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { until } from "../support/until.ts";

const TOKEN = "metrics-0123456789";
const PUBLIC = "203.0.113.9";
const TRUSTING = { TRUSTED_PROXIES: "127.0.0.1,192.168.7.7" };

const start = (t: TestContext, env: Record<string, string> = {}) =>
  startApp(t, { model: createScriptedModel(), registry: createSmallRegistry() }, env);

const ask = (app: RunningApp, headers: Record<string, string> = {}, query = "") =>
  fetch(`${app.url}/metrics${query}`, { headers });

async function scrape(app: RunningApp): Promise<Scrape> {
  return parseMetrics(await (await ask(app)).text());
}

/** As a client writes it that does not normalise: node:http leaves method and path as they are. */
async function send(app: RunningApp, method: string, path: string): Promise<number> {
  const sent = request({ port: app.port, host: "127.0.0.1", method, path });
  sent.end();
  const [response] = await once(sent, "response");
  response.resume();
  await once(response, "end");
  return Number(response.statusCode);
}

describe("the door of /metrics", () => {
  it("is open on this machine, and says what it gives", async (t) => {
    const app = await start(t);
    const response = await ask(app);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("access-control-allow-origin"), null);
    assert.equal(parseMetrics(await response.text()).types.get("parley_connections"), "gauge");
  });

  const refused: [string, Record<string, string>, Record<string, string>][] = [
    ["from outside, through our proxy", TRUSTING, { "X-Forwarded-For": PUBLIC }],
    ["that claims a private origin before our proxy", TRUSTING, { "X-Forwarded-For": `10.0.0.1, ${PUBLIC}` }],
    [
      "that claims this machine before two proxies",
      TRUSTING,
      { "X-Forwarded-For": `127.0.0.1, ${PUBLIC}, 192.168.7.7` },
    ],
    ["through our proxy, which does not know whence", TRUSTING, { "X-Forwarded-For": "unknown" }],
    ["through our proxy, with an empty origin", TRUSTING, { "X-Forwarded-For": "" }],
    ["from outside over IPv6", TRUSTING, { "X-Forwarded-For": "2001:db8::9" }],
    ["from outside, IPv4 in IPv6", TRUSTING, { "X-Forwarded-For": `::ffff:${PUBLIC}` }],
    ["from just outside a private network", TRUSTING, { "X-Forwarded-For": "172.32.0.1" }],
    ["through a proxy that nobody named", {}, { "X-Forwarded-For": "10.0.0.1" }],
    ["through a proxy that nobody named, as if from here", {}, { "X-Forwarded-For": "127.0.0.1" }],
    ["through a proxy that says so otherwise", {}, { Forwarded: "for=127.0.0.1" }],
    ["through a proxy that only signs", TRUSTING, { Via: "1.1 somewhere" }],
    ["through a proxy of another habit", TRUSTING, { "X-Real-IP": "127.0.0.1" }],
  ];
  for (const [who, env, headers] of refused) {
    it(`refuses a request ${who}`, async (t) => {
      const closed = await start(t, env);
      const response = await ask(closed, headers);
      const body = await response.text();
      assert.equal(response.status, 403);
      assert.equal(JSON.parse(body).error.code, "forbidden");
      assert.doesNotMatch(body, /parley_/);
      assert.equal((await ask(closed, { ...headers, Authorization: `Bearer ${TOKEN}` })).status, 403);
      const opened = await start(t, { ...env, METRICS_TOKEN: TOKEN });
      const unknown = await ask(opened, headers);
      assert.equal(unknown.status, 401);
      assert.match(unknown.headers.get("www-authenticate") ?? "", /^Bearer /);
      assert.doesNotMatch(await unknown.text(), /parley_/);
      assert.equal((await fetch(`${opened.url}/metrics`, { method: "HEAD", headers })).status, 401);
      assert.equal((await ask(opened, { ...headers, Authorization: `Bearer ${TOKEN}` })).status, 200);
    });
  }

  for (const address of [
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.9",
    "::1",
    "fd00::7",
    "fe80::1",
  ])
    it(`is open to ${address} through our proxy`, async (t) => {
      const app = await start(t, TRUSTING);
      assert.equal((await ask(app, { "X-Forwarded-For": address })).status, 200);
    });

  it("takes the token as a bearer token alone, and whole", async (t) => {
    const app = await start(t, { ...TRUSTING, METRICS_TOKEN: TOKEN });
    const status = async (authorization: string, query = "") => {
      const headers = { "X-Forwarded-For": PUBLIC, Authorization: authorization };
      return (await ask(app, headers, query)).status;
    };
    assert.equal(await status(`Bearer ${TOKEN}`), 200);
    assert.equal(await status(`bearer ${TOKEN}`), 200);
    for (const wrong of [
      TOKEN,
      `Basic ${TOKEN}`,
      "Bearer",
      "Bearer ",
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN} x`,
    ])
      assert.equal(await status(wrong), 401, wrong);
    assert.equal(await status(`Bearer ${TOKEN.slice(0, -1)}`), 401);
    assert.equal(await status("Bearer wrong", `?token=${TOKEN}&access_token=${TOKEN}`), 401);
  });

  it("does not ask those who are near for the token", async (t) => {
    const app = await start(t, { METRICS_TOKEN: TOKEN });
    assert.equal((await ask(app)).status, 200);
    assert.equal((await ask(app, { Authorization: "Bearer wrong" })).status, 200);
  });
});

describe("requests", () => {
  it("are counted by the pattern of their route, method and status, the scrape itself included", async (t) => {
    const app = await start(t);
    await fetch(`${app.url}/health`);
    await fetch(`${app.url}/health`, { method: "HEAD" });
    await fetch(`${app.url}/api/v1/personas/nobody-of-that-name`);
    await fetch(`${app.url}/api/v1/personas/another`);
    await scrape(app);
    const text = await scrape(app);
    const count = (route: string, method: string, status: string) =>
      text.value("parley_requests_total", { route, method, status });
    assert.equal(count("/health", "GET", "200"), 1);
    assert.equal(count("/health", "HEAD", "200"), 1);
    assert.equal(count("/api/v1/personas/:id", "GET", "404"), 2);
    assert.equal(count("/metrics", "GET", "200"), 1);
    const errors = { route: "/api/v1/personas/:id", category: "not_found" };
    assert.equal(text.value("parley_errors_total", errors), 2);
  });

  it("count once, whether answered as JSON or as a stream", async (t) => {
    const app = await start(t);
    for (const accept of ["application/json", "text/event-stream"]) {
      const headers = { "Content-Type": "application/json", accept };
      const body = JSON.stringify({ message: "hello" });
      await (await fetch(`${app.url}/api/v1/chat`, { method: "POST", headers, body })).text();
    }
    const labels = { route: "/api/v1/chat", method: "POST", status: "200" };
    const counted = async () => (await scrape(app)).value("parley_requests_total", labels);
    let last = 0;
    for (let look = 0; look < 50 && last < 2; look += 1) last = await counted();
    assert.equal(last, 2);
    assert.equal(await counted(), 2);
  });

  it("with errors are counted by category", async (t) => {
    const app = await start(t);
    const post = (body: string, type = "application/json", origin?: string) =>
      fetch(`${app.url}/api/v1/chat`, {
        method: "POST",
        headers: { "Content-Type": type, ...(origin !== undefined && { origin }) },
        body,
      });
    await post("{");
    await post("{}");
    await post("hello", "text/plain");
    await post(JSON.stringify({ message: "x", persona: "nobody" }));
    await post("{}", "application/json", "https://evil.example");
    await send(app, "DELETE", "/health");
    const text = await scrape(app);
    const errors = (route: string, category: string) =>
      text.value("parley_errors_total", { route, category });
    assert.equal(errors("/api/v1/chat", "validation"), 3);
    assert.equal(errors("/api/v1/chat", "not_found"), 1);
    assert.equal(errors("/api/v1/chat", "authorization"), 1);
    assert.equal(errors("other", "validation"), 1);
    assert.equal(text.of("parley_errors_total").length, 4);
  });
});

describe("hostile requests", () => {
  it("make no series of their own, whatever path, method or header they send", async (t) => {
    const app = await start(t);
    const before = await scrape(app);
    for (let index = 0; index < 150; index += 1) {
      await send(app, "GET", `/${index}/${"x".repeat(index)}`);
      await send(app, "GET", `/api/v1/personas/p${index}`);
      await send(app, "PROPFIND", `/w${index}"}`);
    }
    for (const path of ["/%", "/%00", "//", "/..%2f", `/api/v1/personas/${"y".repeat(65)}`, "/metrics%0a"])
      await send(app, "GET", path);
    const after = await scrape(app);
    const routes = new Set(after.of("parley_requests_total").map(({ labels }) => labels.route));
    assert.deepEqual(routes, new Set(["/metrics", "other", "/api/v1/personas/:id"]));
    const methods = new Set(after.of("parley_requests_total").map(({ labels }) => labels.method));
    assert.deepEqual(methods, new Set(["GET", "other"]));
    // Those of Node come with its garbage collections, and not with what was sent.
    const own = ({ samples }: typeof after) =>
      samples.filter(({ name }) => name.startsWith("parley_")).length;
    const grown = own(after) - own(before);
    assert.ok(grown <= 8, `${grown} new series`);
    const all = after.of("parley_requests_total").reduce((sum, { value }) => sum + value, 0);
    t.diagnostic(`456 hostile requests: ${grown} new series, ${all} counted`);
    assert.equal(all, 457);
  });

  it("that are no HTTP at all do no harm", async (t) => {
    const app = await start(t);
    const socket = connect(app.port, "127.0.0.1", () => socket.write("\x16\x03\x01\r\n\r\n"));
    let isClosed = false;
    socket.on("error", () => undefined);
    socket.on("data", () => undefined);
    socket.once("close", () => {
      isClosed = true;
    });
    await until("the socket is closed", () => isClosed);
    assert.equal((await ask(app)).status, 200);
  });
});
