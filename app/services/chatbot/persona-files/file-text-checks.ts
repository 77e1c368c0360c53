// Checks of a file's whole text, front matter included: placeholders that nothing fills in, and secrets.

import type { ProblemList } from "./persona-problems.ts";

/** Any double brace that does not open one of the two placeholders. */
const UNKNOWN_PLACEHOLDER = /\{\{(?!(?:char|user)\}\})/g;

interface SecretForm {
  readonly what: string;
  readonly pattern: RegExp;
}

// Lengths are bounded, so that a line made to match slowly cannot.
const SECRET_FORMS: readonly SecretForm[] = [
  { what: "an API key", pattern: /\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,400}/g },
  { what: "a cloud access key", pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g },
  { what: "a cloud API key", pattern: /\bAIza[0-9A-Za-z_-]{35}/g },
  { what: "a code host's token", pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{30,255})/g },
  { what: "a chat service's token", pattern: /\bxox[abeprs]-[A-Za-z0-9-]{10,255}/g },
  { what: "a signed token", pattern: /\beyJ[\w-]{10,400}\.eyJ[\w-]{10,400}\./g },
  { what: "a private key", pattern: /-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY/g },
  {
    what: "a key or password",
    // A digit within: a long word after "key:" is a title, not a key.
    pattern:
      /(?:key|token|secret|passw(?:or)?d)["']?[ \t]{0,5}[:=][ \t]{0,5}["']?(?=[A-Za-z+/_-]{0,80}\d)[A-Za-z0-9+/_-]{32,}/gi,
  },
];

/** Reports every finding of a normalised text. A secret's own text is never repeated in the message. */
export function checkFileText(text: string, problems: ProblemList): void {
  for (const [index, line] of text.split("\n").entries()) {
    const at = (offset: number) => ({ line: index + 1, column: offset + 1 });
    for (const { index: offset } of line.matchAll(UNKNOWN_PLACEHOLDER)) {
      const shown = /^\{\{[^{}]{0,40}\}\}/.exec(line.slice(offset, offset + 60))?.[0] ?? "{{";
      const message = `"${shown}" is not a placeholder; there are {{char}} and {{user}}.`;
      problems.error("unknown-placeholder", at(offset), message);
    }
    for (const { what, pattern } of SECRET_FORMS) {
      for (const { index: offset } of line.matchAll(pattern)) {
        problems.error("secret", at(offset), `This looks like ${what}; take it out and have it replaced.`);
      }
    }
  }
}
