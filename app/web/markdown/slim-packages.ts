// Takes out of marked and DOMPurify what a reply never needs, when they are bundled: 6.4 of 27 kB (gzipped) that every
// visitor would load. Promises: only removes; a version that it does not know fails the build. Runs in the build, and
// not in the browser.

import type { OnLoadResult, Plugin } from "esbuild";

type ReadText = (path: string) => Promise<string>;

/** DOMPurify's own lists; the allow-list of this room takes their place. Without them it only refuses more. */
const LISTS = /^const (?:(?:svg|mathMl|html)(?:\$1|Filters|Disallowed)?|xml) = freeze\(\[[^\]]*\]\);$/gm;
const LIST_COUNT = 10;

/** marked's published file is one piece, with its writer and settings. Its parts stand in its source map. */
const MARKED_ENTRY = `
export { _Lexer as Lexer } from "./Lexer.ts";
export { _Tokenizer as Tokenizer } from "./Tokenizer.ts";
export { _getDefaults as getDefaults } from "./defaults.ts";`;

/** Never set here: what stands behind them is left out as dead code. */
const UNUSED_OPTIONS = /this\.options\.(?:pedantic|extensions|hooks)\b/g;
const UNUSED_GRAMMARS = /^(const (?:block|inline)Pedantic\b[^=]*=) \{[\s\S]*?^\};/gm;

/** @param readText reads a file: this room is the browser's and knows no files */
export function slimPackages(readText: ReadText): Plugin {
  return {
    name: "slim-packages",
    setup(build) {
      build.onLoad({ filter: /[\\/]dompurify[\\/]dist[\\/]purify\.es\.mjs$/ }, async ({ path }) => ({
        contents: withoutLists(await readText(path)),
      }));
      build.onLoad({ filter: /[\\/]marked[\\/]lib[\\/]marked\.esm\.js$/ }, ({ path }) => ({
        contents: MARKED_ENTRY,
        pluginData: path,
      }));
      build.onResolve({ filter: /^\.\/\w+\.ts$/ }, ({ path, pluginData }) =>
        typeof pluginData === "string" ? { path, namespace: "marked", pluginData, sideEffects: false } : null,
      );
      build.onLoad({ filter: /./, namespace: "marked" }, ({ path, pluginData }) =>
        loadPart(readText, path, String(pluginData)),
      );
    },
  };
}

function withoutLists(source: string): string {
  let count = 0;
  const slim = source.replace(LISTS, (list) => {
    count += 1;
    return list.replace(/\[[^\]]*\]/, "[]");
  });
  if (count !== LIST_COUNT) throw new Error(`DOMPurify has changed: ${count} lists, not ${LIST_COUNT}`);
  return slim;
}

async function loadPart(readText: ReadText, part: string, bundled: string): Promise<OnLoadResult> {
  const map: unknown = JSON.parse(await readText(`${bundled}.map`));
  const contents = isSourceMap(map) && map.sourcesContent[map.sources.indexOf(part.replace("./", "../src/"))];
  if (typeof contents !== "string") throw new Error(`marked has changed: it has no ${part}`);
  const slim = contents.replace(UNUSED_OPTIONS, "undefined").replace(UNUSED_GRAMMARS, "$1 {} as any;");
  return { contents: slim, loader: "ts", pluginData: bundled };
}

function isSourceMap(value: unknown): value is { sources: string[]; sourcesContent: string[] } {
  return typeof value === "object" && value !== null && "sources" in value && "sourcesContent" in value;
}
