// Folding, terms, sentences and key matching: pure functions over text in English and Turkish.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fold } from "#app/core/folding.ts";
import { splitSentences } from "#app/core/sentences.ts";
import { isStopWord, stem } from "#app/core/stemming.ts";
import { isAsciiTyped, prepareKey, tokenize, tokenTerms, toSearchableText } from "#app/core/text-analysis.ts";
import { wordFamily } from "#app/core/word-families.ts";

function matches(key: string, text: string): boolean {
  return prepareKey(key)(toSearchableText(text));
}

function terms(text: string, language: string, asciiTyped = false): string[] {
  return tokenize(text, language).flatMap((token) => tokenTerms(token, language, asciiTyped));
}

describe("folding", () => {
  it("makes one letter of the four Turkish i's", () => {
    assert.equal(fold("I İ ı i"), "i i i i");
    assert.equal(fold("İSTANBUL"), fold("istanbul"));
    assert.equal(fold("ISPARTA"), fold("ısparta"));
  });

  it("takes off capitals and diacritics, composed or not", () => {
    assert.equal(fold("Çağrı ŞÖYLE Ünlü"), "cagri soyle unlu");
    assert.equal(fold("e\u0301tude"), fold("étude"));
    assert.equal(fold("Straße Øre"), "strasse ore");
  });

  it("changes nothing the second time, whichever character it is", () => {
    const changed: string[] = [];
    for (let code = 0; code <= 0x10ffff; code += 1) {
      const folded = fold(String.fromCodePoint(code));
      if (fold(folded) !== folded) changed.push(code.toString(16));
    }
    assert.deepEqual(changed, []);
  });

  it("knows an apostrophe that comes out of another character", () => {
    assert.deepEqual(["ŉ", "｀", "\u1fef", "´"].map(fold), ["'n", "'", "'", "'"]);
  });

  it("changes nothing the second time, whatever the text", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => fold(fold(text)) === fold(text)));
  });
});

describe("tokens and terms", () => {
  it("parts a Turkish name from the suffix behind its apostrophe", () => {
    assert.deepEqual(
      tokenize("Londra'da doğdum", "tr").map(({ lower }) => lower),
      ["londra", "doğdum"],
    );
  });

  it("remembers where a word stands and whether it is capitalised", () => {
    const [, second] = tokenize("Hello, Ada", "en");
    assert.equal(second?.start, 7);
    assert.equal(second?.isCapitalised, true);
  });

  it("drops function words, contractions too, and keeps what carries meaning", () => {
    assert.deepEqual(terms("Don't you have the engines?", "en"), ["engin"]);
    assert.equal(isStopWord("nedir", "tr"), true);
    assert.equal(isStopWord("first", "en"), false);
  });

  it("gives words of one family one term", () => {
    for (const pair of [
      ["born", "birthday"],
      ["died", "death"],
      ["wrote", "written"],
      ["kids", "children"],
    ]) {
      assert.deepEqual(terms(pair[0] ?? "", "en"), terms(pair[1] ?? "", "en"), pair.join(" and "));
    }
    assert.deepEqual(terms("doğdun", "tr"), terms("doğum", "tr"));
    assert.deepEqual(terms("dogdun", "tr", true), terms("doğdum", "tr"));
  });

  it("takes 'oldun' for 'öldün' only in a text typed without diacritics", () => {
    assert.equal(wordFamily("oldun", "tr", true), "~death");
    assert.equal(wordFamily("oldun", "tr", false), undefined);
    assert.equal(isAsciiTyped("ne zaman oldun"), true);
    assert.equal(isAsciiTyped("nasıl oldun"), false);
  });

  it("does not take the name Anne for the Turkish word for mother", () => {
    assert.ok(!terms("Kızım Anne Isabella", "tr").includes("~mother"));
    assert.ok(terms("annem", "tr").includes("~mother"));
  });

  it("takes a for an article, and A for the name of a note", () => {
    assert.deepEqual(terms("a card in Note A", "en"), ["card", "note", "a"]);
    assert.deepEqual(terms("A card", "en"), ["card"]);
  });

  it("leaves words of a language without a stemmer as they are", () => {
    assert.equal(stem("häuser", "de"), "hauser");
  });
});

