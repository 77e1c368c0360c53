// From markdown to sections: headings, additions, languages, examples.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cutAtHeadings, cutChunks } from "#app/services/chatbot/persona-files/markdown-headings.ts";
import { parseExamples } from "#app/services/chatbot/persona-files/persona-examples.ts";
import { formatProblem, ProblemList } from "#app/services/chatbot/persona-files/persona-problems.ts";
import {
  type PersonaSection,
  parsePersonaSections,
} from "#app/services/chatbot/persona-files/persona-sections.ts";

function parse(body: string, bodyLine = 1): { sections: readonly PersonaSection[]; findings: string[] } {
  const problems = new ProblemList("p.md");
  const sections = parsePersonaSections(body, bodyLine, problems);
  return { sections, findings: problems.all.map(formatProblem) };
}

describe("parsePersonaSections", () => {
  it("cuts at level-1 headings, whatever their case, and leaves Notes out", () => {
    const { sections, findings } = parse("# Identity\nA\n\n# VOICE\nB\n## deeper\nC\n# Notes\nsecret\n", 10);
    assert.deepEqual(findings, []);
    assert.deepEqual(sections, [
      { name: "identity", language: undefined, append: false, text: "A", line: 10 },
      { name: "voice", language: undefined, append: false, text: "B\n## deeper\nC", line: 13 },
    ]);
  });

  it("takes text before the first heading for Identity and joins it with the section of that name", () => {
    const { sections } = parse("\nFirst.\n\n# Rules\nR\n# Identity\nSecond.");
    assert.equal(sections[0]?.name, "identity");
    assert.equal(sections[0]?.text, "First.\n\nSecond.");
    assert.equal(parse("\n \n# Rules\nR").sections.length, 1);
  });

  it("joins repeated headings in their order", () => {
    assert.equal(parse("# Rules\nA\n# Voice\nV\n# Rules\nB").sections[0]?.text, "A\n\nB");
  });

  it("marks a heading with a plus as an addition, unless the plain heading is there too", () => {
    assert.equal(parse("# +Rules\nA").sections[0]?.append, true);
    assert.equal(parse("# + Rules\nA\n# +Rules\nB").sections[0]?.append, true);
    assert.equal(parse("# +Rules\nA\n# Rules\nB").sections[0]?.append, false);
  });

  it("keeps Facts of each language apart", () => {
    const { sections } = parse("# Facts\nA\n# Facts {lang=tr}\nB\n# +Facts {lang=de}\nC");
    assert.deepEqual(
      sections.map(({ name, language, append, text }) => [name, language, append, text]),
      [
        ["facts", undefined, false, "A"],
        ["facts", "tr", false, "B"],
        ["facts", "de", true, "C"],
      ],
    );
  });

  it("does not take a comment in a code block for a heading", () => {
    const body = "# Rules\n```sh\n# Never\n~~~\n```\n~~~~\n# Voice\n~~~\n~~~~\nend\n# Never\nN";
    const { sections, findings } = parse(body);
    assert.deepEqual(
      sections.map(({ name, line }) => [name, line]),
      [
        ["rules", 1],
        ["never", 11],
      ],
    );
    assert.deepEqual(findings, []);
  });

  it("warns of a code block that is never closed and so swallows headings", () => {
    const { findings } = parse("# Rules\n```\n# Never\nN", 5);
    assert.deepEqual(findings, [
      "p.md:6:1: warning [unclosed-fence] This code block is never closed; headings after it are not seen.",
    ]);
  });

  it("warns of an unknown section, leaves it out and suggests the nearest name", () => {
    const { sections, findings } = parse("# Identity\nA\n# Exmples\nB\n# Zzz\nC", 8);
    assert.equal(sections.length, 1);
    assert.deepEqual(findings, [
      'p.md:10:1: warning [unknown-section] "Exmples" is not a known section (did you mean "Examples"?)',
      'p.md:12:1: warning [unknown-section] "Zzz" is not a known section',
    ]);
  });

  it("warns of a language on a section that has none, and of one that is no code", () => {
    assert.match(parse("# Voice {lang=tr}\nA").findings[0] ?? "", /only Facts is written by language/);
    assert.match(parse("# Facts {lang=turkish}\nA").findings[0] ?? "", /\[unknown-section\]/);
  });
});

describe("cutAtHeadings", () => {
  it("knows the forms of a heading", () => {
    const titles = (text: string) => cutAtHeadings(text, 1).blocks.map(({ title }) => title);
    assert.deepEqual(titles("# A\n   # B ##\n#\tC\n#"), [undefined, "A", "B", "C", ""]);
    assert.deepEqual(titles("#A\n    # B\n## C\n\\# D"), [undefined]);
  });

  it("does not take code within a line for a fence", () => {
    assert.equal(cutAtHeadings("``` a ```\n# A", 1).blocks.length, 2);
  });
});

describe("cutChunks", () => {
  it("cuts at ## and leaves empty pieces out", () => {
    assert.deepEqual(cutChunks("intro\n## A\none\n### sub\ntwo\n## Empty\n\n## B\nthree"), [
      { heading: "", text: "intro" },
      { heading: "A", text: "one\n### sub\ntwo" },
      { heading: "B", text: "three" },
    ]);
    assert.deepEqual(cutChunks("  \n"), []);
  });
});

describe("parseExamples", () => {
  it("reads pairs, set apart by --- or simply one after the other", () => {
    const text =
      "**user:** A?\n**char:** B.\nMore.\n\n---\n\n**User:** C?\n**Char:** D.\n**user:** E?\n**char:** F.";
    assert.deepEqual(parseExamples(text), {
      turns: [
        { user: "A?", char: "B.\nMore." },
        { user: "C?", char: "D." },
        { user: "E?", char: "F." },
      ],
      malformed: 0,
    });
  });

  it("leaves out and counts what is no pair, and keeps the pairs around it", () => {
    const text =
      "**user:** A?\n---\n**char:** B.\n---\nloose\n---\n**user:** C?\n**user:** D?\n**char:** E.\n---\n**user:**\n**char:** F.";
    const { turns, malformed } = parseExamples(text);
    assert.deepEqual(turns, [{ user: "D?", char: "E." }]);
    assert.equal(malformed, 6);
  });

  it("gives nothing for nothing", () => {
    assert.deepEqual(parseExamples(" \n---\n"), { turns: [], malformed: 0 });
  });
});
