// Objects that speak for themselves: nothing of the main persona gets in unless their file says so.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PLATFORM_DISCLOSURE } from "#app/models/platform-lines.ts";
import { findingsOf, GOOD_OBJECT, loadWith, withoutMessage } from "../../support/data-folder.ts";

describe("an object file", () => {
  it("speaks for itself: nothing of the main persona gets in", async (t) => {
    const { objects, problems } = await loadWith(t, { "objects/card.md": GOOD_OBJECT });
    const card = objects.get("card");
    assert.deepEqual(problems, []);
    assert.equal(card?.kind, "object");
    assert.equal(card?.identity, "You are a punched card.");
    assert.deepEqual([card?.rules, card?.facts, card?.knowledge, card?.languages], ["", [], [], ["en"]]);
  });

  it("without a disclosure gives the platform's, with one its own", async (t) => {
    const own = GOOD_OBJECT.replace("name: Card", "name: Card\ndisclosure: A program as a card.");
    const { objects } = await loadWith(t, { "objects/a.md": GOOD_OBJECT, "objects/b.md": own });
    assert.deepEqual(objects.get("a")?.disclosure, PLATFORM_DISCLOSURE);
    assert.deepEqual({ ...objects.get("b")?.disclosure }, { en: "A program as a card." });
  });

  it("needs a disclosure in every language that the platform does not have", async (t) => {
    const german = GOOD_OBJECT.replace("name: Card", "name: Karte\nlanguage: de");
    assert.deepEqual((await findingsOf(t, { "objects/card.md": german })).map(withoutMessage), [
      "data/objects/card.md:1:1: error [language-missing]",
    ]);
  });

  it("may extend a persona when its file says so", async (t) => {
    const files = { "objects/portrait.md": "---\nname: Portrait\nextends: persona\n---\n" };
    const { objects } = await loadWith(t, files);
    const portrait = objects.get("portrait");
    assert.equal(portrait?.identity, "You are {{char}}.");
    assert.equal(portrait?.kind, "object");
    assert.deepEqual({ ...portrait?.disclosure }, { en: "I am a program.", tr: "Ben bir programım." });
  });

  it("may have the id of a persona: the kinds are apart", async (t) => {
    const files = { "objects/v.md": GOOD_OBJECT, "personas/v.md": "---\nname: V\n---\n" };
    const { objects, personas, problems } = await loadWith(t, files);
    assert.deepEqual([objects.get("v")?.name, personas.get("v")?.name, problems.length], ["Card", "V", 0]);
  });

  it("is left out when it is broken, and named; the others stay, in the order of their names", async (t) => {
    const files = {
      "objects/c.md": GOOD_OBJECT,
      "objects/b.md": GOOD_OBJECT.replace("name: Card", "nme: Card"),
      "objects/a.md": GOOD_OBJECT,
      "objects/off.md": GOOD_OBJECT.replace("name: Card", "name: Card\nenabled: false\nfoo: 1"),
    };
    const { objects, problems } = await loadWith(t, files);
    assert.deepEqual([...objects.keys()], ["a", "c"]);
    assert.deepEqual(
      problems.map(({ path, line, rule }) => [path, line, rule]),
      [
        ["data/objects/b.md", 1, "schema"],
        ["data/objects/b.md", 2, "unknown-key"],
      ],
    );
  });

  it("is warned of when it has no examples and nothing under Never", async (t) => {
    const bare = GOOD_OBJECT.slice(0, GOOD_OBJECT.indexOf("# Never"));
    assert.deepEqual((await findingsOf(t, { "objects/card.md": bare })).map(withoutMessage), [
      "data/objects/card.md:6:1: warning [empty-never]",
      "data/objects/card.md:6:1: warning [no-examples]",
    ]);
  });

  it("must say who it is, and cannot extend an object or nobody", async (t) => {
    const files = {
      "objects/a.md": GOOD_OBJECT.replace("You are a punched card.\n", ""),
      "objects/b.md": GOOD_OBJECT.replace("name: Card", "name: Card\nextends: c"),
      "objects/c.md": GOOD_OBJECT,
    };
    assert.deepEqual((await findingsOf(t, files)).map(withoutMessage), [
      "data/objects/a.md:6:1: error [missing-section]",
      "data/objects/b.md:3:1: error [extends-missing]",
    ]);
  });
});