describe("sentences", () => {
  const cases: ReadonlyArray<readonly [name: string, language: string, text: string, sentences: string[]]> = [
    ["titles", "en", "I met Mr. Babbage. He smiled.", ["I met Mr. Babbage.", "He smiled."]],
    [
      "volumes and numbers",
      "en",
      "See vol. 3 and No. 2 of it. Then stop.",
      ["See vol. 3 and No. 2 of it.", "Then stop."],
    ],
    [
      "dates",
      "en",
      "I was born on 10 December 1815. I died in 1852.",
      ["I was born on 10 December 1815.", "I died in 1852."],
    ],
    ["spaced initials", "en", "Charles L. Dodgson came. He left.", ["Charles L. Dodgson came.", "He left."]],
    [
      "a letter that ends a sentence",
      "en",
      "They are lettered A to G. My Notes are long.",
      ["They are lettered A to G.", "My Notes are long."],
    ],
    [
      "initials inside a sentence",
      "en",
      "I signed it A.A.L. and sent it.",
      ["I signed it A.A.L. and sent it."],
    ],
    [
      "Turkish ordinals",
      "tr",
      "Onun 2. Fark Makinesi güzeldir. Bitti.",
      ["Onun 2. Fark Makinesi güzeldir.", "Bitti."],
    ],
    [
      "Turkish centuries",
      "tr",
      "Bu 19. yüzyılda oldu. Sonra bitti.",
      ["Bu 19. yüzyılda oldu.", "Sonra bitti."],
    ],
    [
      "a figure that opens a sentence",
      "tr",
      "Notları yazdım. 1843'te yayımladım.",
      ["Notları yazdım.", "1843'te yayımladım."],
    ],
    ["wrapped lines and lists", "en", "One\nline.\n\n- first\n- second", ["One line.", "first", "second"]],
    ["headings", "en", "### Title\nText.", ["Text."]],
    ["nothing", "en", " \n ", []],
  ];
  for (const [name, language, text, sentences] of cases) {
    it(`are cut right around ${name}`, () => {
      assert.deepEqual(splitSentences(text, language), sentences);
    });
  }

  it("hold every word of the text, in order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("Ada", "Mr.", "No.", "2.", "wrote", "it.", "1843.", "G."), {
          maxLength: 20,
        }),
        (words) => {
          const text = words.join(" ");
          for (const language of ["en", "tr"]) {
            const joined = splitSentences(text, language).join(" ");
            assert.equal(joined.replace(/\s/g, ""), text.replace(/^\s*\d\.\s+/, "").replace(/\s/g, ""));
          }
        },
      ),
    );
  });
});

describe("keys", () => {
  const found: ReadonlyArray<readonly [key: string, text: string]> = [
    ["makine", "Makinesi nasıl çalışır?"],
    ["makine", "MAKİNELERİ anlat"],
    ["not", "notları kim yazdı"],
    ["kitap", "kitabın var mı"],
    ["sayı", "sayilari say"],
    ["öğretmen", "ogretmenlerin kimdi"],
    ["program", "programcı mısın"],
    ["çocuk", "cocuklarin var mi"],
    ["matematik", "matematikçi miydin"],
    ["İngiltere", "ingiltere'de yaşadın mı"],
    ["Londra", "londrada mı doğdun"],
    ["Babbage", "Babbage'ın evi"],
    ["analitik makine", "Analitik Makine'yi anlat"],
    ["delikli kart", "delikli kartlar ne işe yarar"],
    ["ilk programcı", "İLK PROGRAMCI kimdi"],
    ["müzik", "muzik yapar mi"],
    ["Bernoulli", "the Bernoullis"],
    ["Note G", "What about note g?"],
    ["engine", "engines"],
    ["published", "publishing"],
    ["c++", "I like C++, and you?"],
    [".net", "what is .NET?"],
    [".net", "asp.net"],
    ["c#", "C# or Java"],
  ];
  for (const [key, text] of found) {
    it(`find "${key}" in "${text}"`, () => assert.equal(matches(key, text), true));
  }

  const absent: ReadonlyArray<readonly [key: string, text: string]> = [
    ["not", "nothing at all"],
    ["art", "the start"],
    ["card", "the cardinal"],
    ["Note G", "a note of Greg"],
    ["Note G", "G comes before the note"],
    ["c++", "the letter c"],
    ["c+", "c++"],
    [".net", "a fishing net"],
    [".net", ".network"],
    ["", "anything"],
    ["—", "a — b c"],
  ];
  for (const [key, text] of absent) {
    it(`do not find "${key}" in "${text}"`, () => assert.equal(matches(key, text), false));
  }
});
