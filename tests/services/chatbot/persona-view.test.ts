// A persona as clients see it: in the visitor's language where it speaks that, and never its prompt.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chooseLanguage, inLanguage, listPersona, showPersona } from "#app/services/chatbot/persona-view.ts";
import { handMadePersona } from "./hand-made-persona.ts";

describe("the language a persona is shown in", () => {
  for (const [language, languages, locale, expected] of [
    ["en", ["en", "tr"], "tr", "tr"],
    ["en", ["en", "tr"], "TR-tr", "tr"],
    ["en", ["en", "tr"], "de", "en"],
    ["en", ["en", "tr"], undefined, "en"],
    ["en", ["en", "tr"], "", "en"],
    ["auto", ["tr", "en"], "de", "tr"],
    ["auto", ["tr", "en"], "en-GB", "en"],
    ["auto", [], undefined, "en"],
    ["en", ["en"], "constructor", "en"],
  ] as const) {
    it(`is ${expected} of ${languages.join(", ")} (${language}) for ${locale ?? "nobody in particular"}`, () => {
      assert.equal(chooseLanguage(handMadePersona({ language, languages }), locale), expected);
    });
  }

  it("is whichever the author wrote, where the wanted one is missing", () => {
    assert.equal(inLanguage({ tr: "merhaba" }, "en"), "merhaba");
    assert.equal(inLanguage({}, "en"), "");
  });
});

describe("a shown persona", () => {
  it("has what a page needs, in one language", () => {
    assert.deepEqual(showPersona(handMadePersona(), "tr"), {
      id: "ada",
      kind: "persona",
      name: "Ada Lovelace",
      revision: "000000000000",
      greeting: "İyi günler, ben Ada Lovelace.",
      suggestions: ["Ne zaman doğdun?", "Baban kimdi?", "What is Note G?", "Nerede yaşadın?"],
      language: "tr",
    });
  });

  it("has no empty suggestions, and an empty greeting rather than none", () => {
    const shown = showPersona(
      handMadePersona({ greeting: {}, suggestedQuestions: [{}, { en: "" }, { en: "a" }] }),
    );
    assert.deepEqual([shown.greeting, shown.suggestions], ["", ["a"]]);
  });

  it("never holds any of its prompt, listed or not", () => {
    for (const shown of [showPersona(handMadePersona()), listPersona(handMadePersona())])
      assert.doesNotMatch(JSON.stringify(shown), /-TEXT|Byron|bilmiyorum|"model"/i);
  });

  it("is described in a list", () => {
    const { description, tags, languages } = listPersona(handMadePersona());
    assert.deepEqual([description, tags, languages], ["A mathematician.", ["family"], ["en", "tr"]]);
  });
});
