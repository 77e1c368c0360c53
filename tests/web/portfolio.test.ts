// The pure parts of the portfolio page: the table of Note G reckoned out, the texts, the page that the bundle makes, the
// lists at the door.

import assert from "node:assert/strict";
import { it } from "node:test";
import { ENGLISH } from "#app/web/portfolio/english.ts";
import { knownListing, parseListing } from "#app/web/portfolio/listing.ts";
import { CYCLE, OPERATIONS } from "#app/web/portfolio/note-g.ts";
import { runNoteG } from "#app/web/portfolio/note-g-run.ts";
import { renderPortfolio } from "#app/web/portfolio/render.ts";
import { piecesOf } from "#app/web/portfolio/texts.ts";
import { chooseTheme } from "#app/web/portfolio/theme.ts";
import { TURKISH } from "#app/web/portfolio/turkish.ts";

it("the table of Note G, reckoned out for n = 4, gives B7 with the opposite sign, as its footnote says", () => {
  const run = runNoteG();
  const resultOf = (number: number) => run.findLast((step) => step.number === number)?.value;
  assert.deepEqual(resultOf(24), { top: 1, bottom: 30 });
  assert.deepEqual(resultOf(25), { top: 5, bottom: 1 });
  // The counter has come to nought: there is no further term.
  assert.deepEqual(resultOf(23), { top: 0, bottom: 1 });
  assert.equal(run.length, 36);
});

it("the table has 25 operations, and the cycle is 13 to 23", () => {
  assert.deepEqual(
    OPERATIONS.map(({ number }) => number),
    Array.from({ length: 25 }, (_, index) => index + 1),
  );
  assert.deepEqual(CYCLE, { first: 13, last: 23 });
  assert.deepEqual(OPERATIONS[3]?.from, [4, 5]);
});

it("every text stands in both languages, with the same titles of books in it", () => {
  assert.deepEqual(Object.keys(TURKISH).sort(), Object.keys(ENGLISH).sort());
  for (const [key, text] of Object.entries({ ...ENGLISH, ...TURKISH })) {
    assert.equal(piecesOf(text).length % 2, 1, key);
    assert.notEqual(text.trim(), "", key);
  }
});

it("a template gets its texts, labels and titles, and markup in a text stays text", () => {
  const html = renderPortfolio('<p data-text="source2">…</p><nav data-label="sections"></nav><!-- gone -->');
  assert.equal(
    html,
    '<p data-text="source2">C. Babbage, <cite>Passages from the Life of a Philosopher</cite> (1864)</p>' +
      '<nav data-label="sections" aria-label="Sections"></nav>',
  );
});

it("a misspelt text, label or drawing ends the build", () => {
  assert.throws(() => renderPortfolio('<p data-text="nothing">…</p>'), /no text named nothing/);
  assert.throws(() => renderPortfolio('<p data-label="toString"></p>'), /no text named toString/);
  assert.throws(() => renderPortfolio("<!-- fill nothing -->"), /nothing draws nothing/);
});

it("a list is checked at the door: what is no list is refused, an entry without id or name left out", () => {
  const list = parseListing("object", {
    objects: [
      { id: "e", name: "E", description: 1, greeting: null, suggestions: ["a", 2, ""] },
      { id: 2, name: "N" },
      { id: "n" },
      null,
    ],
  });
  const entry = { kind: "object", id: "e", name: "E", description: "", greeting: "", suggestions: ["a"] };
  assert.deepEqual(list, [entry]);
  assert.throws(() => parseListing("persona", { objects: [] }), /no list/);
  assert.throws(() => parseListing("persona", null), /no list/);
  assert.throws(() => parseListing("persona", { personas: {} }), /no list/);
});

it("the page's own words name eleven in either language", () => {
  for (const locale of ["en", "tr"] as const) {
    const known = knownListing(locale);
    assert.equal(known.length, 11);
    for (const { id, name, suggestions } of known) {
      assert.notEqual(name, "", id);
      assert.ok(suggestions.length > 0, id);
    }
  }
});

it("a theme that is none is the system's", () => {
  assert.equal(chooseTheme("dark"), "dark");
  assert.equal(chooseTheme("light"), "light");
  for (const wanted of ["auto", "blue", "", null, undefined]) assert.equal(chooseTheme(wanted), "auto");
});
