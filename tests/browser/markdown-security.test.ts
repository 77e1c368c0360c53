// Hostile replies in a real browser, under a strict content policy with Trusted Types: nothing runs, nothing is
// loaded, no report is made, and only what is on the list becomes an element.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Page } from "playwright-core";
import { useMarkdownPages } from "./markdown-fixture.ts";
import { HOSTILE } from "./markdown-hostile.ts";

const { visit } = useMarkdownPages();

const ALLOWED =
  "p,br,strong,em,del,code,pre,ul,ol,li,blockquote,h3,h4,h5,h6,hr,table,thead,tbody,tr,th,td,a,div.code-block,button.copy-code";

/** What stands below an element and is not on the list. */
const strangers = (root: string) => `[...${root}.querySelectorAll("*")].flatMap((element) => [
    ...(element.matches(${JSON.stringify(ALLOWED)}) ? [] : [element.outerHTML]),
    ...[...element.attributes].filter(({ name, value }) =>
      !["href", "rel", "target", "dir", "align", "start", "tabindex", "type"].includes(name) &&
      !(name === "class" && /^(language-[^ ]+|code-block|copy-code)$/.test(value))).map(({ name }) => element.tagName + "@" + name),
    ...(element.matches("a[href]") && !(/^(https?:\\/\\/|mailto:)/.test(element.getAttribute("href")) &&
      element.rel === "noopener nofollow ugc" && element.target === "_blank") ? [element.outerHTML] : []),
  ])`;

/** Streams a text in pieces of a few characters, looking at each. */
async function stream(page: Page, name: string, text: string): Promise<unknown[]> {
  return await page.evaluate(`(() => {
    const [text, found] = [${JSON.stringify(text)}, []];
    for (let end = 1; end < text.length; end += 5) {
      view("${name}").update(text.slice(0, end), false);
      found.push(...${strangers(`root("${name}")`)});
    }
    view("${name}").update(text, true);
    return [...found, ...${strangers(`root("${name}")`)}];
  })()`);
}

/** Until everything that was on its way has happened: two frames and a turn of the event queue. */
const settle = (page: Page) =>
  page.evaluate(
    "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve))))",
  );

describe("a hostile reply", () => {
  it("runs nothing, loads nothing and brings no element that is not on the list", async () => {
    const { page, complaints } = await visit();
    const requests: string[] = [];
    page.on("request", (request) => requests.push(request.url()));
    for (const [index, text] of HOSTILE.entries()) {
      assert.deepEqual(await stream(page, `hostile-${index}`, text), [], text);
      assert.deepEqual(await stream(page, `in-list-${index}`, `- a\n  - > ${text}\n`), [], text);
    }
    await settle(page);
    assert.deepEqual(requests, []);
    assert.deepEqual(complaints, []);
  });

  it("is text to be read, and a link that leads nowhere is its words", async () => {
    const { page } = await visit();
    const shown = (text: string) =>
      page.evaluate(`(view("a").update(${JSON.stringify(text)}, true), root("a").innerHTML)`);
    assert.equal(
      await shown(`<img src=x onerror="alert(1)">`),
      `<p dir="auto">&lt;img src=x onerror="alert(1)"&gt;</p>`,
    );
    assert.equal(
      await shown("[words](javascript:alert(1)) ![a picture](http://x.example/i.png)"),
      `<p dir="auto"><a dir="auto">words</a> a picture</p>`,
    );
  });

  it("leads where it says, if an address stands in the words of another link", async () => {
    const { page } = await visit();
    await page.evaluate(`view("a").update("[see <http://x.example/a>](http://x.example/b)", true)`);
    assert.deepEqual(
      await page.evaluate(
        `[...root("a").querySelectorAll("a")].map(({ href, textContent }) => [href, textContent])`,
      ),
      [["http://x.example/a", "http://x.example/a"]],
    );
  });
});

describe("a page that lets nobody make markup of text", () => {
  it("shows a whole reply with its formatting, and has nothing to report", async () => {
    const { page, complaints } = await visit();
    await page.evaluate(`(() => {
      globalThis.reports = [];
      addEventListener("securitypolicyviolation", ({ violatedDirective }) => reports.push(violatedDirective));
    })()`);
    assert.equal(await page.evaluate(`typeof trustedTypes.createPolicy`), "function");
    const reply =
      "# A &amp; B\n\nSome **words** &mdash; a [link](http://x.example/?a=1&amp;b=2), `code` &#x1f600;\n\n" +
      "```js\nlet a;\n```\n\n1. [x] done\n\n> | a |\n> |--:|\n> | <b>1</b> |\n\n---\n";
    assert.deepEqual(await stream(page, "a", reply), []);
    assert.equal(
      await page.evaluate(`root("a").innerHTML`),
      `<h3 dir="auto">A &amp; B</h3><p dir="auto">Some <strong>words</strong> — a <a dir="auto" ` +
        `href="http://x.example/?a=1&amp;b=2" rel="noopener nofollow ugc" target="_blank">link</a>, ` +
        `<code dir="auto">code</code> 😀</p><div class="code-block"><button class="copy-code" type="button">Copy` +
        `</button><pre dir="ltr" tabindex="0"><code class="language-js">let a;</code></pre></div>` +
        `<ol dir="auto"><li dir="auto">☑ done</li></ol><blockquote dir="auto"><table><thead><tr>` +
        `<th align="right" dir="auto">a</th></tr></thead><tbody><tr><td align="right" dir="auto">&lt;b&gt;1&lt;/b&gt;` +
        `</td></tr></tbody></table></blockquote><hr>`,
    );
    await settle(page);
    assert.deepEqual(await page.evaluate("reports"), []);
    assert.deepEqual(complaints, []);
  });

  it("would have reported a parser: the test can fail", async () => {
    const { page, complaints } = await visit();
    const thrown = await page.evaluate(
      `(() => { try { root("a").innerHTML = "<b>x</b>"; return "nothing"; } catch (error) { return error.name; } })()`,
    );
    assert.equal(thrown, "TypeError");
    assert.match(complaints.join(" "), /TrustedHTML/);
  });
});
