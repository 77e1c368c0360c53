// Takes out of marked what a reply never needs, when it is bundled: every visitor would load it. Promises: only removes
// what the lexer of replies cannot reach; a version that it does not know fails the build. Runs in the build, and not
// in the browser.

import type { OnLoadResult, Plugin } from "esbuild";

type ReadText = (path: string) => Promise<string>;

/** marked's published file is one piece, with its writer and settings. Its parts stand in its source map. */
const MARKED_ENTRY = `
export { _Lexer as Lexer } from "./Lexer.ts";
export { _Tokenizer as Tokenizer } from "./Tokenizer.ts";`;

/** What is set by the lexer of replies, or never: what stands behind it is left out as dead code. */
const OPTIONS: readonly [RegExp, string][] = [
  [/this\.options\.(?:pedantic|extensions|hooks)\b/g, "undefined"],
  [/this\.options\.(?:breaks|silent)\b/g, "false"],
  [/this\.options\.gfm\b/g, "true"],
  [/options \|\| _defaults/g, "options!"],
];

const words = (text: string) => text.split(" ");
const statement = (name: string) => new RegExp(`^const ${name}\\b[\\s\\S]*?;(?: //.*)?$`, "m");
const method = (name: string) => new RegExp(`^ {2}(?:static )?(?:get )?${name}[<(][\\s\\S]*?^ {2}\\}$`, "m");
const shorthand = (name: string) => new RegExp(`^ {2}${name},$`, "m");
const entry = (name: string) => new RegExp(`^ {2}${name}: .*$`, "gm");

/** By part: the other dialects, what replies have a method of their own for, and what only those were reading. */
const UNUSED: Readonly<Record<string, readonly RegExp[]>> = {
  "./rules.ts": [
    ...words("html lheading paragraph blockPedantic inlinePedantic inlineBreaks").map(statement),
    ...words("emStrongLDelim emStrongLDelimPedanticCore emStrongLDelimPedantic _openQuote").map(statement),
    ...words("emStrongRDelimAst emStrongRDelimAstPedanticCore emStrongRDelimAstPedantic").map(statement),
    ...words("emStrongRDelimUndPedanticCore emStrongRDelimUndPedantic").map(statement),
    ...words("html lheading paragraph emStrongLDelim emStrongRDelimAst").map(shorthand),
    ...words("normal pedantic breaks outputLinkReplace startATag endATag startPreScriptTag").map(entry),
    ...words("endPreScriptTag carriageReturn notSpaceStart endingNewline").map(entry),
  ],
  "./Tokenizer.ts": words("html tag inlineText").map(method),
  "./Lexer.ts": words("rules lexInline lex lex").map(method),
};

/** @param readText reads a file: this room is the browser's and knows no files */
export function slimPackages(readText: ReadText): Plugin {
  return {
    name: "slim-packages",
    setup(build) {
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

async function loadPart(readText: ReadText, part: string, bundled: string): Promise<OnLoadResult> {
  const map: unknown = JSON.parse(await readText(`${bundled}.map`));
  const contents = isSourceMap(map) && map.sourcesContent[map.sources.indexOf(part.replace("./", "../src/"))];
  if (typeof contents !== "string") throw new Error(`marked has changed: it has no ${part}`);
  return { contents: slim(part, contents), loader: "ts", pluginData: bundled };
}

function slim(part: string, contents: string): string {
  let source = contents;
  for (const [option, value] of OPTIONS) source = source.replace(option, value);
  for (const unused of UNUSED[part] ?? []) {
    const before = source;
    source = source.replace(unused, "");
    if (source === before) throw new Error(`marked has changed: ${part} has no ${unused}`);
  }
  return source;
}

function isSourceMap(value: unknown): value is { sources: string[]; sourcesContent: string[] } {
  return typeof value === "object" && value !== null && "sources" in value && "sourcesContent" in value;
}
