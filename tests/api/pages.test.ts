// The page's files over HTTP: types, policy, revalidation, and a start without a bundle.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { type FastifyInstance, fastify } from "fastify";
import { registerPages } from "#app/api/pages.ts";

const FILES: Readonly<Record<string, string>> = {
  "page.html": "<!doctype html><title>Söyleşi</title>",
  "page.js": "export {};",
  "page.css": "body{}",
  "client.js": "export const client = 1;",
  "widget.js": "export const widget = 1;",
  "favicon.svg": "<svg/>",
};
const TYPES: Readonly<Record<string, string>> = {
  "/": "text/html; charset=utf-8",
  "/assets/page.js": "text/javascript; charset=utf-8",
  "/assets/page.css": "text/css; charset=utf-8",
  "/client.js": "text/javascript; charset=utf-8",
  "/widget.js": "text/javascript; charset=utf-8",
  "/favicon.svg": "image/svg+xml; charset=utf-8",
};

describe("the page's files", () => {
  let bundleDir: string;
  let app: FastifyInstance;

  before(async () => {
    bundleDir = await mkdtemp(join(tmpdir(), "parley-pages-"));
    for (const [name, content] of Object.entries(FILES)) await writeFile(join(bundleDir, name), content);
    app = fastify();
    registerPages(app, { bundleDir });
    await app.ready();
  });
  after(async () => {
    await app.close();
    await rm(bundleDir, { recursive: true });
  });

  it("have their types, in UTF-8, and are to be asked for again, the widget after five minutes", async () => {
    for (const [url, type] of Object.entries(TYPES)) {
      const { statusCode, headers } = await app.inject({ url });
      assert.equal(statusCode, 200, url);
      assert.equal(headers["content-type"], type);
      const isWidget = url === "/widget.js";
      assert.equal(
        headers["cache-control"],
        isWidget ? "public, max-age=300, stale-while-revalidate=86400" : "no-cache",
      );
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["referrer-policy"], "no-referrer");
    }
    assert.equal((await app.inject({ url: "/" })).body, FILES["page.html"]);
  });

  it("let in nothing foreign and nothing inline", async () => {
    const { headers } = await app.inject({ url: "/" });
    const policy = String(headers["content-security-policy"]).split("; ").sort();
    assert.deepEqual(policy, [
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self' data:",
      "script-src 'self'",
      "style-src 'self'",
    ]);
  });

  it("stay with their own origin, but for the client library and the widget, which pages of every origin may import", async () => {
    for (const url of Object.keys(TYPES)) {
      const { headers } = await app.inject({ url, headers: { origin: "https://elsewhere.example" } });
      const isLibrary = url === "/client.js" || url === "/widget.js";
      assert.equal(headers["access-control-allow-origin"], isLibrary ? "*" : undefined, url);
      assert.equal(headers["cross-origin-resource-policy"], isLibrary ? "cross-origin" : undefined, url);
      assert.equal(headers["access-control-allow-credentials"], undefined, url);
    }
    const { etag } = (await app.inject({ url: "/client.js" })).headers;
    const again = await app.inject({ url: "/client.js", headers: { "if-none-match": String(etag) } });
    assert.deepEqual([again.statusCode, again.headers["access-control-allow-origin"]], [304, "*"]);
  });

  it("are compressed for who takes that, and for nobody else", async () => {
    const get = (coding: string) => app.inject({ url: "/client.js", headers: { "accept-encoding": coding } });
    for (const coding of ["gzip", "br, gzip;q=0.5", "deflate, GZIP"]) {
      const { headers, rawPayload } = await get(coding);
      assert.deepEqual([headers["content-encoding"], headers.vary], ["gzip", "Accept-Encoding"], coding);
      assert.equal(gunzipSync(rawPayload).toString(), FILES["client.js"], coding);
      assert.match(String(headers.etag), /^W\//, coding);
    }
    for (const coding of ["", "br", "gzip;q=0", "identity, gzip;q=0.000", "x-gzipped"]) {
      const { headers, body } = await get(coding);
      assert.deepEqual([headers["content-encoding"], body], [undefined, FILES["client.js"]], coding);
    }
  });

  it("are not sent again to who has them", async () => {
    const first = await app.inject({ url: "/assets/page.js" });
    const etag = String(first.headers.etag);
    assert.match(etag, /^"[\w-]{22}"$/);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const again = await app.inject({ url: "/assets/page.js", headers: { "if-none-match": known } });
      assert.deepEqual([again.statusCode, again.body], [304, ""], known);
      assert.equal(again.headers.etag, etag);
    }
    const other = await app.inject({ url: "/assets/page.js", headers: { "if-none-match": '"other"' } });
    assert.equal(other.statusCode, 200);
  });

  it("are served from memory: what happens to the folder afterwards does not matter", async () => {
    await writeFile(join(bundleDir, "page.css"), "changed");
    assert.equal((await app.inject({ url: "/assets/page.css" })).body, FILES["page.css"]);
  });
});

it("every single file that is missing ends the start", async () => {
  for (const missing of Object.keys(FILES)) {
    const bundleDir = await mkdtemp(join(tmpdir(), "parley-pages-"));
    for (const name of Object.keys(FILES)) if (name !== missing) await writeFile(join(bundleDir, name), "");
    assert.throws(() => registerPages(fastify(), { bundleDir }), RegExp(`${missing} is missing`));
    await rm(bundleDir, { recursive: true });
  }
});

it("a missing bundle ends the start and names the command that makes it", () => {
  const bundleDir = join(tmpdir(), "parley-no-such-bundle");
  assert.throws(() => registerPages(fastify(), { bundleDir }), /page\.html is missing.*npm run prepare/);
});
