// Makes what the server publishes to browsers: the page's script and style, the client library as a module of its
// own, which Node runs too, and the widget, one module with its style sheet inside. Copies what goes out as it is.
// npm runs it as `prepare`. The same sources make the same bytes.

import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import { type MinifyOptions, minify } from "terser";
import { slimPackages } from "./markdown/slim-packages.ts";
import { renderPortfolio } from "./portfolio/render.ts";

const SOURCE = import.meta.dirname;
const BUNDLED = [
  { in: join(SOURCE, "portfolio/main.ts"), out: "page" },
  { in: join(SOURCE, "portfolio/page.css"), out: "page" },
  { in: join(SOURCE, "client.ts"), out: "client" },
];
const COPIED = ["favicon.svg"];

const OPTIONS = {
  bundle: true,
  minify: true,
  format: "esm",
  // Nothing shared between the outputs: each is one request, and client.js is one file to copy.
  splitting: false,
  target: ["es2024", "chrome120", "firefox121", "safari17.4", "node22"],
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  write: false,
} as const satisfies BuildOptions;

/**
 * A second look at each script, which takes 2 kB off the widget. Nothing that terser calls unsafe is on: together those
 * would save some 70 bytes more. The two that are off make a script longer, once it is compressed.
 */
const SQUEEZED: MinifyOptions = {
  module: true,
  ecma: 2020,
  compress: { passes: 2, lhs_constants: false, if_return: false },
  // `onSend` and its like are callbacks between our own parts: neither the web's interfaces nor the protocol nor what a
  // page may use has names of that shape.
  mangle: { properties: { regex: /^on[A-Z]/ } },
};

/** @param target folder that receives page.js, page.css, client.js, widget.js and what is copied; made if need be */
export async function bundlePage(target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  await Promise.all([
    bundle({ entryPoints: BUNDLED, outdir: target }),
    bundleWidget(target),
    renderPage(target),
    ...COPIED.map((name) => copyFile(join(SOURCE, name), join(target, name))),
  ]);
}

async function renderPage(target: string): Promise<void> {
  const template = await readFile(join(SOURCE, "portfolio/portfolio.html"), "utf8");
  await writeFile(join(target, "page.html"), renderPortfolio(template));
}

/** The style sheet goes in as a string, minified as a style sheet first: the script makes it by construction. */
async function bundleWidget(target: string): Promise<void> {
  const folder = join(SOURCE, "widget");
  const styles = await build({
    ...OPTIONS,
    entryPoints: [join(folder, "widget.css")],
    outdir: target,
  });
  const css = styles.outputFiles.map(({ text }) => text.trim()).join("\n");
  await bundle({
    entryPoints: [join(folder, "widget.ts")],
    // The parser first: gzip looks back 32 kB, so what resembles each other, the widget's own parts, stands together.
    inject: [join(SOURCE, "markdown/markdown-view.ts")],
    outdir: target,
    define: { PARLEY_WIDGET_CSS: JSON.stringify(css) },
    plugins: [slimPackages((path) => readFile(path, "utf8"))],
  });
}

async function bundle(options: BuildOptions): Promise<void> {
  const { outputFiles } = await build({ ...options, ...OPTIONS });
  await Promise.all(
    outputFiles.map(async ({ path, text }) => {
      const { code = "" } = path.endsWith(".js") ? await minify(text, SQUEEZED) : { code: text };
      await writeFile(path, code);
    }),
  );
}

if (import.meta.main) await bundlePage(join(SOURCE, "dist"));
