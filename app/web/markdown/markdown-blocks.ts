// Cuts a growing reply into blocks that no later text can change, and the open rest. Promises: an update costs what
// the open rest costs, not the whole text; wherever the text was cut on its way, the blocks at its end are the same;
// joined they are the text. Does not render.

import type { Token } from "marked";
import { ReplyLexer } from "./markdown-lexer.ts";

export interface Block {
  readonly markdown: string;
  /** Too long to be lexed again and again: shown as it was written. */
  readonly isPlain: boolean;
}

export interface BlocksUpdate {
  /** The text is not a continuation of the one before: all blocks known so far are void. */
  readonly isRestarted: boolean;
  /** Blocks that are finished since the last update, in their order. */
  readonly finished: readonly Block[];
  /** What may still change; empty in a final text. */
  readonly open: string;
}

/** A block may be this long; a longer one is cut here and is no markdown. */
const MAX_BLOCK_CHARS = 16_384;
/** Code costs one look at each line, and cutting it would turn it inside out. */
const MAX_CODE_CHARS = 262_144;
const FENCE = /^ {0,3}(?:```|~~~)/;
export class MarkdownBlocks {
  /** The finished part, and where the look for whole lines has got to. */
  #done = "";
  #seen = 0;
  #ended: string | undefined;

  /** @param text the whole reply so far @param isFinal whether it is all of it */
  update(text: string, isFinal: boolean): BlocksUpdate {
    const lines = toLineFeeds(text, isFinal);
    const isRestarted = !lines.startsWith(this.#done) || (this.#ended ?? lines) !== lines;
    if (isRestarted) {
      this.#done = "";
      this.#seen = 0;
    } else if (this.#ended !== undefined) return { isRestarted, finished: [], open: "" };
    this.#ended = isFinal ? lines : undefined;
    const finished: Block[] = [];
    let at = this.#done.length;
    const open = () => lines.length - at;
    for (let next = this.#next(lines, at, isFinal); next.length > 0; next = this.#next(lines, at, isFinal)) {
      finished.push(...next);
      for (const { markdown } of next) at += markdown.length;
      this.#seen = at;
      if (open() === 0) break;
    }
    this.#done = lines.slice(0, at);
    return { isRestarted, finished, open: lines.slice(at) };
  }

  /** The blocks after `at` that are finished, as many as one look shows; none where it shows none. */
  #next(text: string, at: number, isFinal: boolean): Block[] {
    const limit = FENCE.test(text.slice(at, at + 8)) ? MAX_CODE_CHARS : MAX_BLOCK_CHARS;
    const isLong = text.length - at > limit;
    if (isFinal && !isLong) return cut(text.slice(at), true);
    // Only whole lines tell: of `2` nobody knows whether it will be `2. `.
    const end = text.lastIndexOf("\n", at + limit - 1) + 1;
    if (!isLong && end <= this.#seen) return [];
    this.#seen = end;
    const blocks = end > at ? cut(text.slice(at, end), false) : [];
    if (blocks.length > 0 || !isLong) return blocks;
    return [{ markdown: text.slice(at, end > at ? end : wholeCharacter(text, at + limit)), isPlain: true }];
  }
}

/** The blocks of some whole lines; without the last ones where more text can reach them. */
function cut(markdown: string, isAll: boolean): Block[] {
  const tokens = new ReplyLexer().lexBlocks(markdown);
  const count = isAll ? tokens.length : finishedCount(tokens);
  const blocks: Block[] = [];
  let at = 0;
  for (const { raw } of tokens.slice(0, count)) {
    // A token that is not what stands there cannot be cut off.
    if (!markdown.startsWith(raw, at)) break;
    blocks.push({ markdown: raw, isPlain: false });
    at += raw.length;
  }
  if (isAll && at < markdown.length) blocks.push({ markdown: markdown.slice(at), isPlain: false });
  return blocks;
}

/** The last block goes on with the next line; a definition before it, too: its title may stand on lines of its own. */
function finishedCount(tokens: readonly Token[]): number {
  let count = tokens.findLastIndex(({ type }) => type !== "space");
  while (count > 0 && tokens[count - 1]?.type === "def") count -= 1;
  return Math.max(count, 0);
}

/** A NUL is replaced, as CommonMark says. Of a `\r` at the end nobody knows yet whether it is half of a line end. */
function toLineFeeds(text: string, isFinal: boolean): string {
  const whole = isFinal || !text.endsWith("\r") ? text : text.slice(0, -1);
  return whole.replace(/\r\n?/g, "\n").replaceAll("\0", "\ufffd");
}

/** The cut, one back if it would part the halves of a character. */
function wholeCharacter(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
