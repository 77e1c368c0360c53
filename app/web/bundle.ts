// Makes the page's files: bundles page.ts and page.css, copies what goes out as it is. npm runs it as `prepare`.

import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const SOURCE = import.meta.dirname;
const COPIED = ["page.html", "favicon.svg"];

/** @param target folder that receives page.js, page.css, page.html and favicon.svg; made if need be */
export async function bundlePage(target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  await build({
    entryPoints: [join(SOURCE, "page.ts"), join(SOURCE, "page.css")],
    outdir: target,
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2024", "chrome120", "firefox121", "safari17.4"],
    charset: "utf8",
    legalComments: "none",
    logLevel: "warning",
  });
  await Promise.all(COPIED.map((name) => copyFile(join(SOURCE, name), join(target, name))));
}

if (import.meta.main) await bundlePage(join(SOURCE, "dist"));
