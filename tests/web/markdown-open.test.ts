// The open end of a streaming reply: marks are closed, what is undecided waits, and nothing that was shown is taken
// back when more arrives.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { closeOpenBlock } from "#app/web/markdown/open-block.ts";
import { arrivals } from "./markdown-generator.ts";
import { htmlOf } from "./markdown-html.ts";

const toHtml = (markdown: string) => htmlOf(markdown).replace(/ dir="\w+"/g, "");
const visible = (markdown: string) =>
  toHtml(markdown)
    .replace(/<[^>]*>/g, "")
    .replace(/\s+/g, "");

describe("the open block", () => {
  const cases: Readonly<Record<string, string>> = {
    "a **b": "<p>a <strong>b</strong></p>",
    "a **b*": "<p>a <strong>b</strong></p>",
    "a **": "<p>a</p>",
    "a *b **c": "<p>a <em>b <strong>c</strong></em></p>",
    "***a": "<p><em><strong>a</strong></em></p>",
    "a ~~b": "<p>a <del>b</del></p>",
    "a `b": "<p>a <code>b</code></p>",
    "a ``b`c": "<p>a <code>b`c</code></p>",
    "a `": "<p>a</p>",
    snake_case_: "<p>snake_case</p>",
    "2 * 3 * 4": "<p>2 * 3 * 4</p>",
    "a [b": "<p>a <a>b</a></p>",
    "a [b](": "<p>a <a>b</a></p>",
    "a [b](http://x.exa": "<p>a <a>b</a></p>",
    "a [**b": "<p>a <a><strong>b</strong></a></p>",
    "a [b] c": "<p>a [b] c</p>",
    "a ![b](http://x": "<p>a b</p>",
    "a \\": "<p>a</p>",
    "- a\n-": "<ul><li>a</li></ul>",
    "- a\n  - **b": "<ul><li>a<ul><li><strong>b</strong></li></ul></li></ul>",
    "1. a\n2": "<ol><li>a</li></ol>",
    "> a **b": "<blockquote><p>a <strong>b</strong></p></blockquote>",
    "a\n--": "<p>a</p>",
    "## A *b": "<h4>A <em>b</em></h4>",
    "##": "",
    "a\n\n``": "<p>a</p>",
    "```js\na **b": '<pre><code class="language-js">a **b</code></pre>',
    "```\na\n``": "<pre><code>a</code></pre>",
    "| a | b |": "",
    "| a | b |\n|--": "",
    "| a |\n|---|\n| **b":
      "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td><strong>b</strong></td></tr></tbody></table>",
  };
  for (const [open, expected] of Object.entries(cases)) {
    it(`is closed: ${JSON.stringify(open).slice(1, -1).replaceAll('\\"', "'")}`, () => {
      assert.equal(toHtml(closeOpenBlock(open)), expected);
    });
  }

  it("takes nothing back that it has shown of a well-formed reply", () => {
    const word = fc.constantFrom("one", "two", "three four", "2 * 3", "a_b");
    const { inline } = fc.letrec<{ inline: string }>((tie) => ({
      inline: fc.oneof(
        { maxDepth: 2 },
        word,
        fc.tuple(tie("inline"), tie("inline")).map((parts) => parts.join(" ")),
        word.map((text) => `**${text}**`),
        word.map((text) => `*${text}*`),
        word.map((text) => `\`${text}\``),
        word.map((text) => `[${text}](http://x.example/${text.length})`),
      ),
    }));
    const block = fc.oneof(
      inline.map((text) => `${text}.`),
      inline.map((text) => `## ${text}`),
      fc
        .array(inline, { minLength: 1, maxLength: 3 })
        .map((items) => items.map((item) => `- ${item}`).join("\n")),
      inline.map((text) => `> ${text}.`),
      inline.map((text) => `| a | b |\n|---|---|\n| ${text} | c |`),
      word.map((text) => `\`\`\`js\n${text}\n\n${text}\n\`\`\``),
    );
    fc.assert(
      fc.property(block, (markdown) => {
        const whole = visible(markdown);
        for (let end = 1; end <= markdown.length; end += 1) {
          const shown = visible(closeOpenBlock(markdown.slice(0, end)));
          assert.ok(whole.startsWith(shown), JSON.stringify([markdown.slice(0, end), shown]));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is closed without an error whatever it is, and never grows by more than its marks", () => {
    fc.assert(
      fc.property(arrivals(), ({ text }) => {
        const lines = text.replace(/\r\n?/g, "\n");
        assert.ok(closeOpenBlock(lines).length <= 4 * lines.length);
      }),
      { numRuns: 500 },
    );
  });
});
