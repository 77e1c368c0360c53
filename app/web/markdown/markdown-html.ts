// Markdown of one block as HTML, before it is sanitized. Promises: one element a block, or none; nothing the model
// wrote comes out as a tag; images are their description; headings begin at the third level, below those of the page.
// Writes the HTML of marked's tokens itself: marked's own writer would cost every visitor 1.5 kB.

import type { Links, MarkedToken, Token, Tokens } from "marked";
import type { Block } from "./markdown-blocks.ts";
import { ReplyLexer } from "./markdown-lexer.ts";

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
/** An `&` that begins no character reference: those of words and addresses are left to the browser. */
const BARE = /[<>"]|&(?!(?:#\d{1,7}|#x[\da-f]{1,6}|\w+);)/gi;
/** The page has a title and the widget a heading: what a persona calls its first heading comes below them. */
const HEADING_OFFSET = 2;
/** Each in a direction of its own: what a block does to the order of its characters ends with it. */
const AUTO = 'dir="auto"';

/**
 * The first step of two, so that all blocks' definitions are known before words are written.
 * @param links definitions to use; the block's own are added
 */
export function lexBlock({ markdown, isPlain }: Block, links: Links): () => string {
  if (isPlain) return () => plainHtml(markdown);
  try {
    const lexer = new ReplyLexer(links);
    lexer.lexBlocks(markdown);
    return () => writeLexed(lexer, markdown);
  } catch {
    // marked gave up on it: then it is shown as it was written.
    return () => plainHtml(markdown);
  }
}

function writeLexed(lexer: ReplyLexer, markdown: string): string {
  try {
    return writeAll(lexer.lexWords());
  } catch {
    return plainHtml(markdown);
  }
}

function writeAll(tokens: readonly Token[] | undefined): string {
  return (tokens ?? []).map((token) => (isKnown(token) ? write(token) : "")).join("");
}

/** Other types come only from extensions, of which there are none. */
function isKnown(token: Token): token is MarkedToken {
  return token.type !== "";
}

function write(token: MarkedToken): string {
  switch (token.type) {
    case "paragraph":
      return element("p", AUTO, writeAll(token.tokens));
    case "heading":
      return element(`h${Math.min(token.depth + HEADING_OFFSET, 6)}`, AUTO, writeAll(token.tokens));
    case "code":
      return writeCode(token);
    case "list":
      return writeList(token);
    case "blockquote":
      return element("blockquote", AUTO, writeAll(token.tokens));
    case "table":
      return writeTable(token);
    case "hr":
      return "<hr>";
    default:
      return writeInline(token);
  }
}

function writeInline(token: MarkedToken): string {
  switch (token.type) {
    case "text":
      return token.tokens ? writeAll(token.tokens) : escapeWords(token.text);
    case "escape":
      return escapeWords(token.text);
    case "strong":
    case "em":
    case "del":
      return `<${token.type}>${writeAll(token.tokens)}</${token.type}>`;
    case "codespan":
      return element("code", AUTO, escapeAll(token.text));
    case "br":
    // The only HTML the lexer knows.
    case "html":
      return "<br>";
    case "link":
      return writeLink(token);
    case "image":
      return escapeWords(token.text);
    case "checkbox":
      return token.checked ? "☑ " : "☐ ";
    default:
      return "";
  }
}

function writeCode({ text, lang }: Tokens.Code): string {
  const language = /^[\w+#.-]{1,32}/.exec(lang ?? "")?.[0];
  const name = language === undefined ? "" : ` class="language-${language}"`;
  return `<pre dir="ltr"><code${name}>${escapeAll(text)}</code></pre>`;
}

function writeList({ ordered, start, items }: Tokens.List): string {
  const first = ordered && start !== 1 ? `start="${start}" ` : "";
  const body = items.map(({ tokens }) => element("li", AUTO, writeAll(tokens))).join("");
  return element(ordered ? "ol" : "ul", first + AUTO, body);
}

function writeTable({ header, rows }: Tokens.Table): string {
  const row = (cells: readonly Tokens.TableCell[]) => `<tr>${cells.map(writeCell).join("")}</tr>`;
  const body = rows.length > 0 ? `<tbody>${rows.map(row).join("")}</tbody>` : "";
  return `<table><thead>${row(header)}</thead>${body}</table>`;
}

function writeCell({ tokens, header, align }: Tokens.TableCell): string {
  return element(header ? "th" : "td", align === null ? AUTO : `align="${align}" ${AUTO}`, writeAll(tokens));
}

/** Without the title: a hint that says one thing over a link that does another helps nobody. */
function writeLink({ href, text, tokens, autolink }: Tokens.Link): string {
  const words = autolink ? escapeAll(text) : writeAll(tokens);
  return element("a", `${AUTO} href="${autolink ? escapeAll(href) : escapeWords(href)}"`, words);
}

function element(name: string, attributes: string, content: string): string {
  return `<${name} ${attributes}>${content}</${name}>`;
}

/** `data-plain` is the view's word to itself; nothing in markdown gives an attribute. */
function plainHtml(text: string): string {
  return element("p", `${AUTO} data-plain`, escapeAll(text));
}

function escapeAll(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? character);
}

function escapeWords(text: string): string {
  return text.replace(BARE, (character) => ESCAPES[character] ?? character);
}
