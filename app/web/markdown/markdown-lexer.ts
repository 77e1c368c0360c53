// The dialect of replies: marked's GitHub flavour, but HTML is text (only `<br>` breaks a line), and no input is
// expensive. Promises: lexing never throws for depth, and its cost is bounded by the length of what is handed in.
// What passes a limit is shown as it was written. Does not render.

import { Lexer, type Links, type Token, Tokenizer, type Tokens } from "marked";

/** Quotes and lists in each other; deeper ones are text. marked calls itself for every level: 1,000 overflow the stack. */
const MAX_BLOCK_DEPTH = 12;
/** Emphasis and links in each other. */
const MAX_INLINE_DEPTH = 16;
/**
 * marked looks from every mark to the end of its paragraph. Marks times length is the worst case of that (long runs
 * of `[`, `*a `, `a.b-c_`), here some 15 ms; a paragraph of prose has a hundredth of it.
 */
const MAX_INLINE_WORK = 1_500_000;
/**
 * For every line that goes on with a quote lazily (`> - a`, then `b`) marked begins the quote's last list again: 16 kB
 * of them take 200 ms. Lines times length; a quote of 4 kB may have 50.
 */
const MAX_LAZY_WORK = 200_000;
/**
 * GitHub's tables fill every row up to the width of the first: a line of `|` is as many cells, and 2 kB of them are
 * 126,000 elements. Those of one list or quote count together, since it is rendered as a whole.
 */
const MAX_TABLE_CELLS = 2_000;
const MARKS = /[*_~[\]<`@\\!&]/g;

const BREAK = /^<br *\/?>/i;
const BLANK_LINE = /\n[ \t]*\n/;
/** For marked a row of a table, unlike a line of spaces. */
const TABBED_LINE = /\n *\t[ \t]*\n/;
/** What underlines a heading, with blanks behind it. */
const UNDERLINE = /^([ \t>]*(?:=+|-+))([ \t]+)$/gm;

class ReplyTokenizer extends Tokenizer {
  #depth = 0;
  /** In the tables of the list or quote that is being read. */
  #cells = 0;

  override html(): undefined {
    return undefined;
  }

  override tag(src: string): Tokens.Tag | undefined {
    const raw = BREAK.exec(src)?.[0];
    if (raw === undefined) return undefined;
    return { type: "html", raw, text: "<br>", inLink: false, inRawBlock: false, block: false };
  }

  /** As it was written: references are decoded where words are made, each once. */
  override inlineText(src: string): Tokens.Text | undefined {
    const raw = this.rules.inline.text.exec(src)?.[0];
    return raw === undefined ? undefined : { type: "text", raw, text: raw, escaped: false };
  }

  override blockquote(src: string): Tokens.Blockquote | undefined {
    const quote = this.rules.block.blockquote.exec(src)?.[0];
    if (quote === undefined || isLazy(quote)) return undefined;
    return this.#nest(() => super.blockquote(src));
  }

  override list(src: string): Tokens.List | undefined {
    return this.#nest(() => super.list(src));
  }

  override table(src: string): Tokens.Table | undefined {
    const [table = "", header = ""] = this.rules.block.table.exec(src) ?? [];
    const cells = table.split("\n").length * header.split("|").length;
    if (this.#cells + cells > MAX_TABLE_CELLS) return undefined;
    if (this.#depth > 0) this.#cells += cells;
    const blank = TABBED_LINE.exec(table);
    return super.table(blank ? src.slice(0, blank.index + 1) : src);
  }

  /** CommonMark ends a title at a blank line; marked does not, and would take back what stands below it. */
  override def(src: string): Tokens.Def | undefined {
    if (!/^ {0,3}\[/.test(src)) return undefined;
    const blank = BLANK_LINE.exec(src);
    return super.def(blank ? src.slice(0, blank.index + blank[0].length) : src);
  }

  #nest<T>(lex: () => T | undefined): T | undefined {
    if (this.#depth >= MAX_BLOCK_DEPTH) return undefined;
    if (this.#depth === 0) this.#cells = 0;
    const { state, inlineQueue } = this.lexer;
    const [before, queued] = [{ ...state }, inlineQueue.length];
    this.#depth += 1;
    try {
      return lex();
    } catch {
      // marked 18 throws at some quotes whose list goes on lazily (`> 1. ` and a line below): then it is text.
      inlineQueue.length = queued;
      Object.assign(state, before);
      return undefined;
    } finally {
      this.#depth -= 1;
    }
  }
}

/** Lexes one piece of markdown, in two steps: what it defines is known before its words are looked at. */
export class ReplyLexer extends Lexer {
  #inlineDepth = 0;

  /** @param links definitions to use; those found are added, the first of a label stays */
  constructor(links: Links = createLinks()) {
    super({ gfm: true, tokenizer: new ReplyTokenizer() });
    this.tokens.links = links;
  }

  /** The blocks; their words are empty until `lexWords`. Line ends must be `\n`. */
  lexBlocks(markdown: string): readonly Token[] {
    const tokens = this.blockTokens(withoutUnderlineTabs(markdown), this.tokens);
    let at = 0;
    for (const token of tokens) {
      const end = at + token.raw.length;
      token.raw = markdown.slice(at, end);
      at = end;
    }
    return tokens;
  }

  lexWords(): readonly Token[] {
    for (const { src, tokens } of this.inlineQueue.splice(0)) this.inlineTokens(withoutIndents(src), tokens);
    return this.tokens;
  }

  override inlineTokens(src: string, tokens: Token[] = []): Token[] {
    if (this.#inlineDepth >= MAX_INLINE_DEPTH || isCostly(src)) {
      tokens.push({ type: "text", raw: src, text: src, escaped: false });
      return tokens;
    }
    this.#inlineDepth += 1;
    try {
      return super.inlineTokens(src, tokens);
    } finally {
      this.#inlineDepth -= 1;
    }
  }
}

/** Labels come from the model: no prototype. */
export function createLinks(): Links {
  return Object.create(null);
}

/**
 * A tab behind `===` makes marked take a list's lazy line for the underline of a heading, a space does not. They mean
 * the same; only in code, at the end of such a line, are they another character. The length is kept.
 */
function withoutUnderlineTabs(markdown: string): string {
  return markdown.replace(UNDERLINE, (_, line: string, blanks: string) => line + " ".repeat(blanks.length));
}

function isLazy(quote: string): boolean {
  const lazyLines = quote.match(/^(?! {0,3}>).+$/gm)?.length ?? 0;
  return lazyLines * quote.length > MAX_LAZY_WORK;
}

/** CommonMark drops the indents of a paragraph's lines; marked keeps some, depending on what follows the paragraph. */
function withoutIndents(words: string): string {
  return words.replace(/\n[ \t]+/g, "\n").trim();
}

function isCostly(words: string): boolean {
  if (words.length ** 2 <= MAX_INLINE_WORK) return false;
  return words.length * (words.match(MARKS)?.length ?? 0) > MAX_INLINE_WORK;
}
