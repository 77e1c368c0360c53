// Knowledge files: what a good one becomes, and what a bad one is told.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findingsOf, loadWith, withoutMessage } from "../../support/data-folder.ts";

describe("a knowledge file", () => {
  it("becomes a note, cut at its headings", async (t) => {
    const head =
      "id: n\ntitle: The Notes\nlanguage: en\nkeys: [Note G]\nknown_by: [ada]\nwhen: {chapter: {gte: 2}}\npriority: 7\nsource: A book.";
    const { notes, problems } = await loadWith(t, {
      "knowledge/n.md": `---\n${head}\n---\nIntro.\n\n## Note G\nBernoulli.\n`,
    });
    assert.deepEqual(problems, []);
    const [note] = notes;
    assert.deepEqual(
      { ...note, when: { ...note?.when } },
      {
        id: "n",
        title: "The Notes",
        language: "en",
        keys: ["Note G"],
        knownBy: ["ada"],
        when: { chapter: { gte: 2 } },
        priority: 7,
        source: "A book.",
        chunks: [
          { heading: "", text: "Intro." },
          { heading: "Note G", text: "Bernoulli." },
        ],
      },
    );
    assert.ok(Object.isFrozen(note) && Object.isFrozen(note?.chunks[0]) && Object.isFrozen(notes));
  });

  it("needs little: a title and a text; who may know it is everyone", async (t) => {
    const { notes } = await loadWith(t, {
      "knowledge/b.md": "---\ntitle: B\n---\nText",
      "knowledge/a.md": "---\ntitle: A\n---\nText",
    });
    assert.deepEqual(
      notes.map(({ id, language, knownBy, priority }) => [id, language, knownBy, priority]),
      [
        ["a", "en", [], 100],
        ["b", "en", [], 100],
      ],
    );
  });

  it("is left out without a word when it is disabled", async (t) => {
    const { notes, problems } = await loadWith(t, { "knowledge/n.md": "---\nenabled: false\n---\n" });
    assert.deepEqual([notes, problems], [[], []]);
  });

  const cases: readonly [string, string, ...string[]][] = [
    ["no title", "---\nlanguage: en\n---\nText", "1:1: error [schema]"],
    ["unknown key", "---\ntitle: N\nkey: [a]\n---\nText", "3:1: error [unknown-key]"],
    ["no comparison", "---\ntitle: N\nwhen:\n  chapter: {}\n---\nText", "4:3: error [schema]"],
    [
      "unknown comparison",
      "---\ntitle: N\nwhen: {chapter: {over: 2}}\n---\nText",
      "3:18: error [unknown-key]",
    ],
    ["another id", "---\ntitle: N\nid: m\n---\nText", "3:1: error [id-not-file-name]"],
    ["no text", "---\ntitle: N\n---\n## Empty\n", "4:1: error [missing-section]"],
    ["JavaScript", "---javascript\n({title: 'N'})\n---\nText", "1:4: error [frontmatter-language]"],
    ["broken YAML", "---\ntitle: 'N\n---\nText", "2:10: error [yaml]"],
    ["placeholder", "---\ntitle: N\n---\nAsk {{owner}}", "4:5: error [unknown-placeholder]"],
    ["key", `---\ntitle: N\n---\nAKIA${"ABCDEFGH12345678"}`, "4:1: error [secret]"],
    [
      "several",
      "---\ntitle: ''\nkey: 1\nid: m\n---\n",
      "2:1: error [schema]",
      "3:1: error [unknown-key]",
      "4:1: error [id-not-file-name]",
      "6:1: error [missing-section]",
    ],
  ];
  for (const [what, text, ...expected] of cases) {
    it(`is left out, and the place named: ${what}`, async (t) => {
      const findings = await findingsOf(t, { "knowledge/n.md": text });
      assert.deepEqual(
        findings.map(withoutMessage),
        expected.map((finding) => `data/knowledge/n.md:${finding}`),
      );
      assert.deepEqual((await loadWith(t, { "knowledge/n.md": text })).notes, []);
    });
  }
});
