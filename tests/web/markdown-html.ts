// What a reply's blocks become, as HTML to compare and to read: the tree written as a browser writes its nodes. Only in
// tests: the product makes no HTML.

import type { Block } from "#app/web/markdown/markdown-blocks.ts";
import { createLinks } from "#app/web/markdown/markdown-lexer.ts";
import { lexBlock, type Part } from "#app/web/markdown/markdown-tree.ts";

export function toHtml(blocks: readonly Block[]): string {
  const links = createLinks();
  return blocks
    .map((block) => lexBlock(block, links))
    .flatMap((rendered) => rendered())
    .map(write)
    .join("");
}

/** The HTML of a text that is one block, or is not cut. */
export const htmlOf = (markdown: string): string => toHtml([{ markdown, isPlain: false }]);

function write(part: Part): string {
  if (typeof part === "string") return part.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const { name, attributes, children, isAsWritten } = part;
  const written = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${value.replaceAll('"', "&quot;")}"`,
  );
  if (isAsWritten) written.push(" style");
  return `<${name}${written.join("")}>${children.map(write).join("")}</${name}>`;
}
