// Every rule that a persona file can break, with file, line and column.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findingsOf, loadWith, withoutMessage } from "../../../support/data-folder.ts";

describe("a finding about a variant", () => {
  const cases: readonly [string, string, ...string[]][] = [
    ["unknown key", "---\nname: V\ngreting: hi\n---\n", "3:1: error [unknown-key]"],
    ["unknown nested key", "---\nname: V\nmodel: {temprature: 1}\n---\n", "3:9: error [unknown-key]"],
    ["__proto__", "---\nname: V\n__proto__: {name: Eve}\n---\n", "3:1: error [unknown-key]"],
    ["no name", "---\nschema: 1\n---\n", "1:1: error [schema]"],
    ["empty name", "---\nname: ' '\n---\n", "2:1: error [schema]"],
    ["unknown schema version", "---\nschema: 2\nname: V\n---\n", "2:1: error [schema]"],
    ["too hot", "---\nname: V\nmodel:\n  temperature: 2.1\n---\n", "4:3: error [schema]"],
    ["too many tokens", "---\nname: V\nmodel: {max_output_tokens: 4097}\n---\n", "3:9: error [schema]"],
    ["no whole number", "---\nname: V\nlimits: {history_messages: 1.5}\n---\n", "3:10: error [schema]"],
    [
      "seven questions",
      "---\nname: V\nsuggested_questions: [a, b, c, d, e, f, g]\n---\n",
      "3:1: error [schema]",
    ],
    ["emptied disclosure", "---\nname: V\ndisclosure: ''\n---\n", "3:1: error [schema]"],
    [
      "emptied disclosure in a language",
      "---\nname: V\ndisclosure: {en: ' '}\n---\n",
      "3:14: error [schema]",
    ],
    ["disclosure in no language", "---\nname: V\ndisclosure: {}\n---\n", "3:1: error [schema]"],
    ["no language code", "---\nname: V\ngreeting: {en: a, tr: b, turkish: c}\n---\n", "3:26: error [schema]"],
    [
      "long knowledge",
      `---\nname: V\nknowledge:\n  - id: a\n    keys: [k]\n    content: ${"x".repeat(2001)}\n---\n`,
      "6:5: error [schema]",
    ],
    ["front matter that is a list", "---\n- name\n---\n", "1:1: error [schema]"],
    [
      "knowledge id twice",
      "---\nname: V\nknowledge:\n  - {id: a, keys: [k], content: A}\n  - {id: a, keys: [k], content: B}\n---\n",
      "5:6: error [duplicate-id]",
    ],
    ["nothing to extend", "---\nname: V\nextends: persna\n---\n", "3:1: error [extends-missing]"],
    ["extending itself", "---\nname: V\nextends: v\n---\n", "3:1: error [extends-missing]"],
    ["another id", "---\nname: V\nid: w\n---\n", "3:1: error [id-not-file-name]"],
    ["id of no form", "---\nname: V\nid: Not_an-id\n---\n", "3:1: error [schema]"],
    ["no front matter", "# Identity\nI am.\n", "1:1: error [frontmatter-missing]"],
    ["unclosed front matter", "---\nname: V\n", "1:1: error [frontmatter-unclosed]"],
    ["JavaScript", "---js\n({name: 'V'})\n---\n", "1:4: error [frontmatter-language]"],
    ["broken YAML", "---\nname: V\nname: W\n---\n", "3:1: error [yaml]"],
    [
      "unknown placeholder",
      "---\nname: V\n---\n# Rules\nAsk {{username}} and {{char}}.\n",
      "5:5: error [unknown-placeholder]",
    ],
    [
      "placeholder with blanks",
      "---\nname: V\npost_history: Ask {{ user }}.\n---\n",
      "3:19: error [unknown-placeholder]",
    ],
    ["model not allowed", "---\nname: V\nmodel:\n  name: large\n---\n", "4:3: error [model-not-allowed]"],
    [
      "greeting in one language of two",
      "---\nname: V\ngreeting: Hi.\n---\n",
      "3:1: error [language-missing]",
    ],
    [
      "new language without lines",
      "---\nname: V\nlanguages: [en, tr, de]\n---\n",
      ...Array<string>(3).fill("3:1: error [language-missing]"),
    ],
    [
      "greeting without facts",
      "---\nname: V\ngreeting:\n  en: a\n  tr: b\n  de: c\n---\n",
      "6:3: error [language-missing]",
    ],
    [
      "question not in the default language",
      "---\nname: V\nsuggested_questions:\n  - {tr: Ne?}\n---\n",
      "4:5: error [language-missing]",
    ],
    ["emptied Identity", "---\nname: V\n---\n# Voice\nV\n# Identity\n", "6:1: error [missing-section]"],
    [
      "no Identity anywhere",
      "---\nname: V\nextends: false\ngreeting: G\nfallback: F\ndisclosure: D\n---\n# Never\nN\n# Examples\n**user:** a\n**char:** b",
      "8:1: error [missing-section]",
    ],
    ["file of 64 KiB and more", `---\nname: V\n---\n${"x".repeat(65_536)}`, "1:1: error [too-large]"],
    ["NUL", "---\nname: V\n---\nab\0", "4:3: error [encoding]"],
    ["unknown section", "---\nname: V\n---\n# Voices\nV", "4:1: warning [unknown-section]"],
    [
      "long greeting",
      `---\nname: V\ngreeting: {en: ${"x".repeat(401)}, tr: b}\n---\n`,
      "3:12: warning [long-greeting]",
    ],
    ["no examples", "---\nname: V\n---\n# Rules\nR\n# Examples\n", "6:1: warning [no-examples]"],
    ["half an example", "---\nname: V\n---\n# +Examples\n**user:** Hm?", "4:1: warning [malformed-example]"],
    [
      "knowledge without keys",
      "---\nname: V\nknowledge:\n  - {id: a, content: A}\n---\n",
      "4:5: warning [unreachable-knowledge]",
    ],
  ];
  for (const [what, text, ...expected] of cases) {
    it(`names file, line, column and rule: ${what}`, async (t) => {
      const findings = await findingsOf(t, { "personas/v.md": text }, ["small"]);
      assert.deepEqual(
        findings.map(withoutMessage),
        expected.map((finding) => `data/personas/v.md:${finding}`),
      );
      const { personas } = await loadWith(t, { "personas/v.md": text }, ["small"]);
      assert.equal(personas.has("v"), !findings.some((finding) => finding.includes(": error [")));
    });
  }

  it("suggests the key, the section's or the persona's name that was meant", async (t) => {
    const text =
      "---\nname: V\nextends: persna\nmodel: {temprature: 1}\nknowledge: [{id: a, key: [x], content: A}]\ngreting: a\n---\n";
    const findings = (await findingsOf(t, { "personas/v.md": text })).join("\n");
    for (const meant of ["temperature", "keys", "greeting", "persona"]) {
      assert.ok(findings.includes(`(did you mean "${meant}"?)`), `${meant} in\n${findings}`);
    }
  });

  it("comes with all others of the file, across the checks", async (t) => {
    const text =
      "---\nid: w\nname: ''\nnope: 1\nmodel: {name: large, top_p: 3}\nextends: persna\n---\n# Identity\n{{x}}\n# Foo\n";
    const findings = await findingsOf(t, { "personas/v.md": text, "personas/w.md": "---\nname: W\n---\n" });
    assert.deepEqual(
      findings.map(withoutMessage),
      [
        "2:1: error [id-not-file-name]",
        "2:1: error [duplicate-id]",
        "3:1: error [schema]",
        "4:1: error [unknown-key]",
        "5:22: error [schema]",
        "6:1: error [extends-missing]",
        "9:1: error [unknown-placeholder]",
        "10:1: warning [unknown-section]",
      ].map((finding) => `data/personas/v.md:${finding}`),
    );
  });

  it("says that a chain of variants is too long", async (t) => {
    const files = {
      "personas/v.md": "---\nname: V\nextends: w\n---\n",
      "personas/w.md": "---\nname: W\n---\n",
    };
    const [finding, ...others] = await findingsOf(t, files);
    assert.match(finding ?? "", /^data\/personas\/v\.md:3:1: error \[extends-missing\] .*only one level/);
    assert.deepEqual(others, []);
  });

  it("refuses a variant that calls itself like the main persona, and leaves the main persona alone", async (t) => {
    const files = {
      "personas/persona.md": "---\nid: persona\nname: Eve\n---\n",
      "personas/v.md": "---\nname: V\n---\n",
    };
    const { main, personas, problems } = await loadWith(t, files);
    assert.deepEqual([main.name, [...personas.keys()]], ["Ada", ["persona", "v"]]);
    assert.deepEqual(
      problems.map(({ path, line, rule }) => [path, line, rule]),
      [["data/personas/persona.md", 2, "duplicate-id"]],
    );
  });

  it("refuses a file whose name is no id", async (t) => {
    const long = "a".repeat(65);
    const files = {
      "personas/README.md": "---\nname: V\n---\n",
      [`personas/${long}.md`]: "---\nname: V\n---\n",
    };
    assert.deepEqual((await findingsOf(t, files)).map(withoutMessage), [
      "data/personas/README.md:1:1: error [id-not-file-name]",
      `data/personas/${long}.md:1:1: error [id-not-file-name]`,
    ]);
  });

  it("refuses text that is not UTF-8", async (t) => {
    const findings = await findingsOf(t, {
      "personas/v.md": Uint8Array.of(0x2d, 0x2d, 0x2d, 0x0a, 0xff, 0xfe),
    });
    assert.deepEqual(findings.map(withoutMessage), ["data/personas/v.md:1:1: error [encoding]"]);
  });
});
