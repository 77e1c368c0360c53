// Looks through everything that leaves a server, frames and log lines, for what must never be in it: a key of the
// provider, a resume token that is not the reader's own, a stack, a word of the system prompt; in a log also what was said.
// A log keeps an error's stack for its operator, in the field of that name: there and nowhere else it may stand.
// Promises: the first find of a text throws, with what was found and where, and with no more of it than that.

import assert from "node:assert/strict";

/** The key that instances are started with. */
export const PROVIDER_KEY = "sk-fault-7f3a9c51e2";

/** Where no prompt may show: its first line, whoever answers, and the first words of the main persona's part of it. */
export const PROMPT_MARKS = [
  "You speak in character in a live chat on a website.",
  "Augusta Ada King, Countess of Lovelace, born Byron",
] as const;

const EVERYWHERE: readonly (readonly [string, RegExp])[] = [
  ["a key", /sk-(?:fault|test|secret)/],
  ["an authorization", /\bBearer /],
  ["the prompt", new RegExp(PROMPT_MARKS.map((mark) => mark.replaceAll(".", "\\.")).join("|"))],
];
/** `at name (file:///…:1:2)`, `at /…:1:2`, `at async node:internal/…`. */
const STACK = /\bat (?:[^\s"]+ ){0,4}\(?(?:file:\/\/|node:|\/)[^\s"]*:\d+:\d+/;
/** The field of a JSON line that the log's own door writes for an error. */
const STACK_FIELD = /"stack":"(?:[^"\\]|\\.)*"/g;
/** What visitors and the scripted models say. */
const SAID = /Order \S+: \d+ words, pace|·\d+→😀|\bQuestion \d+\b/;
/** As an own pair's token looks, standing by itself. */
const TOKEN = /(?<![\w-])[\w-]{22}(?![\w-])/g;

export interface Pair {
  readonly conversationId: string;
  readonly resumeToken: string;
}

/** Knows the tokens of the conversations of this process's tests; looks for them and for all the rest. */
export class LeakWatch {
  readonly #ownerOf = new Map<string, string>();

  /** From now on its token may only be shown to readers of its conversation. */
  guard({ conversationId, resumeToken }: Pair): void {
    this.#ownerOf.set(resumeToken, conversationId);
  }

  /** @param conversationId of the connection that the frame came over */
  assertFrame(text: string, conversationId: string): void {
    for (const [what, pattern] of EVERYWHERE) refuse(what, pattern, text);
    refuse("a stack", STACK, text);
    for (const [token] of text.matchAll(TOKEN)) {
      const owner = this.#ownerOf.get(token);
      assert.ok(owner === undefined || owner === conversationId, `a frame holds another's token`);
    }
  }

  /** Of a log, or of standard error. */
  assertLine(text: string): void {
    for (const [what, pattern] of EVERYWHERE) refuse(what, pattern, text);
    refuse("a stack", STACK, text.replaceAll(STACK_FIELD, ""));
    refuse("what was said", SAID, text);
    for (const [token] of text.matchAll(TOKEN))
      assert.ok(!this.#ownerOf.has(token), `a line holds a resume token: ${text.slice(0, 80)}`);
  }
}

/** What all fault stories of this process share. */
export const leakWatch = new LeakWatch();

function refuse(what: string, pattern: RegExp, text: string): void {
  const found = pattern.exec(text);
  assert.equal(found, null, `${what} has got out: ${text.slice(0, 60)} … ${found?.[0]}`);
}
