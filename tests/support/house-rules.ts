// The rules that hold the house, as functions from source facts to findings; tests/architecture.test.ts applies them.
// Promises: a finding names file and line. Layers, doors and cycles are in house-imports.ts.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { NamedPlace, SourceFacts } from "./source-facts.ts";

export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly problem: string;
}

const MAX_LINES = 300;
const MAX_FUNCTION_LINES = 40;
/** Of values: a vocabulary of types (models/persona.ts) is one concept however many names it has. */
const MAX_EXPORTS = 7;
const NAMELESS_FOLDERS = new Set(["utils", "util", "helpers", "helper", "common", "shared"]);
const BANNED: Readonly<Record<string, string>> = {
  any: "`any` gives up checking: use `unknown` and a guard, or a zod schema",
  "!": "a `!` asserts what it does not check: test for undefined",
  enum: "no enum: it is not erasable syntax; use a union of literals",
  console: "no console: log through core/logging.ts",
};
/** The process itself, and the build of the browser's files, which is a process of its own. */
const PROCESS_OWNERS = new Set(["app/main.ts", "app/web/bundle.ts"]);
const PROCESS_MEMBERS = /^process\.(?:env|on|once|off|addListener|exit|exitCode|kill|abort)$/;

/** Rules that look at one file of app/ or tests/. */
export function checkFile(file: SourceFacts): Finding[] {
  const inApp = file.path.startsWith("app/");
  const at = (line: number, problem: string): Finding => ({ path: file.path, line, problem });
  const each = (places: readonly NamedPlace[], problem: (name: string) => string | undefined) =>
    places.flatMap(({ name, line }) => {
      const found = problem(name);
      return found === undefined ? [] : [at(line, found)];
    });
  return [
    ...shapeProblems(file).map(({ line, name }) => at(line, name)),
    ...each(file.uses, (name) => (Object.hasOwn(BANNED, name) ? BANNED[name] : undefined)),
    ...each(file.uses, (name) =>
      inApp && !PROCESS_OWNERS.has(file.path) && PROCESS_MEMBERS.test(name)
        ? `${name} belongs to main.ts: take the value as an argument`
        : undefined,
    ),
    ...each(file.exports, (name) =>
      name === "default" ? "no default export: export it by its name" : undefined,
    ),
    ...each(file.exports, (name) =>
      name === "*" ? "no `export *`: import from the file that has it" : undefined,
    ),
    ...file.functions
      .filter(({ lines }) => inApp && lines > MAX_FUNCTION_LINES)
      .map(({ name, line, lines }) => at(line, `${name} has ${lines} lines, at most ${MAX_FUNCTION_LINES}`)),
  ];
}

/** Size, opening comment, name and folder. */
function shapeProblems(file: SourceFacts): NamedPlace[] {
  const lines = file.text.replace(/\n$/, "").split("\n");
  const folders = file.path.split("/").slice(0, -1);
  const problems: NamedPlace[] = [];
  const add = (line: number, name: string) => problems.push({ line, name });
  if (lines.length > MAX_LINES)
    add(MAX_LINES + 1, `${lines.length} lines, at most ${MAX_LINES}: split by concept`);
  if (!/^(?:#!.*\n)?\/[/*]/.test(file.text))
    add(1, "opens without a comment that says what it is and promises");
  if (/\/index\.[cm]?[jt]s$/.test(file.path)) add(1, "no barrel: name the file after its concept");
  for (const folder of folders.filter((name) => NAMELESS_FOLDERS.has(name)))
    add(1, `${folder}/ names no concept`);
  if (file.exports.length > MAX_EXPORTS) {
    const eighth = file.exports[MAX_EXPORTS]?.line ?? 1;
    add(eighth, `${file.exports.length} exports, at most ${MAX_EXPORTS}: split by concept`);
  }
  for (const [index, line] of lines.entries()) {
    if (/^\s*(?:\/\/|\/?\*).*@ts-(?:ignore|nocheck)/.test(line))
      add(index + 1, "the compiler is not to be silenced");
  }
  return problems;
}

/** `path:line: problem`, one a line, for an assertion's message. */
export function formatFindings(findings: readonly Finding[]): string {
  return findings.map(({ path, line, problem }) => `${path}:${line}: ${problem}`).join("\n");
}

/** The sources below the given folders of the repository, by path. */
export function readSources(root: string, folders: readonly string[]): Record<string, string> {
  const paths = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => /\.[cm]?tsx?$/.test(path))
      .map((path) => `${folder}/${path}`),
  );
  return Object.fromEntries(paths.toSorted().map((path) => [path, readFileSync(join(root, path), "utf8")]));
}
