// Random replies for the tests of markdown: pieces of every construct, put together in any order and cut anywhere.

import fc from "fast-check";

const PIECES = [
  "word",
  "two words",
  " ",
  "  ",
  "    ",
  "\t",
  "\n",
  "\n\n",
  "\n\n\n",
  "\n  ",
  "\n    ",
  "\r\n",
  "\r",
  "# ",
  "## head\n",
  "- ",
  "* ",
  "+ a",
  "1. ",
  "2) ",
  "12",
  "- [ ] ",
  "- [x] ",
  "> ",
  "> > ",
  ">",
  "```",
  "```js\n",
  "~~~\n",
  "\n```\n",
  "````",
  "---",
  "***",
  "===",
  "\n---\n",
  "| a | b |",
  "\n|---|:-:|\n",
  "|",
  "| 1 | 2 |\n",
  "[a]",
  "[a]: http://x.example/a",
  "\n[b]: <http://x.example/b>\n",
  '"title"',
  '\n"half a title',
  "'t'",
  "(t)",
  "[a][b]",
  "[text](http://x.example)",
  "![alt](http://x.example/i.png)",
  "[",
  "](",
  ")",
  "**",
  "*",
  "_",
  "~~",
  "`",
  "``",
  "<br>",
  "<div>",
  "\n<script>\n",
  "<!--",
  "-->",
  "</div>\n",
  "<http://x.example>",
  "www.x.example",
  "&amp;",
  "\\",
  "☃️",
  "ş",
  "\u202e",
];

/** What comes out wrong where words, addresses or HTML are taken for each other. */
const HOSTILE_PIECES = [
  "<img src=x onerror=alert(1)>",
  "<a href=x onclick=y>",
  "</a>",
  "</td></table>",
  "</title>",
  "</noscript>",
  "]]>",
  "<svg><style>",
  "&lt;img&gt;",
  "&#60;b&#62;",
  "&#x26;lt;",
  "&quot;",
  "&#0;",
  "&#13;",
  "&#32;",
  "&nbsp;",
  "&Tab;",
  "&",
  "\0",
  "[x](javascript:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](data:text/html,x)",
  "[x](//x.example)",
  "[x](mailto:a@x.example?--&gt;</title>)",
  "[x](<http://x.example/ --></title>\"'>)",
  "<mailto:a@x.example>",
  "<javascript:alert(1)>",
  "http://x.example/?a&b",
  "[<http://x.example/a>](http://x.example/b)",
  "[*x*](http://x.example/b)",
  '```x"onclick=y\n',
];

export interface Arrival {
  readonly text: string;
  readonly ends: readonly number[];
}

/** A reply, and the lengths at which it has arrived: in order, the whole at last. */
export function arrivals(maxLength = 40): fc.Arbitrary<Arrival> {
  return fromPieces(PIECES, maxLength);
}

/** The same, half of it in bad faith. */
export function hostileArrivals(maxLength = 40): fc.Arbitrary<Arrival> {
  return fromPieces([...PIECES, ...HOSTILE_PIECES, ...HOSTILE_PIECES], maxLength);
}

function fromPieces(pieces: readonly string[], maxLength: number): fc.Arbitrary<Arrival> {
  return fc
    .tuple(
      fc.array(fc.constantFrom(...pieces), { maxLength, size: "max" }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12, size: "max" }),
    )
    .map(([chosen, cuts]) => {
      const text = chosen.join("");
      return { text, ends: cuts.map((cut) => Math.floor(cut * text.length)).toSorted((a, b) => a - b) };
    });
}
