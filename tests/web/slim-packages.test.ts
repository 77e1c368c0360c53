// What is left out of marked in the bundle: less to load, the same tokens of every reply, and a version that it does
// not know fails the build instead of going out half cut.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import fc from "fast-check";
import type { ReplyLexer } from "#app/web/markdown/markdown-lexer.ts";
import { slimPackages } from "#app/web/markdown/slim-packages.ts";
import { HOSTILE } from "../browser/markdown-hostile.ts";
import { hostileArrivals } from "./markdown-generator.ts";

const read = (path: string) => readFile(path, "utf8");

/** The bundle of one file of the room, with the package's files as `readText` gives them; whole without. */
async function bundleFile(name: string, readText?: (path: string) => Promise<string>): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "../../app/web/markdown", name)],
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    logLevel: "silent",
    plugins: readText ? [slimPackages(readText)] : [],
  });
  return outputFiles.map(({ text }) => text).join("");
}

const bundleView = (readText?: (path: string) => Promise<string>) => bundleFile("markdown-view.ts", readText);

/** The tokens of a text, as text to compare. */
async function loadLexer(readText?: (path: string) => Promise<string>): Promise<(text: string) => string> {
  const script = await bundleFile("markdown-lexer.ts", readText);
  const module: { ReplyLexer: typeof ReplyLexer } = await import(
    `data:text/javascript;base64,${Buffer.from(script).toString("base64")}`
  );
  return (text) => {
    const lexer = new module.ReplyLexer();
    lexer.lexBlocks(text.replace(/\r\n?/g, "\n"));
    return JSON.stringify([lexer.lexWords(), Object.entries(lexer.tokens.links)]);
  };
}

describe("marked in the bundle", () => {
  it("is without its writer, its settings and its other dialects", async (test) => {
    const [slim, whole] = [await bundleView(read), await bundleView()];
    for (const unused of ["Please report", 'type="checkbox"', "s|cite|q|dfn", "walkTokens", "pedantic:"]) {
      assert.ok(whole.includes(unused), `whole: ${unused}`);
      assert.ok(!slim.includes(unused), `slim: ${unused}`);
    }
    const [slimBytes, wholeBytes] = [slim, whole].map((script) => gzipSync(script, { level: 9 }).length);
    test.diagnostic(`${slimBytes} bytes gzipped of ${wholeBytes}`);
    assert.ok(slim.length < 0.75 * whole.length, `${slim.length} of ${whole.length}`);
  });

  it("makes the tokens that the whole package makes", async () => {
    const [slim, whole] = [await loadLexer(read), await loadLexer()];
    for (const text of HOSTILE) assert.equal(slim(text), whole(text));
    fc.assert(
      fc.property(hostileArrivals(), ({ text }) => assert.equal(slim(text), whole(text))),
      { numRuns: 2_000 },
    );
  });

  it("fails the build where there is no such part, or no source map", async () => {
    const renamed = async (path: string) =>
      (await read(path)).replace("../src/rules.ts", "../src/grammar.ts");
    await assert.rejects(bundleView(renamed), /marked has changed: it has no \.\/rules\.ts/);
    const none = async (path: string) => (path.endsWith(".map") ? "{}" : await read(path));
    await assert.rejects(bundleView(none), /marked has changed/);
  });

  it("fails the build where what is left out is not there", async () => {
    for (const [before, after, part] of [
      ["const inlineBreaks", "const inlineLines", "rules.ts"],
      ["  breaks: inlineBreaks,", "  lines: inlineBreaks,", "rules.ts"],
      ["  inlineText(src", "  textInLine(src", "Tokenizer.ts"],
      ["  static lexInline<", "  static lexLine<", "Lexer.ts"],
    ] as const) {
      const changed = async (path: string) => (await read(path)).replace(before, after);
      await assert.rejects(bundleView(changed), new RegExp(`marked has changed: \\./${part} has no`), before);
    }
  });
});
