// Makes the nodes of a reply, one by one, through the object model. Promises: no string is ever read as HTML, so a page
// with the strictest content policy and Trusted Types has nothing to refuse; code blocks come with their copy button.

import { createElement } from "#app/web/element.ts";
import { createCodeBlock } from "./code-copy.ts";
import type { Part } from "./markdown-tree.ts";

/** @param copyLabel what copy buttons say @returns a node whose neighbouring words are one text each */
export function createNode(part: Part, copyLabel: string): ChildNode {
  const node = make(part, copyLabel);
  node.normalize();
  return node;
}

function make(part: Part, copyLabel: string): ChildNode {
  if (typeof part === "string") return document.createTextNode(part);
  const { name, attributes } = part;
  const element = createElement(name, {
    attributes,
    children: part.children.map((child) => make(child, copyLabel)),
  });
  // An attribute of style would be against a strict content policy.
  if (part.isAsWritten) Object.assign(element.style, { whiteSpace: "pre-wrap", overflowWrap: "anywhere" });
  return name === "pre" ? createCodeBlock(element, copyLabel) : element;
}
