// What one block of a reply is to be: words, and elements of a closed list, as plain data. Promises: nothing the model wrote is an element or the name of an attribute; a link leads to a whole web or
// mail address, or nowhere; images are their description. Makes no nodes.

import type { Links, MarkedToken, Token, Tokens } from "marked";
import { decodeReferences } from "./character-references.ts";
import type { Block } from "./markdown-blocks.ts";
import { ReplyLexer } from "./markdown-lexer.ts";

type Inline = "a" | "br" | "code" | "del" | "em" | "strong";
type TablePart = "table" | "tbody" | "td" | "th" | "thead" | "tr";
export type Name =
  | Inline
  | TablePart
  | "blockquote"
  | "hr"
  | "li"
  | "ol"
  | "p"
  | "pre"
  | "ul"
  | `h${3 | 4 | 5 | 6}`;
export type Attribute = "align" | "class" | "dir" | "href" | "rel" | "start" | "target";

export interface Branch {
  readonly name: Name;
  readonly attributes: Readonly<Partial<Record<Attribute, string>>>;
  readonly children: readonly Part[];
  /** Shown with the spaces and line ends it has. */
  readonly isAsWritten?: true;
}
export type Part = string | Branch;

/** Each in a direction of its own: what a block does to the order of its characters ends with it. */
const AUTO = { dir: "auto" } as const;
/** The page has a title and the widget a heading: what a persona calls its first heading comes below them. */
const HEADINGS = ["h3", "h4", "h5"] as const;
/** With the slashes: `https:/x` is an address of the page's own site, to a browser on a page of https. */
const OUTSIDE = /^(?:https?:\/\/|mailto:)/i;

/**
 * The first step of two, so that all blocks' definitions are known before words are written.
 * @param links definitions to use; the block's own are added
 */
export function lexBlock({ markdown, isPlain }: Block, links: Links): () => readonly Part[] {
  const asWritten = () => [{ ...branch("p", [markdown]), isAsWritten: true } as const];
  if (isPlain) return asWritten;
  try {
    const lexer = new ReplyLexer(links);
    lexer.lexBlocks(markdown);
    return () => {
      try {
        return writeAll(lexer.lexWords());
      } catch {
        return asWritten();
      }
    };
  } catch {
    // marked gave up on it: then it is shown as it was written.
    return asWritten;
  }
}

function branch(name: Name, children: readonly Part[], attributes: Branch["attributes"] = AUTO): Branch {
  return { name, attributes, children };
}

function writeAll(tokens: readonly Token[] = []): Part[] {
  return tokens.flatMap((token) => (isKnown(token) ? write(token) : []));
}

/** Other types come only from extensions, of which there are none. */
function isKnown(token: Token): token is MarkedToken {
  return token.type !== "";
}

function write(token: MarkedToken): Part | readonly Part[] {
  switch (token.type) {
    case "paragraph":
      return branch("p", writeAll(token.tokens));
    case "heading":
      return branch(HEADINGS[token.depth - 1] ?? "h6", writeAll(token.tokens));
    case "code":
      return writeCode(token);
    case "list":
      return writeList(token);
    case "blockquote":
      return branch("blockquote", writeAll(token.tokens));
    case "table":
      return writeTable(token);
    case "hr":
      return branch("hr", [], {});
    default:
      return writeInline(token);
  }
}

function writeInline(token: MarkedToken): Part | readonly Part[] {
  switch (token.type) {
    case "text":
      return token.tokens ? writeAll(token.tokens) : decodeReferences(token.text);
    case "escape":
      return token.text;
    case "strong":
    case "em":
    case "del":
      return branch(token.type, writeAll(token.tokens), {});
    case "codespan":
      return branch("code", [token.text]);
    case "br":
    // The only HTML the lexer knows.
    case "html":
      return branch("br", [], {});
    case "link":
      return writeLink(token);
    case "image":
      return decodeReferences(token.text);
    case "checkbox":
      return token.checked ? "☑ " : "☐ ";
    default:
      return [];
  }
}

function writeCode({ text, lang }: Tokens.Code): Branch {
  const language = /^[\w+#.-]{1,32}/.exec(lang ?? "")?.[0];
  const code = branch("code", [text], language === undefined ? {} : { class: `language-${language}` });
  return branch("pre", [code], { dir: "ltr" });
}

function writeList({ ordered, start, items }: Tokens.List): Branch {
  const children = items.map(({ tokens }) => branch("li", writeAll(tokens)));
  const first = ordered && start !== 1 ? { start: String(start) } : {};
  return branch(ordered ? "ol" : "ul", children, { ...first, ...AUTO });
}

function writeTable({ header, rows }: Tokens.Table): Branch {
  const row = (cells: readonly Tokens.TableCell[]) => branch("tr", cells.map(writeCell), {});
  const body = rows.length > 0 ? [branch("tbody", rows.map(row), {})] : [];
  return branch("table", [branch("thead", [row(header)], {}), ...body], {});
}

function writeCell({ tokens, header, align }: Tokens.TableCell): Branch {
  return branch(header ? "th" : "td", writeAll(tokens), align === null ? AUTO : { align, ...AUTO });
}

/** Without the title: a hint that says one thing over a link that does another helps nobody. */
function writeLink({ href, text, tokens, autolink }: Tokens.Link): Part | readonly Part[] {
  // An address in angle brackets is as it is written.
  const words = autolink ? [text] : writeAll(tokens);
  // marked lets such an address stand in another link's words: a link that says where it leads is the one that stays.
  if (hasLink(words)) return words;
  const address = toOutside(autolink ? href : decodeReferences(href));
  const outside = { href: address, rel: "noopener nofollow ugc", target: "_blank" };
  return branch("a", words, address === "" ? AUTO : { ...AUTO, ...outside });
}

function hasLink(parts: readonly Part[]): boolean {
  return parts.some((part) => typeof part !== "string" && (part.name === "a" || hasLink(part.children)));
}

/**
 * Whole addresses only: where a relative one leads depends on the page the widget stands in. Angle brackets are written
 * as addresses have them, so that nothing that reads the page's HTML takes them for the end of something.
 */
function toOutside(address: string): string {
  const whole = address.trim();
  if (!OUTSIDE.test(whole) || !URL.canParse(whole)) return "";
  return whole.replace(/[<>]/g, (bracket) => encodeURIComponent(bracket));
}
