// The main persona and its variants: inheritance, defaults, freezing, revision.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Persona } from "#app/models/persona.ts";
import { GOOD_PERSONA, loadWith } from "../../support/data-folder.ts";

/** The good persona with a line of its front matter replaced, or with more lines (from line 10 on). */
const changed = (from: string, to: string): string => GOOD_PERSONA.replace(from, to);
const withLines = (...lines: string[]): string =>
  changed("---\n# Identity", `${lines.join("\n")}\n---\n# Identity`);

async function variantOf(test: TestContext, text: string): Promise<Persona> {
  const { personas, problems } = await loadWith(test, { "personas/v.md": text });
  const persona = personas.get("v");
  assert.ok(persona, JSON.stringify(problems));
  return persona;
}

describe("a persona file", () => {
  it("becomes a persona with all defaults filled in", async (t) => {
    const { main, problems } = await loadWith(t, {});
    assert.deepEqual(problems, []);
    assert.equal(main.id, "persona");
    assert.equal(main.kind, "persona");
    assert.deepEqual(main.model, { name: null, temperature: 0.7, topP: 1, maxOutputTokens: 600 });
    assert.deepEqual(main.limits, { maxInputChars: 2000, historyMessages: 20, knowledgeTokens: 800 });
    assert.deepEqual({ ...main.greeting }, { en: "Good day.", tr: "Merhaba." });
    assert.equal(main.identity, "You are {{char}}.");
    assert.deepEqual(main.facts, [
      { language: "en", chunks: [{ heading: "Notes", text: "They were published in 1843." }] },
      { language: "tr", chunks: [{ heading: "Notlar", text: "1843'te yayımlandı." }] },
    ]);
    assert.deepEqual(main.examples, [{ user: "Who are you?", char: "Ada." }]);
    assert.deepEqual(
      [main.tags, main.tools, main.tests, main.knowledge, main.postHistory],
      [[], [], [], [], ""],
    );
  });

  it("translates every key of the front matter", async (t) => {
    const text = withLines(
      "id: persona",
      "description: Mathematician.",
      "tags: [ada]",
      "suggested_questions: [Who?, {en: What?, tr: Ne?}]",
      "refusals: {en: [No.], tr: [Hayır.]}",
      "model: {name: small, temperature: 0, top_p: 0.5, max_output_tokens: 10}",
      "limits: {max_input_chars: 100, history_messages: 0, knowledge_tokens: 0}",
      "tools: [clock]",
      "knowledge:",
      "  - {id: note-g, keys: [Note G], all: [a], none: [b], known_by: [ada], when: {chapter: {gte: 2}, met: true}, constant: true, scan: 2, priority: 5, content: Text.}",
      "tests: [{ask: When?, expect: {contains: ['1843'], not_contains: [x], lang: en, max_chars: 9}}, {ask: Who?, expect: {}}]",
      "post_history: Be brief.",
      "extensions: {acme: {anything: [1]}}",
    );
    const { main, problems } = await loadWith(t, { "persona.md": text }, ["small"]);
    assert.deepEqual(problems, []);
    assert.equal(main.description, "Mathematician.");
    assert.deepEqual(
      main.suggestedQuestions.map((question) => ({ ...question })),
      [{ en: "Who?" }, { en: "What?", tr: "Ne?" }],
    );
    assert.deepEqual({ ...main.refusals }, { en: ["No."], tr: ["Hayır."] });
    assert.deepEqual(main.model, { name: "small", temperature: 0, topP: 0.5, maxOutputTokens: 10 });
    assert.deepEqual(main.limits, { maxInputChars: 100, historyMessages: 0, knowledgeTokens: 0 });
    const [entry] = main.knowledge;
    assert.deepEqual(
      { ...entry, when: { ...entry?.when } },
      {
        id: "note-g",
        keys: ["Note G"],
        all: ["a"],
        none: ["b"],
        knownBy: ["ada"],
        when: { chapter: { gte: 2 }, met: true },
        constant: true,
        scan: 2,
        priority: 5,
        content: "Text.",
      },
    );
    assert.deepEqual(main.tests, [
      { ask: "When?", expect: { contains: ["1843"], notContains: ["x"], lang: "en", maxChars: 9 } },
      { ask: "Who?", expect: { contains: [], notContains: [] } },
    ]);
    assert.equal(main.postHistory, "Be brief.");
  });

  it("takes a plain string for the default language, and for English when it follows the visitor", async (t) => {
    const plain = "name: V\nextends: false\ngreeting: G\nfallback: F\ndisclosure: D\n---\nI am.";
    const turkish = await variantOf(t, `---\nlanguage: tr\n${plain}`);
    assert.deepEqual([{ ...turkish.greeting }, turkish.languages], [{ tr: "G" }, ["tr"]]);
    const auto = await variantOf(t, `---\nlanguage: auto\n${plain}`);
    assert.deepEqual([auto.language, { ...auto.fallback }, auto.languages], ["auto", { en: "F" }, ["en"]]);
  });

  it("cannot be changed afterwards, at any depth, and has no prototype where keys come from a file", async (t) => {
    const { main } = await loadWith(t, {});
    assert.throws(() => Reflect.apply(Array.prototype.push, main.facts[0]?.chunks, [1]), TypeError);
    assert.ok([main, main.model, main.examples[0], main.greeting, main.disclosure].every(Object.isFrozen));
    assert.equal(Object.getPrototypeOf(main.greeting), null);
    assert.equal(Object.getPrototypeOf(main.refusals), null);
    assert.equal(main.greeting.constructor, undefined);
  });

  it("has a revision that depends on its content alone", async (t) => {
    const { main } = await loadWith(t, {});
    assert.match(main.revision, /^[0-9a-f]{12}$/);
    const same = changed("name: Ada\nlanguage: en", "language: en\n# comment\nname: Ada").replaceAll(
      "\n",
      "\r\n",
    );
    assert.equal((await loadWith(t, { "persona.md": same })).main.revision, main.revision);
    const other = changed("Be brief.", "Be brief!");
    assert.notEqual((await loadWith(t, { "persona.md": other })).main.revision, main.revision);
    const greeting = changed("en: Good day.", "en: Good day!");
    assert.notEqual((await loadWith(t, { "persona.md": greeting })).main.revision, main.revision);
  });
});

