// A page with nothing but the view of replies, under the strictest content policy a page can have, and Chromium: no
// style but its own, and Trusted Types of which nobody may make one.
// `window.view(name)` is a view in a shadow root of its own; `window.root(name)` its element.

import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { slimPackages } from "#app/web/markdown/slim-packages.ts";
import { launchBrowser, openPage, type WatchedPage } from "../support/browser.ts";

const ROOM = join(import.meta.dirname, "../../app/web/markdown");
const STRICT =
  "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; " +
  "require-trusted-types-for 'script'; trusted-types 'none'";
/** For a test that brings a script of its own. */
export const LENIENT = "default-src 'none'; script-src 'self' 'unsafe-inline'";

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Replies</title>
<body><script src="/page.js"></script></body></html>`;
const SCRIPT = `
  import { MarkdownView } from "./markdown-view.ts";
  const views = new Map();
  const make = (name) => {
    const host = document.body.appendChild(document.createElement("div"));
    const root = host.attachShadow({ mode: "open" }).appendChild(document.createElement("div"));
    const entry = { root, view: new MarkdownView(root, { labels: { copy: "Copy", copied: "Copied" } }) };
    views.set(name, entry);
    return entry;
  };
  const entry = (name) => views.get(name) ?? make(name);
  Object.assign(globalThis, { view: (name) => entry(name).view, root: (name) => entry(name).root });`;

/** @returns the bundle of some code that stands in the room */
export async function bundle(contents: string, isSlim = true): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: ROOM, loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2024"],
    legalComments: "none",
    charset: "utf8",
    write: false,
    plugins: isSlim ? [slimPackages((path) => readFile(path, "utf8"))] : [],
  });
  return outputFiles.map(({ text }) => text).join("");
}

export const gzippedBytes = (script: string): number => gzipSync(script, { level: 9 }).length;

export interface MarkdownPages {
  readonly visit: (policy?: string, options?: BrowserContextOptions) => Promise<WatchedPage>;
}

/** Registers the hooks of a test file. */
export function useMarkdownPages(): MarkdownPages {
  let browser: Browser;
  const servers: Server[] = [];
  const pages: WatchedPage[] = [];
  let script = "";
  before(async () => {
    script = await bundle(SCRIPT);
    browser = await launchBrowser();
  });
  after(() => browser.close());
  afterEach(async () => {
    for (const page of pages.splice(0)) await page.close();
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
  return {
    async visit(policy = STRICT, options = {}) {
      const server = createServer(({ url }, response) => {
        const isScript = url === "/page.js";
        response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
        response.setHeader("content-security-policy", policy);
        response.end(isScript ? script : PAGE);
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      const watched = await openPage(browser, `http://127.0.0.1:${port}/`, options);
      pages.push(watched);
      return watched;
    },
  };
}
