// Which language a short chat message is taken for.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { detectLanguage, guessLanguage } from "#app/core/language.ts";

const BOTH = ["en", "tr"];

describe("the language of a message", () => {
  const messages: ReadonlyArray<readonly [language: string, text: string]> = [
    ["tr", "Merhaba"],
    ["tr", "selam"],
    ["tr", "naber"],
    ["tr", "ne zaman dogdun"],
    ["tr", "Ne zaman doğdun?"],
    ["tr", "NEREDE DOĞDUN?"],
    ["tr", "sen kimsin"],
    ["tr", "Charles Babbage kimdi"],
    ["tr", "Analytical Engine nedir?"],
    ["tr", "bot musun"],
    ["tr", "tesekkurler"],
    ["tr", "çalışmalar"],
    ["tr", "Note G hakkinda bilgi ver"],
    ["en", "Hello"],
    ["en", "Who are you?"],
    ["en", "hi"],
    ["en", "thx, bye"],
    ["en", "when were you born"],
    ["en", "What is the weather like?"],
    ["en", "tell me about Istanbul"],
    ["en", "Who was Atatürk?"],
    ["en", "The woman is one of the great ones"],
  ];
  for (const [language, text] of messages) {
    it(`is ${language} for "${text}"`, async () => {
      const other = language === "en" ? "tr" : "en";
      assert.equal(await detectLanguage(text, BOTH, other), language);
    });
  }

  it("is the fallback where nothing tells the candidates apart", async () => {
    for (const text of ["", "?", "1843", "Ada Lovelace", "😀", "ok"]) {
      assert.equal(await detectLanguage(text, BOTH, "tr"), "tr", text);
      assert.equal(await detectLanguage(text, BOTH, "en"), "en", text);
    }
  });

  it("is never one that is not a candidate", async () => {
    assert.equal(await detectLanguage("Merhaba, nasılsın?", ["en"], "en"), "en");
    assert.equal(await detectLanguage("Wer sind Sie und was machen Sie hier eigentlich?", BOTH, "en"), "en");
    assert.equal(await detectLanguage("Hello", [], "tr"), "tr");
  });

  it("is found by statistics where the candidates are other languages", async () => {
    const german = "Können Sie mir bitte etwas über Ihre Kindheit und Ihre Eltern erzählen";
    const french = "Pouvez-vous me parler de votre enfance et de vos parents";
    assert.equal(await detectLanguage(german, ["fr", "de"], "fr"), "de");
    assert.equal(await detectLanguage(french, ["de", "fr"], "de"), "fr");
  });

  it("does not take German umlauts for Turkish where German is a candidate", async () => {
    const german = "Können Sie mir bitte etwas über Ihre Kindheit und Ihre Eltern erzählen";
    assert.equal(await detectLanguage(german, ["tr", "de"], "tr"), "de");
  });

  it("falls back for candidates without a known code", async () => {
    assert.equal(await detectLanguage("x".repeat(40), ["xx", "yy"], "yy"), "yy");
  });

  it("is a candidate or the fallback for any text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => {
        assert.ok(["en", "tr", "none"].includes(await detectLanguage(text, BOTH, "none")));
      }),
      { numRuns: 50 },
    );
  });

  it("stays undecided on thin evidence when only guessing", () => {
    assert.equal(guessLanguage("Ada", BOTH), undefined);
    assert.equal(guessLanguage("anything", ["tr"]), "tr");
  });
});
