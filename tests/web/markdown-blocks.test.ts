// Cutting a growing reply into blocks: wherever it is cut on its way, the end is the same and is what the whole text
// gives at once; the work is that of the last block; what is too long is bounded.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Block, MarkdownBlocks } from "#app/web/markdown/markdown-blocks.ts";
import { arrivals } from "./markdown-generator.ts";
import { htmlOf, toHtml } from "./markdown-html.ts";

/** The blocks of a text that arrives in pieces; fails where one that was finished would have to change. */
function blocksOf(text: string, ends: readonly number[] = []): Block[] {
  const blocks = new MarkdownBlocks();
  const finished: Block[] = [];
  for (const end of ends) {
    const update = blocks.update(text.slice(0, end), false);
    assert.equal(update.isRestarted, false);
    finished.push(...update.finished);
    const whole = finished.map(({ markdown }) => markdown).join("") + update.open;
    assert.equal(whole, text.slice(0, end).replace(/\r$/, "").replace(/\r\n?/g, "\n"));
  }
  const last = blocks.update(text, true);
  assert.equal(last.open, "");
  return [...finished, ...last.finished];
}

const atOnce = (text: string) => htmlOf(text.replace(/\r\n?/g, "\n"));
const steps = (text: string) => Array.from({ length: text.length }, (_, index) => index + 1);

describe("a reply that arrives in pieces", () => {
  it("ends in the same blocks wherever it was cut, and they are rendered as the whole text at once", () => {
    fc.assert(
      fc.property(arrivals(), ({ text, ends }) => {
        const blocks = blocksOf(text, ends);
        assert.deepEqual(blocks, blocksOf(text));
        assert.equal(toHtml(blocks), atOnce(text));
      }),
      { numRuns: 1_500 },
    );
  });

  it("does so character by character", () => {
    fc.assert(
      fc.property(arrivals(14), ({ text }) => {
        assert.equal(toHtml(blocksOf(text, steps(text))), atOnce(text));
      }),
      { numRuns: 300 },
    );
  });

  const kept: Readonly<Record<string, string>> = {
    "a fence that holds blank lines": "```js\na\n\nb\n\n# no head\n```\n\ntext\n\nmore\n",
    "a fence in a list": "- a\n\n  ```\n  x\n\n  y\n  ```\n\n- b\n\ntext\n\nend",
    "a list with paragraphs": "1. a\n\n   b\n\n2. c\n\n\n3. d\n\ntext\n",
    "a number that becomes a list item": "1. a\n\n2",
    "lists of other bullets": "- a\n\n* b\n\n+ c\n\ntext",
    "a quote with a lazy line": "> a\nb\n\n> c\n\ntext",
    "a table": "| a | b |\n|---|--:|\n| 1 | 2 |\n\ntext",
    "a table below words": "text\n| a | b |\n|---|---|\n| 1 | 2 |\n\ntext",
    "indented code": "    a\n\n    b\n\ntext",
    "an underlined heading": "head\nline\n===\n\ntext\n---\nend",
    "a definition with its title below": '[a]\n\n[a]: http://x.example\n"title\nmore"\n\nend [a]',
    "a title that a blank line ends": '[a]: http://x.example\n"no\n\ntitle"\n\n[a]',
    "a definition in a quote": "[a]\n\n> [a]: http://x.example\n\nend",
    "the first definition of a label": "[a]\n\n[a]: http://x.example/1\n\n[a]: http://x.example/2\n",
    "a lazy line that would underline a heading": "+ a\n===\t\n```\n",
    "a lazy line of that kind in a quote": "> - a\n> ===\t\n\nend",
    "a heading that is underlined with a tab behind it": "- a\n  ===\t\n\nhead\n---\t\n\nend",
    "a table that a line with a tab ends": "a|b\n|---|---|\nc\n\t\n\n\nend",
    "HTML that is never closed": "<div>\n\n<!-- a\n\nb\n\n<script>\n\nc\n",
  };
  for (const [name, text] of Object.entries(kept)) {
    it(`understands ${name}`, () => assert.equal(toHtml(blocksOf(text, steps(text))), atOnce(text)));
  }
});

