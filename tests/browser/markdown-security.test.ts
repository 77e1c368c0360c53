// Hostile replies in a real browser, under a strict content policy with Trusted Types: nothing runs, nothing is
// loaded, no report is made, and only what is on the list becomes an element.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Page } from "playwright-core";
import { useMarkdownPages, WITHOUT_POLICY } from "./markdown-fixture.ts";

const { visit } = useMarkdownPages();

const BEACON = "http://beacon.example/seen";
const HOSTILE: readonly string[] = [
  `<img src=x onerror="alert(1)">`,
  `<img src="${BEACON}">`,
  `<script>alert(1)</script>`,
  `<script src="${BEACON}"></script>`,
  `<svg onload=alert(1)><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>`,
  `<a href="x" onclick="alert(1)">x</a>`,
  `<iframe src="${BEACON}"></iframe><object data="${BEACON}"></object><embed src="${BEACON}">`,
  `<style>@import "${BEACON}";</style><link rel=stylesheet href="${BEACON}">`,
  `<form action="${BEACON}"><input name=a autofocus onfocus=alert(1)><button formaction="javascript:alert(1)">`,
  `<body onload=alert(1)><details open ontoggle=alert(1)><video><source onerror=alert(1)></video>`,
  `<p id="host" class="x" style="background:url(${BEACON})">x</p>`,
  `<base href="${BEACON}"><meta http-equiv=refresh content="0;url=${BEACON}">`,
  `<div><template shadowrootmode=open><img src=x onerror=alert(1)></template></div>`,
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](javascript&#58;alert(1))",
  "[x](javascript&colon;alert(1))",
  "[x](&#x6A;avascript:alert(1))",
  "[x](\u0001javascript:alert(1))",
  "[x](java\tscript:alert(1))",
  "[x](<java\nscript:alert(1)>)",
  "[x](java&#10;script:alert(1))",
  "[x](java&Tab;script:alert(1))",
  "[x](%6Aavascript:alert(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
  "[x](vbscript:msgbox)",
  "[x](blob:http://x/1)",
  "[x](file:///etc/passwd)",
  "[x](//beacon.example/seen)",
  "[x](/relative)",
  "[x]\n\n[x]: javascript:alert(1)",
  "<javascript:alert(1)>",
  `[x](http://x.example/"onmouseover="alert(1))`,
  `[x](http://x.example "t\\" onclick=alert(1)")`,
  `![x](${BEACON})`,
  `[![x](${BEACON})](http://x.example)`,
  `![x][b]\n\n[b]: ${BEACON}`,
  `![<img src=x onerror=alert(1)>](x)`,
  '```js"onclick=alert(1)\n<img src=x onerror=alert(1)>\n```',
  "`<img src=x onerror=alert(1)>`",
  "| <img src=x onerror=alert(1)> |\n|---|\n| <script>alert(1)</script> |",
  "&lt;img src=x onerror=alert(1)&gt;",
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`,
  `<noscript><p title="</noscript><img src=x onerror=alert(1)>">`,
  `<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">`,
  `<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`,
  `<select><template><style><!--</style><a rel="--></style></template></select><img src onerror=alert(1)>">`,
  `<textarea><img title="</textarea><img src onerror=alert(1)>"></textarea>`,
  `<xmp><p title="</xmp><img src=x onerror=alert(1)>">`,
  `<!--><img src=x onerror=alert(1)>-->`,
  `<![CDATA[<img src=x onerror=alert(1)>]]>`,
  `<?xml-stylesheet href="javascript:alert(1)"?>`,
  `<a href="http://x.example" target="_self" rel="opener">x</a>`,
];

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

  it("is stopped by the sanitizer alone, too, where it comes as HTML", async () => {
    const { page, complaints } = await visit();
    const requests: string[] = [];
    page.on("request", (request) => requests.push(request.url()));
    for (const text of HOSTILE) {
      const found = await page.evaluate(`(() => {
        const part = document.body.appendChild(document.createElement("div"));
        part.append(sanitize(${JSON.stringify(text)}));
        return ${strangers("part")};
      })()`);
      assert.deepEqual(found, [], text);
    }
    await settle(page);
    assert.deepEqual(requests, []);
    // A parser's document has the page's policy, and reports what it would not have run: the reason why replies are
    // never parsed as the HTML they hold.
    assert.deepEqual(
      complaints.filter((complaint) => !/^console: .* violates the following Content/.test(complaint)),
      [],
    );
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

  it("is plain text on a page that lets nobody make elements of text", async () => {
    const { page, complaints } = await visit(WITHOUT_POLICY);
    for (const text of ["**a", "**a** <b>\n\nNext", "**a** <b>\n\nNext\n"]) {
      const shown = await page.evaluate(
        `(view("a").update(${JSON.stringify(text)}, false), root("a").textContent)`,
      );
      assert.match(String(shown), /^\*\*a/);
    }
    await page.evaluate(`view("a").update("**a** <b>", true)`);
    assert.equal(await page.evaluate(`root("a").textContent`), "**a** <b>");
    await settle(page);
    // The page's owner is told of the policy once, not with every word.
    assert.deepEqual(
      complaints.filter((complaint) => !complaint.includes("parley-markdown")),
      [],
    );
    assert.equal(complaints.length, 1);
  });
});
