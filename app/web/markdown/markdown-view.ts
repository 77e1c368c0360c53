// Shows a reply as markdown while it streams, in the page or in a shadow root. Promises: only the last block is
// rendered again; the nodes of a finished one are not touched, but for a definition that makes a link of its words;
// the end is what the whole text would have given at once; whatever the model writes, nothing runs and nothing loads.

import { type CopyLabels, listenForCopying } from "./code-copy.ts";
import { type Block, MarkdownBlocks } from "./markdown-blocks.ts";
import { createLinks } from "./markdown-lexer.ts";
import { createNode } from "./markdown-nodes.ts";
import { lexBlock, type Part } from "./markdown-tree.ts";
import { patchChildren, patchNode } from "./node-patch.ts";
import { closeOpenBlock } from "./open-block.ts";

/** A finished block that a later definition may make a link of. */
interface ReferringBlock {
  readonly block: Block;
  /** Which of the root's children is its first. */
  readonly at: number;
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
    const known = Object.keys(this.#links).length;
    // First what they define, then their words: a link may stand before its definition.
    const renders = finished.map((block) => ({ block, render: lexBlock(block, this.#links) }));
    if (Object.keys(this.#links).length > known) this.#renderAgain();
    const from = this.#finishedNodes;
    const nodes = renders.flatMap(({ block, render }) => this.#keep(block, this.#nodesOf(render())));
    patchChildren(this.#root, from, [...nodes, ...this.#openNodes(open)]);
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
    return this.#nodesOf(lexBlock(block, Object.assign(createLinks(), this.#links))());
  }

  #keep(block: Block, nodes: readonly Node[]): readonly Node[] {
    if (block.markdown.includes("[")) this.#referring.push({ block, at: this.#finishedNodes });
    this.#finishedNodes += nodes.length;
    return nodes;
  }

  /** Only what differs is touched: words that have become a link. */
  #renderAgain(): void {
    for (const { block, at } of this.#referring) {
      for (const [index, want] of this.#nodesOf(lexBlock(block, this.#links)()).entries()) {
        const node = this.#root.childNodes[at + index];
        if (node) patchNode(node, want);
      }
    }
  }

  #nodesOf(parts: readonly Part[]): readonly Node[] {
    return parts.map((part) => createNode(part, this.#labels.copy));
  }
}
