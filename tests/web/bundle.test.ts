// What the bundle holds: the present sources, nothing foreign, nothing that makes markup, and no more than it may weigh.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { gzipSync } from "node:zlib";
import { bundlePage } from "#app/web/bundle.ts";

const DIST = join(import.meta.dirname, "../../app/web/dist");
const FILES = ["page.html", "page.js", "page.css", "client.js", "widget.js", "favicon.svg"];
/** Over the wire, as a proxy would compress it. */
const CLIENT_MAX_GZIP_BYTES = 10 * 1024;
const WIDGET_MAX_GZIP_BYTES = 45_000;

it("the bundle that is served is the one that the sources make (else: npm run prepare)", async () => {
  const fresh = await mkdtemp(join(tmpdir(), "parley-bundle-"));
  await bundlePage(fresh);
  for (const name of FILES) {
    assert.equal(await readFile(join(DIST, name), "utf8"), await readFile(join(fresh, name), "utf8"), name);
  }
  await rm(fresh, { recursive: true });
});

it("the page refers to nothing outside the server", async () => {
  for (const name of FILES) {
    const content = await readFile(join(DIST, name), "utf8");
    const addresses = (content.match(/(?:https?:)?\/\/[\w.-]+\.\w+/g) ?? []).filter(
      (found) => !found.includes("www.w3.org"),
    );
    assert.deepEqual(addresses, [], name);
  }
});

it("nothing of the page or of the widget makes markup or code out of text", async () => {
  for (const name of ["page.js", "widget.js", "client.js"]) {
    const script = await readFile(join(DIST, name), "utf8");
    const maker = /(?:inner|outer)HTML|insertAdjacentHTML|DOMParser|document\.write|\beval\(|new Function/;
    assert.doesNotMatch(script, maker, name);
  }
});

it("the client library is one small module that imports nothing and needs no page", async (t) => {
  const script = await readFile(join(DIST, "client.js"), "utf8");
  const gzipBytes = gzipSync(script).length;
  t.diagnostic(`client.js: ${Buffer.byteLength(script)} bytes, ${gzipBytes} gzipped`);
  assert.ok(gzipBytes <= CLIENT_MAX_GZIP_BYTES, `${gzipBytes} bytes gzipped`);
  assert.doesNotMatch(script, /\bimport\b|\brequire\(|\bdocument\.|\bwindow\.|\bprocess\./);
  assert.match(script, /export\{[^}]*\bcreateChatClient\b[^}]*\}/);
});

it("the widget is one module with its style sheet inside, which makes no style by an attribute", async () => {
  const script = await readFile(join(DIST, "widget.js"), "utf8");
  assert.doesNotMatch(script, /(?:^|[;}\n])import[\s{*"'(]|\brequire\(/);
  assert.match(script, /export\{[^}]*\bPersonaChat\b[^}]*\}/);
  assert.match(script, /--parley-accent/);
  assert.doesNotMatch(script, /PARLEY_WIDGET_CSS/);
  assert.doesNotMatch(script, /createElement\("style"\)|\.style\.cssText/);
});

it("the widget with everything is small enough for anybody's page", async (t) => {
  const script = await readFile(join(DIST, "widget.js"));
  const gzipBytes = gzipSync(script, { level: 9 }).length;
  t.diagnostic(`widget.js: ${script.length} bytes, ${gzipBytes} gzipped`);
  assert.ok(gzipBytes <= WIDGET_MAX_GZIP_BYTES, `${gzipBytes} bytes gzipped`);
});
