// The one door of gray-matter and yaml: a text becomes its front matter, with the place of every key, and its body.
// Promises: only YAML is read and nothing is ever evaluated; every fault has its line and column; it never throws.
// Does not: touch the disk (guarded-file.ts) or know which keys there should be.

import matter from "gray-matter";
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLMap,
} from "yaml";
import { FILE_START, type Position, type ProblemList } from "./persona-problems.ts";

/** gray-matter's own look for comments takes quadratic time in blank lines: 60,000 of them take seconds. */
const MAX_FRONT_MATTER_LINES = 2000;

export interface FrontMatter {
  /** Plain data from YAML: unchecked, and any object in it may be hostile. */
  readonly data: unknown;
  /** Where the key at `path` stands, or as much of the path as there is. */
  readonly positionOf: (path: readonly PropertyKey[]) => Position;
}

export interface MarkdownFile {
  /** Absent when the YAML is broken; the body can still be looked at. */
  readonly frontMatter: FrontMatter | undefined;
  readonly body: string;
  /** The file's line on which the body begins. */
  readonly bodyLine: number;
}

/** Without a byte order mark, and with `\n` as the only line end. */
export function normalizeText(raw: string): string {
  return raw.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
}

/** Reads a normalised text; undefined, with the reasons in `problems`, when it has no front matter to speak of. */
export function parseMarkdownFile(text: string, problems: ProblemList): MarkdownFile | undefined {
  const nul = text.indexOf("\0");
  if (nul >= 0) {
    problems.error("encoding", positionAt(text, nul), "The file contains a NUL character.");
    return undefined;
  }
  const bodyLine = findBodyLine(text, problems);
  if (bodyLine === undefined) return undefined;
  // gray-matter does not call the engine for a front matter of nothing but comments: that one is empty, not broken.
  let frontMatter: FrontMatter | undefined = { data: {}, positionOf: () => FILE_START };
  const readYaml = (yaml: string): object => {
    frontMatter = parseYaml(yaml, problems);
    return {};
  };
  // Always with options: without them gray-matter answers a second reading of a broken text from its cache, as empty.
  const file = matter(text, {
    language: "yaml",
    engines: { yaml: readYaml, javascript: denyEngine, json: denyEngine },
  });
  return { frontMatter, body: file.content, bodyLine };
}

/** Line and column of an offset in a text. */
export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - lineStart + 1 };
}

/**
 * Checks what gray-matter takes too lightly. It evaluates what follows a fence with a language on it, whatever its
 * options say, and it ends the front matter at any line that begins with `---`.
 */
function findBodyLine(text: string, problems: ProblemList): number | undefined {
  const lines = text.split("\n");
  const first = lines[0] ?? "";
  if (first !== "---") {
    if (/^---+[^-]*[^-\s]/.test(first)) {
      problems.error("frontmatter-language", { line: 1, column: 4 }, "Nothing may follow the opening ---.");
    } else {
      problems.error("frontmatter-missing", FILE_START, "The first line must be exactly ---.");
    }
    return undefined;
  }
  const closing = lines.findIndex((line, index) => index > 0 && line.startsWith("---"));
  if (closing < 0) {
    problems.error("frontmatter-unclosed", FILE_START, "The front matter has no closing ---.");
    return undefined;
  }
  if (lines[closing] !== "---") {
    const at = { line: closing + 1, column: 4 };
    problems.error("frontmatter-unclosed", at, "The closing line must be exactly ---.");
    return undefined;
  }
  if (closing > MAX_FRONT_MATTER_LINES) {
    const at = { line: MAX_FRONT_MATTER_LINES + 1, column: 1 };
    problems.error("too-large", at, `The front matter has more than ${MAX_FRONT_MATTER_LINES} lines.`);
    return undefined;
  }
  return closing + 2;
}

/** gray-matter hands over the text right after the opening fence, so the lines of `yaml` are those of the file. */
function parseYaml(yaml: string, problems: ProblemList): FrontMatter | undefined {
  const counter = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  try {
    // uniqueKeys is checked below: the parser compares every key with every other, seconds for a file of keys.
    const document = parseDocument(yaml, {
      schema: "core",
      merge: false,
      uniqueKeys: false,
      prettyErrors: false,
      lineCounter: counter,
    });
    const faults = [...document.errors, ...document.warnings];
    for (const fault of faults) problems.error("yaml", at(fault.pos[0]), fault.message);
    const refused = refuseConstructs(document, at, problems);
    if (faults.length > 0 || refused) return undefined;
    const data: unknown = document.toJS({ maxAliasCount: 0 }) ?? {};
    return { data, positionOf: (path) => locate(document.contents, path, at) };
  } catch (error) {
    // The parser recurses; brackets nested a thousand deep exhaust the stack.
    const reason = error instanceof RangeError ? "nested too deeply" : "not readable";
    problems.error("yaml", FILE_START, `The front matter is ${reason}.`);
    return undefined;
  }
}

/** Aliases (they can multiply), keys that are there twice and `__proto__`, which survives as an own key. */
function refuseConstructs(
  document: Document,
  at: (offset: number) => Position,
  problems: ProblemList,
): boolean {
  let refused = false;
  const refuse = (rule: "yaml" | "unknown-key", node: Node, message: string): void => {
    refused = true;
    problems.error(rule, at(node.range?.[0] ?? 0), message);
  };
  visit(document, {
    Alias: (_, alias) => refuse("yaml", alias, "Aliases are not allowed; write the text out."),
    Map: (_, map) => {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (isAlias(key)) continue;
        if (!isScalar(key)) {
          refuse("yaml", map, "A key must be a plain text.");
          continue;
        }
        const name = String(key.value);
        if (seen.has(name)) refuse("yaml", key, `The key "${name.slice(0, 40)}" is there twice.`);
        if (name === "__proto__") refuse("unknown-key", key, 'The key "__proto__" is not allowed.');
        seen.add(name);
      }
    },
  });
  return refused;
}

function locate(contents: unknown, path: readonly PropertyKey[], at: (offset: number) => Position): Position {
  let node = contents;
  let position = FILE_START;
  for (const step of path) {
    const entry = isMap(node) ? entryOf(node, String(step)) : undefined;
    const item = isSeq(node) ? node.items[Number(step)] : undefined;
    const place = entry?.key ?? item;
    if (!isNode(place)) break;
    position = at(place.range?.[0] ?? 0);
    node = entry === undefined ? item : entry.value;
  }
  return position;
}

function entryOf(map: YAMLMap, name: string): { key: unknown; value: unknown } | undefined {
  return map.items.find(({ key }) => isScalar(key) && String(key.value) === name);
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value);
}

/** Never reached, since the first line is checked; it stands in for the engines that would evaluate. */
function denyEngine(): never {
  throw new Error("Only YAML front matter is read.");
}
