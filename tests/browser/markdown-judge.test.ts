// DOMPurify, unmodified, as the judge of what the view makes: it reads the nodes as the HTML they would be, under the
// same list of elements, attributes and addresses, and must find nothing to take away or to change.

import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import type { Page } from "playwright-core";
import { hostileArrivals } from "../web/markdown-generator.ts";
import { bundle, LENIENT, useMarkdownPages } from "./markdown-fixture.ts";
import { HOSTILE } from "./markdown-hostile.ts";
import { untilHolds } from "./until-holds.ts";

const { visit } = useMarkdownPages();

/** `judge(root)` gives what stands there and what DOMPurify leaves of it, where they differ. */
const JUDGE = `
  import DOMPurify from "dompurify";
  const words = (text) => text.split(" ");
  const CONFIG = {
    ALLOWED_TAGS: ["#text", ...words("p br strong em del code pre ul ol li blockquote h1 h2 h3 h4 h5 h6 hr a table thead tbody tr th td")],
    ALLOWED_ATTR: words("href class dir align start rel target"),
    ADD_URI_SAFE_ATTR: words("dir align start rel target"),
    ALLOWED_URI_REGEXP: /^(?:https?:\\/\\/|mailto:)/i,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  };
  const PLAIN = 'p[style="white-space: pre-wrap; overflow-wrap: anywhere;"]';
  globalThis.judge = (root) => {
    const copy = root.cloneNode(true);
    // Our own, around what the reply is: the frame with the copy button, and the style of what is shown as written.
    for (const frame of copy.querySelectorAll("div.code-block")) {
      frame.lastChild.removeAttribute("tabindex");
      frame.replaceWith(frame.lastChild);
    }
    for (const plain of copy.querySelectorAll(PLAIN)) plain.removeAttribute("style");
    // A parser reads a carriage return as a line feed.
    const made = copy.innerHTML.replaceAll("\\r", "\\n");
    const left = DOMPurify.sanitize(made, CONFIG);
    return made === left ? [] : [made, left];
  };
  globalThis.judgeReply = (text, ends) => {
    const found = [];
    for (const end of [...ends, text.length]) {
      view("judged").update(text.slice(0, end), end === text.length);
      found.push(...judge(root("judged")));
    }
    return found.slice(0, 2);
  };`;

let script = "";
before(async () => {
  script = await bundle(JUDGE, false);
});

async function visitJudge(): Promise<Page> {
  const { page } = await visit(LENIENT);
  await page.addScriptTag({ content: script, type: "module" });
  // A module runs some time after its tag is there.
  await untilHolds(page, "'judgeReply' in globalThis");
  return page;
}

const judgeReply = (page: Page, text: string, ends: readonly number[] = []): Promise<string[]> =>
  page.evaluate(`judgeReply(${JSON.stringify(text)}, ${JSON.stringify(ends)})`);

describe("what the view makes of a reply", () => {
  it("leaves a sanitizer nothing to do where the reply is hostile", async () => {
    const page = await visitJudge();
    for (const text of HOSTILE) {
      const ends = Array.from({ length: text.length }, (_, index) => index);
      assert.deepEqual(await judgeReply(page, text, ends), [], text);
      assert.deepEqual(await judgeReply(page, `- a\n  - > ${text}\n`), [], text);
      assert.deepEqual(await judgeReply(page, `# ${text}\n\n*a ${text}*\n\n| ${text} |\n|---|\n`), [], text);
    }
  });

  it("leaves it nothing to do whatever is written, and wherever it is cut", async (test) => {
    const page = await visitJudge();
    const replies = fc.sample(hostileArrivals(), 1_000);
    const found = await page.evaluate<unknown[]>(
      `${JSON.stringify(replies)}.flatMap(({ text, ends }) => judgeReply(text, ends).map((html) => [text, html]))`,
    );
    assert.deepEqual(found.slice(0, 2), []);
    test.diagnostic(
      `${replies.length} replies, ${replies.flatMap(({ ends }) => ends).length} stages of them`,
    );
  });

  it("leaves it nothing to do where a block is too long to be markdown", async () => {
    const page = await visitJudge();
    assert.deepEqual(await judgeReply(page, `${HOSTILE.join(" ").replaceAll("\n", " ")} `.repeat(10)), []);
    assert.equal(await page.evaluate(`root("judged").firstChild.style.whiteSpace`), "pre-wrap");
  });

  it("is judged by one that does find faults", async () => {
    const page = await visitJudge();
    for (const fault of [
      `<p onclick="x">a</p>`,
      `<a href="javascript:alert(1)">a</a>`,
      `<a href="/relative">a</a>`,
      `<a href="https:/relative">a</a>`,
      `<img src="x">`,
      `<p style="color: red;">a</p>`,
      `<form>a</form>`,
    ]) {
      const found = await page.evaluate<string[]>(`(() => {
        const part = document.createElement("div");
        part.innerHTML = ${JSON.stringify(fault)};
        return judge(part);
      })()`);
      assert.equal(found.length, 2, fault);
    }
  });
});