describe("a tab", () => {
  const said: Readonly<Record<string, readonly [string, RegExp]>> = {
    "behind a list's lazy line makes no heading of it": ["- a\n===\t\n", /<li dir="auto">a\n===<\/li>/],
    "behind an underline leaves it one": ["- a\n  ===\t\n", /<li dir="auto"><h3 dir="auto">a<\/h3><\/li>/],
    "on a blank line ends a table": ["a|b\n|---|---|\nc|d\n\t\n\n", /<td dir="auto">d<\/td><\/tr><\/tbody>/],
    "stays in code": ["```\na\t\n```\n", /a\t/],
  };
  for (const [name, [text, expected]] of Object.entries(said)) {
    it(name, () => assert.match(atOnce(text), expected));
  }
});

describe("an update", () => {
  const paragraph = "Some **words** that are a paragraph.\n\n";

  it("finishes a block with the first whole line of the next, and says it once", () => {
    const blocks = new MarkdownBlocks();
    assert.deepEqual(blocks.update("One.\n\nTwo", false).finished, []);
    const { finished, open } = blocks.update("One.\n\nTwo\n", false);
    assert.equal(finished.map(({ markdown }) => markdown).join(""), "One.\n\n");
    assert.equal(open, "Two\n");
    assert.deepEqual(blocks.update("One.\n\nTwo\nand", false), {
      isRestarted: false,
      finished: [],
      open: "Two\nand",
    });
  });

  it("leaves the last paragraph open, however long the text before it is", () => {
    const blocks = new MarkdownBlocks();
    blocks.update(paragraph.repeat(1_000), false);
    assert.equal(blocks.update(`${paragraph.repeat(1_000)}Now`, false).open.length, paragraph.length + 3);
  });

  it("begins anew where the text is another one, or goes on after its end", () => {
    const blocks = new MarkdownBlocks();
    blocks.update(`${paragraph}Two`, true);
    assert.equal(blocks.update(`${paragraph}Two`, true).isRestarted, false);
    assert.deepEqual(blocks.update(`${paragraph}Two`, true).finished, []);
    const more = blocks.update(`${paragraph}Two and more`, false);
    assert.equal(more.isRestarted, true);
    assert.equal(
      more.finished.map(({ markdown }) => markdown).join("") + more.open,
      `${paragraph}Two and more`,
    );
    blocks.update(`${paragraph}Two\n`, false);
    assert.equal(blocks.update("Other", false).isRestarted, true);
    assert.equal(blocks.update("", false).open, "");
  });
});

describe("a character that no text may hold", () => {
  it("is replaced where it stands, in pieces and at once", () => {
    const text = "a\0b\n\n```\n\0\n```\n\n[c](<http://x.example/\0>)";
    const joined = blocksOf(text).map(({ markdown }) => markdown);
    assert.equal(joined.join(""), text.replaceAll("\0", "\ufffd"));
    const blocks = new MarkdownBlocks();
    for (const end of steps(text)) assert.equal(blocks.update(text.slice(0, end), false).isRestarted, false);
    assert.equal(blocks.update(text, true).isRestarted, false);
  });
});

describe("what is too long", () => {
  it("is cut at the same places in pieces and at once, and is plain", () => {
    const giant = `Begin.\n\n${"words in one line ".repeat(3_000)}\n\n${"- item\n".repeat(4_000)}\nEnd.\n`;
    const blocks = blocksOf(giant);
    assert.deepEqual(
      blocksOf(
        giant,
        steps(giant).filter((end) => end % 997 === 0),
      ),
      blocks,
    );
    assert.equal(blocks.map(({ markdown }) => markdown).join(""), giant);
    assert.ok(blocks.some(({ isPlain }) => isPlain));
    assert.ok(blocks.every(({ markdown }) => markdown.length <= 16_384));
    assert.deepEqual(blocks.at(-1), { markdown: "End.\n", isPlain: false });
  });

  it("parts no character", () => {
    for (const block of blocksOf(`a${"😀".repeat(20_000)}`)) assert.ok(block.markdown.isWellFormed());
  });

  it("stays one block as code", () => {
    const code = `\`\`\`\n${"line\n\n".repeat(10_000)}\`\`\`\n`;
    assert.equal(blocksOf(`${code}\nEnd.`, [20_000, 50_000])[0]?.markdown.trim(), code.trim());
  });
});
