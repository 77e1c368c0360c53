// Makes what the server publishes to browsers: the page's script and style, and the client library as a module of its
// own, which Node runs too. Copies what goes out as it is. npm runs it as `prepare`.

import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const SOURCE = import.meta.dirname;
const BUNDLED = ["page.ts", "page.css", "client.ts"];
const COPIED = ["page.html", "favicon.svg"];

/** @param target folder that receives page.js, page.css, client.js, page.html and favicon.svg; made if need be */
export async function bundlePage(target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  await build({
    entryPoints: BUNDLED.map((name) => join(SOURCE, name)),
    outdir: target,
    bundle: true,
    minify: true,
    format: "esm",
    // Nothing shared between the outputs: each is one request, and client.js is one file to copy.
    splitting: false,
    target: ["es2024", "chrome120", "firefox121", "safari17.4", "node22"],
    charset: "utf8",
    legalComments: "none",
    logLevel: "warning",
  });
  await Promise.all(COPIED.map((name) => copyFile(join(SOURCE, name), join(target, name))));
}

if (import.meta.main) await bundlePage(join(SOURCE, "dist"));