describe("a variant", () => {
  it("has its own words and inherits everything else", async (t) => {
    const variant = await variantOf(t, "---\nname: V\n---\n# Voice\nDry.");
    assert.equal(variant.name, "V");
    assert.equal(variant.voice, "Dry.");
    assert.equal(variant.identity, "You are {{char}}.");
    assert.equal(variant.facts.length, 2);
    assert.deepEqual({ ...variant.greeting }, { en: "Good day.", tr: "Merhaba." });
  });

  it("replaces sections by heading, adds with a plus, and always adds to Never", async (t) => {
    const body =
      "# Identity\nMe.\n# +Rules\nBe kind.\n# Never\nNever shout.\n# Facts {lang=tr}\n## Yeni\nX.\n# +Examples\n**user:** A\n**char:** B";
    const variant = await variantOf(t, `---\nname: V\n---\n${body}`);
    assert.equal(variant.identity, "Me.");
    assert.equal(variant.rules, "Be brief.\n\nBe kind.");
    assert.equal(variant.never, "Never lie.\n\nNever shout.");
    assert.equal(variant.examples.length, 2);
    assert.deepEqual(
      variant.facts.map(({ language, chunks }) => [language, chunks.map(({ heading }) => heading)]),
      [
        ["en", ["Notes"]],
        ["tr", ["Yeni"]],
      ],
    );
    const added = await variantOf(
      t,
      "---\nname: V\n---\n# +Facts\n## More\nY.\n# Facts {lang=en}\n## Again\nZ.",
    );
    assert.deepEqual(
      added.facts[0]?.chunks.map(({ heading }) => heading),
      ["Notes", "More", "Again"],
    );
  });

  it("merges model and limits by key", async (t) => {
    const main = withLines("model: {name: small, temperature: 0.2}", "limits: {history_messages: 5}");
    const files = {
      "persona.md": main,
      "personas/v.md": "---\nname: V\nmodel: {top_p: 0.5}\nlimits: {max_input_chars: 9}\n---\n",
      "personas/w.md": "---\nname: W\nmodel: {name: null}\n---\n",
    };
    const { personas } = await loadWith(t, files, ["small"]);
    const inherited = { name: "small", temperature: 0.2, topP: 0.5, maxOutputTokens: 600 };
    assert.deepEqual(personas.get("v")?.model, inherited);
    const limits = { maxInputChars: 9, historyMessages: 5, knowledgeTokens: 800 };
    assert.deepEqual(personas.get("v")?.limits, limits);
    assert.equal(personas.get("w")?.model.name, null);
  });

  it("merges knowledge by id, and takes an entry away with enabled: false", async (t) => {
    const main = withLines(
      "knowledge: [{id: a, keys: [x], content: A}, {id: b, keys: [y], content: B}, {id: c, keys: [z], content: C}]",
    );
    const own =
      "knowledge: [{id: b, enabled: false}, {id: a, keys: [q], content: A2}, {id: d, keys: [w], content: D}]";
    const { personas } = await loadWith(t, {
      "persona.md": main,
      "personas/v.md": `---\nname: V\n${own}\n---\n`,
    });
    assert.deepEqual(
      personas.get("v")?.knowledge.map(({ id, keys, content }) => [id, keys, content]),
      [
        ["a", ["q"], "A2"],
        ["c", ["z"], "C"],
        ["d", ["w"], "D"],
      ],
    );
  });

  it("replaces a disclosure by language and loses none", async (t) => {
    const variant = await variantOf(t, "---\nname: V\ndisclosure: {en: A program as well.}\n---\n");
    assert.deepEqual({ ...variant.disclosure }, { en: "A program as well.", tr: "Ben bir programım." });
  });

  it("does not inherit the tests, and inherits nothing at all with extends: false", async (t) => {
    const main = withLines("tests: [{ask: When?, expect: {}}]", "tags: [ada]");
    const alone = "---\nname: W\nextends: false\ngreeting: G\nfallback: F\ndisclosure: D\n---\nI am.";
    const files = { "persona.md": main, "personas/v.md": "---\nname: V\n---\n", "personas/w.md": alone };
    const { personas } = await loadWith(t, files);
    assert.deepEqual([personas.get("v")?.tests, personas.get("v")?.tags], [[], ["ada"]]);
    assert.deepEqual(
      [personas.get("w")?.tags, personas.get("w")?.rules, personas.get("w")?.never],
      [[], "", ""],
    );
  });

  it("may extend another persona that extends none, whatever the order of the files", async (t) => {
    const root = "---\nname: Z\nextends: false\ngreeting: G\nfallback: F\ndisclosure: D\n---\nI am Z.";
    const { personas } = await loadWith(t, {
      "personas/a.md": "---\nname: A\nextends: z\n---\n",
      "personas/z.md": root,
    });
    assert.equal(personas.get("a")?.identity, "I am Z.");
    assert.deepEqual([...personas.keys()], ["persona", "a", "z"]);
  });

  it("is left out without a word when it is disabled, whatever else is wrong with it", async (t) => {
    const { personas, problems } = await loadWith(t, {
      "personas/v.md": "---\nenabled: false\nnope: 1\n---\n",
    });
    assert.deepEqual([[...personas.keys()], problems], [["persona"], []]);
  });
});
