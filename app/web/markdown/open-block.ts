// What the open end of a streaming reply will most likely become: marks that are open are closed, and what is not yet
// known for a block or a mark is held back, so that nothing jumps. Promises: a guess that only the open block sees,
// linear in its length; the final text never passes here. Does not render.

import type { Token, Tokens } from "marked";
import { ReplyLexer } from "./markdown-lexer.ts";
import { closeOpenMarks } from "./open-marks.ts";

/** A last line of which nobody knows yet what it will be: a rule, a list, an underline, a heading, a fence, a quote. */
const UNDECIDED_LINE = /(?:^|\n)[ \t>]*(?:-+|=+|_+|\*+|\++|#{1,6}|`{1,3}|~{1,3}|\d{1,9}[.)]?)?[ \t]*$/;
/** In code: most likely its end. */
const HALF_FENCE = /\n[ \t>]*(?:`{1,2}|~{1,2})$/;
/** A table until its second line is whole; only with a pipe in front, or every sentence with one would wait. */
const UNDECIDED_TABLE = /^ {0,3}\|[^\n]*(?:\n[ \t|:-]*)?$/;

/** @param open the end of a reply, from the beginning of a block */
export function closeOpenBlock(open: string): string {
  const seen = new ReplyLexer().lexBlocks(open);
  // In code every character is itself.
  if (lastToken(seen)?.type === "code" && !open.endsWith("\n")) return open.replace(HALF_FENCE, "");
  const lines = open.replace(UNDECIDED_LINE, "");
  const leaf = lastLeaf(lines === open ? seen : new ReplyLexer().lexBlocks(lines));
  if (leaf === undefined) return lines;
  if (leaf.type === "paragraph" && UNDECIDED_TABLE.test(leaf.text)) {
    return lines.slice(0, Math.max(lines.length - leaf.raw.length, 0));
  }
  return closeOpenMarks(lines, leaf.text);
}

/** The innermost token with words at the end; none where the end is code, or a block that is closed. */
function lastLeaf(tokens: readonly Token[]): { type: string; raw: string; text: string } | undefined {
  const last = lastToken(tokens);
  if (last?.type === "paragraph" || last?.type === "text" || last?.type === "heading") {
    return { type: last.type, raw: last.raw, text: String(last.text) };
  }
  if (!isTable(last)) return undefined;
  const cell = (last.rows.at(-1) ?? last.header).findLast(({ text }) => text !== "");
  return cell && { type: "cell", raw: cell.text, text: cell.text };
}

function lastToken(tokens: readonly Token[]): Token | undefined {
  const last = tokens.findLast(({ type }) => type !== "space");
  if (isList(last)) return lastToken(last.items.at(-1)?.tokens ?? []);
  if (last?.type === "blockquote") return lastToken(last.tokens ?? []);
  return last;
}

function isList(token: Token | undefined): token is Tokens.List {
  return token?.type === "list";
}

function isTable(token: Token | undefined): token is Tokens.Table {
  return token?.type === "table";
}
