// Shows a reply as markdown while it streams, in the page or in a shadow root. Promises: only the last block is
// rendered again; the nodes of a finished one are not touched, but for a definition that makes a link of its words;
// the end is what the whole text would have given at once; whatever the model writes, nothing runs and nothing loads.

import { addCopyButtons, type CopyLabels, listenForCopying } from "./code-copy.ts";
import { type Block, MarkdownBlocks } from "./markdown-blocks.ts";
import { lexBlock } from "./markdown-html.ts";
import { createLinks } from "./markdown-lexer.ts";
import { patchChildren, patchNode } from "./node-patch.ts";
import { closeOpenBlock } from "./open-block.ts";
import { sanitize } from "./sanitize.ts";

/** A finished block that a later definition may make a link of. */
interface ReferringBlock {
  readonly block: Block;
  readonly node: ChildNode;
}

export class MarkdownView {
  readonly #root: HTMLElement;
  readonly #labels: CopyLabels;
  readonly #blocks = new MarkdownBlocks();
  #links = createLinks();
  #referring: ReferringBlock[] = [];
  #finishedNodes = 0;

  /** @param root an element that holds nothing else */
  constructor(root: HTMLElement, { labels }: { readonly labels: CopyLabels }) {
    this.#root = root;
    this.#labels = labels;
    // Characters that turn the writing direction end here.
    root.style.unicodeBidi = "isolate";
    listenForCopying(root, labels);
  }

  /** @param text the whole reply so far @param isFinal whether it is all of it */
  update(text: string, isFinal: boolean): void {
    const { isRestarted, finished, open } = this.#blocks.update(text, isFinal);
    if (isRestarted) this.#forget();
    const known = new Set(Object.keys(this.#links));
    // First what they define, then their words: a link may stand before its definition.
    const renders = finished.map((block) => ({ block, render: lexBlock(block, this.#links) }));
    if (Object.keys(this.#links).some((label) => !known.has(label))) this.#renderAgain();
    const made = renders
      .map(({ block, render }) => ({ block, html: render() }))
      .filter(({ html }) => html !== "");
    patchChildren(this.#root, this.#finishedNodes, [...this.#nodesOf(made), ...this.#openNodes(open)]);
    for (const { block } of made) this.#keep(block);
  }

  /** The nodes stay until they are compared with the new ones. */
  #forget(): void {
    this.#links = createLinks();
    this.#referring = [];
    this.#finishedNodes = 0;
  }

  #openNodes(open: string): readonly Node[] {
    if (open.trim() === "") return [];
    const block = { markdown: closeOpenBlock(open), isPlain: false };
    const html = lexBlock(block, Object.assign(createLinks(), this.#links))();
    return html === "" ? [] : this.#nodesOf([{ block, html }]);
  }

  #keep(block: Block): void {
    const node = this.#root.childNodes[this.#finishedNodes];
    this.#finishedNodes += 1;
    if (node && block.markdown.includes("[")) this.#referring.push({ block, node });
  }

  /** Only what differs is touched: words that have become a link. */
  #renderAgain(): void {
    for (const { block, node } of this.#referring) {
      const [want] = this.#nodesOf([{ block, html: lexBlock(block, this.#links)() }]);
      if (want) patchNode(node, want);
    }
  }

  /** All in one go: a sanitizer's document for every paragraph would be the most of the work. */
  #nodesOf(parts: readonly { readonly block: Block; readonly html: string }[]): ChildNode[] {
    if (parts.length === 0) return [];
    try {
      const fragment = sanitize(parts.map(({ html }) => html).join(""));
      for (const plain of fragment.querySelectorAll<HTMLElement>("[data-plain]")) asWritten(plain);
      addCopyButtons(fragment, this.#labels);
      return [...fragment.childNodes];
    } catch {
      // A page that forbids all making of nodes shows the words at least.
      return parts.map(({ block }) => {
        const paragraph = document.createElement("p");
        paragraph.textContent = block.markdown;
        asWritten(paragraph);
        return paragraph;
      });
    }
  }
}

/** Through the object model: an attribute would be against a strict content policy. */
function asWritten(paragraph: HTMLElement): void {
  paragraph.style.whiteSpace = "pre-wrap";
  paragraph.style.overflowWrap = "anywhere";
}
