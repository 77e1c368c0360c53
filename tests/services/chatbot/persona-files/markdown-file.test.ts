// Reading markdown from people we do not trust: code never runs, bombs never unfold, places are right.

import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type MarkdownFile,
  normalizeText,
  parseMarkdownFile,
} from "#app/services/chatbot/persona-files/markdown-file.ts";
import { formatProblem, ProblemList } from "#app/services/chatbot/persona-files/persona-problems.ts";
import { withoutMessage } from "../../../support/data-folder.ts";
import { assertWithin } from "../../../support/held-up.ts";

function parse(raw: string): { file: MarkdownFile | undefined; findings: string[] } {
  const problems = new ProblemList("data/x.md");
  const file = parseMarkdownFile(normalizeText(raw), problems);
  return { file, findings: problems.all.map(formatProblem).map(withoutMessage) };
}

describe("parseMarkdownFile", () => {
  it("gives data, body and the body's first line", () => {
    const { file, findings } = parse("---\nname: Ada\nlist: [1, two]\n---\n# Identity\nYou.\n");
    assert.deepEqual(findings, []);
    assert.deepEqual(file?.frontMatter?.data, { name: "Ada", list: [1, "two"] });
    assert.equal(file?.body, "# Identity\nYou.\n");
    assert.equal(file?.bodyLine, 5);
  });

  it("tells where keys, nested keys and list items stand, and falls back to the nearest key above", () => {
    const at = parse("---\n# a comment\nname: Ada\nmodel:\n  top_p: 1\nlist:\n  - a\n  - {b: 2}\n---\n").file
      ?.frontMatter?.positionOf;
    assert.deepEqual(at?.(["name"]), { line: 3, column: 1 });
    assert.deepEqual(at?.(["model", "top_p"]), { line: 5, column: 3 });
    assert.deepEqual(at?.(["list", 1]), { line: 8, column: 5 });
    assert.deepEqual(at?.(["list", 1, "b"]), { line: 8, column: 6 });
    assert.deepEqual(at?.(["model", "absent"]), { line: 4, column: 1 });
    assert.deepEqual(at?.(["absent"]), { line: 1, column: 1 });
  });

  it("reads a file with a byte order mark and Windows line ends like any other", () => {
    const { file, findings } = parse("\uFEFF---\r\nname: Ada\r\nid: x\r\n---\r\nHello\r\nthere");
    assert.deepEqual(findings, []);
    assert.deepEqual(file?.frontMatter?.data, { name: "Ada", id: "x" });
    assert.deepEqual(file?.frontMatter?.positionOf(["id"]), { line: 3, column: 1 });
    assert.equal(file?.body, "Hello\nthere");
  });

  it("takes a front matter of nothing, or of comments, for an empty one", () => {
    for (const inner of ["", "\n", "# only a comment\n", "#\n"]) {
      assert.deepEqual(parse(`---\n${inner}---\nBody`).file?.frontMatter?.data, {}, JSON.stringify(inner));
    }
  });

  it("does not take an indented --- within a text for the closing one", () => {
    const { file } = parse("---\ntext: |\n  a\n  ---\n  b\n---\nBody");
    assert.deepEqual(file?.frontMatter?.data, { text: "a\n---\nb\n" });
    assert.equal(file?.bodyLine, 7);
  });

  it("reads by the core schema: yes, dates and merge keys are no magic", () => {
    assert.deepEqual(parse("---\na: yes\nb: 2020-01-01\nc: 0o10\n---\n").file?.frontMatter?.data, {
      a: "yes",
      b: "2020-01-01",
      c: 8,
    });
  });
});

