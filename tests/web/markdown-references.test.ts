// Character references: each kind in words and in addresses, none in code, and whatever is none of them stays as it was
// written.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodeReferences } from "#app/web/markdown/character-references.ts";
import { htmlOf } from "./markdown-html.ts";

describe("a character reference", () => {
  const read: Readonly<Record<string, readonly [string, string]>> = {
    "by its number": ["&#39;&#8364;&#0065;", "'€A"],
    "by its number in sixteens": ["&#x27;&#X1F600;&#xe9;", "'😀é"],
    "of the characters of HTML": ["&amp;&lt;&gt;&quot;&apos;", "&<>\"'"],
    "of a space or a mark that is not seen": [
      "&nbsp;|&shy;|&ensp;|&emsp;|&thinsp;|&zwnj;|&zwj;",
      "\u00a0|\u00ad|\u2002|\u2003|\u2009|\u200c|\u200d",
    ],
    "of a sign of writing": [
      "&copy;&reg;&trade;&hellip;&mdash;&ndash;&lsquo;&rsquo;&ldquo;&rdquo;&laquo;&raquo;&bull;&middot;&sect;&para;",
      "©®™…—–‘’“”«»•·§¶",
    ],
    "of a currency": ["&euro;&pound;&yen;&cent;", "€£¥¢"],
    "of a sign of mathematics": [
      "&deg;&times;&divide;&plusmn;&minus;&le;&ge;&ne;&asymp;&infin;&sum;&prod;&radic;",
      "°×÷±−≤≥≠≈∞∑∏√",
    ],
    "of an arrow": ["&larr;&uarr;&rarr;&darr;&harr;&rArr;", "←↑→↓↔⇒"],
    "of a Greek letter, small or large": ["&alpha;&delta;&Delta;&sigma;&Sigma;&omega;&Omega;", "αδΔσΣωΩ"],
  };
  for (const [name, [written, expected]] of Object.entries(read)) {
    it(`is read ${name}`, () => assert.equal(decodeReferences(written), expected));
  }

  it("to what is no character is a replacement character", () => {
    for (const number of [
      "#0",
      "#x0",
      "#xD800",
      "#xdfff",
      "#57343",
      "#1114112",
      "#x110000",
      "#9999999",
      "#xffffff",
    ]) {
      assert.equal(decodeReferences(`a&${number};b`), "a\ufffdb", number);
    }
    assert.equal(decodeReferences("&#x10FFFF;&#xD7FF;&#xE000;"), "\u{10ffff}\ud7ff\ue000");
  });

  it("stays as it was written where it is not one, or nobody knows it", () => {
    for (const written of [
      ..."& && &; &amp &am p; &#; &#x; &#12345678; &#x1234567; &#xg; &colon; &Tab; &NewLine; &AMP;".split(
        " ",
      ),
      "&constructor; &__proto__; &toString;",
      "a & b; AT&T;",
    ]) {
      assert.equal(decodeReferences(written), written);
    }
  });

  it("is read once: what it stands for begins no other", () => {
    assert.equal(decodeReferences("&amp;lt; &#38;lt; &#x26;#60; &amp;amp;"), "&lt; &lt; &#60; &amp;");
    assert.equal(htmlOf("&#38;lt; &amp;#60;"), `<p dir="auto">&amp;lt; &amp;#60;</p>`);
  });

  it("never leaves half a character, whatever is written", () => {
    const piece = fc.constantFrom(
      "&",
      "#",
      "x",
      "X",
      ";",
      "0",
      "9",
      "d800",
      "amp",
      "lt",
      "nbsp",
      "a",
      "\u{1f600}",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join("");
        assert.ok(decodeReferences(text).isWellFormed());
        assert.ok(decodeReferences(text).length <= text.length);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("a reference in a reply", () => {
  const link = (href: string, words: string) =>
    `<p dir="auto"><a dir="auto" href="${href}" rel="noopener nofollow ugc" target="_blank">${words}</a></p>`;
  const cases: Readonly<Record<string, readonly [string, string]>> = {
    "is read in words": ["a &mdash; **b &copy;** c", `<p dir="auto">a — <strong>b ©</strong> c</p>`],
    "is read in a heading": ["# A&nbsp;b", `<h3 dir="auto">A\u00a0b</h3>`],
    "is read in a list": ["- &rarr; a", `<ul dir="auto"><li dir="auto">→ a</li></ul>`],
    "makes no markup": ["&lt;b&gt; &#42;a&#42; &#35; x", `<p dir="auto">&lt;b> *a* # x</p>`],
    "makes no block": ["&#35; a", `<p dir="auto"># a</p>`],
    "is read in an address": [
      "[a](http://x.example/?b=1&amp;c=&#50;)",
      link("http://x.example/?b=1&c=2", "a"),
    ],
    "is read in the address of a definition": [
      "[a]\n\n[a]: http://x.example/?b&amp;c",
      link("http://x.example/?b&c", "a"),
    ],
    "is read in the description of an image": [
      "![a &amp; b](x)",
      `<p dir="auto">a & b</p>`.replace("&", "&amp;"),
    ],
    "is left alone in an address between angle brackets": [
      "<http://x.example/?b&amp;c>",
      link("http://x.example/?b&amp;c", "http://x.example/?b&amp;amp;c"),
    ],
    "is left alone in code": [
      "`&amp; &#39;`",
      `<p dir="auto"><code dir="auto">&amp;amp; &amp;#39;</code></p>`,
    ],
    "is left alone in a block of code": ["```\n&lt;\n```", `<pre dir="ltr"><code>&amp;lt;</code></pre>`],
    "is left alone after a backslash": ["\\&amp; &\\#39;", `<p dir="auto">&amp;amp; &amp;#39;</p>`],
  };
  for (const [name, [written, expected]] of Object.entries(cases)) {
    it(name, () => assert.equal(htmlOf(written), expected));
  }

  it("brings no address that would not be one without it", () => {
    for (const address of [
      "javascript&colon;alert(1)",
      "&#x6A;avascript:alert(1)",
      "java&#10;script:alert(1)",
      "java&Tab;script:alert(1)",
      "&#1;javascript:alert(1)",
      "&#47;&#47;x.example",
      "data&#58;text/html,x",
    ]) {
      assert.equal(htmlOf(`[a](${address})`), `<p dir="auto"><a dir="auto">a</a></p>`, address);
    }
  });
});
