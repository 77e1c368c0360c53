// What is wrong with a file: collecting, ordering and printing. The rule names are closed here.

import type { PersonaProblem } from "#app/models/persona.ts";

/** A place in a file; lines and columns (UTF-16 units) count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export type ErrorRule =
  | "duplicate-id"
  | "encoding"
  | "extends-missing"
  | "frontmatter-language"
  | "frontmatter-missing"
  | "frontmatter-unclosed"
  | "id-not-file-name"
  | "language-missing"
  | "missing-section"
  | "model-not-allowed"
  | "path-outside"
  | "schema"
  | "secret"
  | "too-large"
  | "unknown-key"
  | "unknown-placeholder"
  | "unreadable"
  | "yaml";

export type WarningRule =
  | "empty-never"
  | "long-greeting"
  | "malformed-example"
  | "no-examples"
  | "unclosed-fence"
  | "unknown-section"
  | "unreachable-knowledge";

export const FILE_START: Position = { line: 1, column: 1 };

/** A file with more findings than this is not being corrected line by line; the rest would only fill the log. */
const MAX_PROBLEMS = 100;

/** The findings of one file, in the order in which they were made. */
export class ProblemList {
  readonly path: string;
  readonly #problems: PersonaProblem[] = [];
  #errors = 0;

  constructor(path: string) {
    this.path = path;
  }

  error(rule: ErrorRule, at: Position, message: string): void {
    this.#errors += 1;
    this.#add("error", rule, at, message);
  }

  warning(rule: WarningRule, at: Position, message: string): void {
    this.#add("warning", rule, at, message);
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  get all(): readonly PersonaProblem[] {
    return this.#problems;
  }

  #add(severity: PersonaProblem["severity"], rule: string, at: Position, message: string): void {
    if (this.#problems.length >= MAX_PROBLEMS) return;
    this.#problems.push({ path: this.path, line: at.line, column: at.column, severity, rule, message });
  }
}

/** `path:line:col: severity [rule] message` */
export function formatProblem(problem: PersonaProblem): string {
  const { path, line, column, severity, rule, message } = problem;
  return `${path}:${line}:${column}: ${severity} [${rule}] ${message}`;
}

/** Errors first, then by path, line and column. */
export function sortProblems(problems: readonly PersonaProblem[]): PersonaProblem[] {
  return problems.toSorted(
    (a, b) =>
      Number(a.severity === "warning") - Number(b.severity === "warning") ||
      compareText(a.path, b.path) ||
      a.line - b.line ||
      a.column - b.column,
  );
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
