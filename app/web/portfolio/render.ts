// Makes the page that is served out of portfolio.html: puts in the English texts where elements name them and hold `…`,
// and what is drawn from data. Runs when the bundle is made; the page's program changes the texts afterwards.
// @throws on a text or a drawing that does not exist, so that a misspelt name ends the build.

import { cardChain } from "./card-chain.ts";
import { glyphs } from "./glyphs.ts";
import { noteGRows } from "./note-g-table.ts";
import { piecesOf, textNamed } from "./texts.ts";

const DRAWINGS: Readonly<Record<string, () => string>> = {
  glyphs,
  "card-chain": cardChain,
  "note-g-rows": noteGRows,
};

const LOCALE = "en";

export function renderPortfolio(template: string): string {
  return template
    .replace(/<!-- fill ([\w-]+) -->/g, (_, name: string) => {
      const draw = DRAWINGS[name];
      if (!draw) throw new Error(`nothing draws ${name}`);
      return draw();
    })
    .replace(/<!--.*?-->\s*/gs, "")
    .replace(/data-label="([\w-]+)"/g, (whole, key: string) => {
      return `${whole} aria-label="${escaped(textNamed(LOCALE, key))}"`;
    })
    .replace(
      /(<(\w+)[^>]*\sdata-text="([\w-]+)"[^>]*>)…(?=<\/\2>)/g,
      (_, start: string, _tag, key: string) => {
        return start + markedUp(textNamed(LOCALE, key));
      },
    );
}

function markedUp(text: string): string {
  return piecesOf(text)
    .map((piece, index) => (index % 2 === 1 ? `<cite>${escaped(piece)}</cite>` : escaped(piece)))
    .join("");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