describe("parseMarkdownFile refuses", () => {
  const cases: readonly [string, string, string][] = [
    ["an empty text", "", "1:1: error [frontmatter-missing]"],
    ["a text without front matter", "# Identity\n---\n", "1:1: error [frontmatter-missing]"],
    ["an empty line before the fence", "\n---\na: 1\n---\n", "1:1: error [frontmatter-missing]"],
    ["a fence of four", "----\na: 1\n---\n", "1:1: error [frontmatter-missing]"],
    ["a space after the fence", "--- \na: 1\n---\n", "1:1: error [frontmatter-missing]"],
    ["an unclosed front matter", "---\na: 1\n", "1:1: error [frontmatter-unclosed]"],
    ["a closing fence with more on it", "---\na: 1\n--- x\n---\n", "3:4: error [frontmatter-unclosed]"],
    ["a closing fence of four", "---\na: 1\n----\nb\n---\n", "3:4: error [frontmatter-unclosed]"],
    ["a NUL", "---\na: 1\n---\nab\0c", "4:3: error [encoding]"],
    ["a bad indentation", "---\na: 1\n  b: 2\n---\n", "2:4: error [yaml]"],
    ["an unclosed list", "---\na: [1, 2\n---\n", "2:9: error [yaml]"],
    ["a key twice", "---\na: 1\nb: 1\na: 2\n---\n", "4:1: error [yaml]"],
    ["a nested key twice", "---\nm: {x: 1, x: 2}\n---\n", "2:11: error [yaml]"],
    ["an alias", "---\na: &x 1\nb: *x\n---\n", "3:4: error [yaml]"],
    ["an alias as key", "---\na: &x k\n*x : 1\n---\n", "3:1: error [yaml]"],
    ["a tag of another language", "---\na: !!js/function 'x'\n---\n", "2:4: error [yaml]"],
    ["a map as key", "---\n{a: 1}: 2\n---\n", "2:1: error [yaml]"],
    ["a second document", "---\na: 1\n...\nb: 2\n---\n", "4:1: error [yaml]"],
    ["__proto__ as key", "---\na: 1\n__proto__: {admin: true}\n---\n", "3:1: error [unknown-key]"],
    ["__proto__ deep inside", "---\nm:\n  - {__proto__: 1}\n---\n", "3:6: error [unknown-key]"],
  ];
  for (const [what, text, expected] of cases) {
    it(`${what}, and says where, at every reading`, () => {
      for (const reading of ["first", "second"]) {
        const { file, findings } = parse(text);
        assert.equal(file?.frontMatter, undefined, reading);
        assert.equal(findings[0], `data/x.md:${expected}`, reading);
      }
    });
  }

  it("all broken lines of a front matter at once", () => {
    const { findings } = parse("---\na: 1\na: 2\nb: &x 1\nc: *x\n__proto__: 1\n---\n");
    assert.deepEqual(findings.toSorted(), [
      "data/x.md:3:1: error [yaml]",
      "data/x.md:5:4: error [yaml]",
      "data/x.md:6:1: error [unknown-key]",
    ]);
  });

  it("an alias bomb, without unfolding it", () => {
    const lines = ["a0: &a0 [lol, lol]"];
    for (let i = 1; i < 40; i += 1) lines.push(`a${i}: &a${i} [*a${i - 1}, *a${i - 1}, *a${i - 1}]`);
    const { file, findings } = parse(`---\n${lines.join("\n")}\n---\n`);
    assert.equal(file?.frontMatter, undefined);
    assert.equal(findings[0], "data/x.md:3:10: error [yaml]");
  });

  it("brackets nested so deeply that the parser runs out of stack", () => {
    const { file, findings } = parse(`---\na: ${"[".repeat(30_000)}${"]".repeat(30_000)}\n---\n`);
    assert.equal(file?.frontMatter, undefined);
    assert.match(findings[0] ?? "", /error \[yaml\]$/);
  });

  it("a front matter of thousands of lines, whose reading would take seconds", () => {
    const { file, findings } = parse(`---\n${"\n".repeat(60_000)}a: 1\n---\n`);
    assert.equal(file, undefined);
    assert.deepEqual(findings, ["data/x.md:2001:1: error [too-large]"]);
  });

  it("a front matter of ten thousand keys in a blink, each key looked at once", () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => `k${index}`).join(",");
    const started = performance.now();
    assert.deepEqual(parse(`---\na: {${keys}}\n---\n`).findings, []);
    assertWithin("the reading", performance.now() - started, 1500, started);
  });
});

describe("front matter in another language", () => {
  const languages = [
    "js",
    "javascript",
    " JS",
    "JavaScript",
    "json",
    "coffee",
    "cson",
    "toml",
    "yaml",
    " yml ",
  ];
  for (const language of languages) {
    it(`never runs: ---${language}, at the first and at the second reading`, () => {
      const trace = join(tmpdir(), `parley-front-matter-ran-${process.pid}`);
      rmSync(trace, { force: true });
      const code = `(globalThis.frontMatterRan = true, process.getBuiltinModule("fs").writeFileSync(${JSON.stringify(trace)}, "x"), {name: "Eve"})`;
      for (const reading of ["first", "second"]) {
        const { file, findings } = parse(`---${language}\n${code}\n---\nBody`);
        assert.equal(file, undefined, reading);
        assert.deepEqual(findings, ["data/x.md:1:4: error [frontmatter-language]"], reading);
        assert.equal(Reflect.get(globalThis, "frontMatterRan"), undefined);
        assert.equal(existsSync(trace), false);
      }
    });
  }

  it("is not smuggled in behind a byte order mark or a Windows line end", () => {
    for (const text of ["\uFEFF---js\n({})\n---\n", "---js\r\n({})\r\n---\r\n"]) {
      assert.deepEqual(parse(text).findings, ["data/x.md:1:4: error [frontmatter-language]"]);
    }
  });
});

describe("parseMarkdownFile with any text", () => {
  it("never throws, and gives either data or an error within the text's lines", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "---",
        "\n",
        "\r\n",
        "a: ",
        "*x",
        "&x ",
        "{",
        "[",
        "- ",
        "|",
        "\0",
        "\uFEFF",
        "#",
        "__proto__: ",
      ),
      fc.string({ unit: "binary", maxLength: 12 }),
    );
    const text = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(text, fc.boolean(), (inner, fenced) => {
        const raw = fenced ? `---\n${inner}\n---\n` : inner;
        const problems = new ProblemList("x");
        const file = parseMarkdownFile(normalizeText(raw), problems);
        assert.equal(file?.frontMatter === undefined, problems.hasErrors);
        const lines = normalizeText(raw).split("\n").length;
        for (const { line, column } of problems.all) assert.ok(line >= 1 && line <= lines && column >= 1);
      }),
      { numRuns: 1000 },
    );
  });
});
