// The documentation held against the product: commands, variables, codes, links, files and proofs.
// A claim in IMPROVEMENTS_IMPLEMENTED.md names its tests as `proof: "the test's name"`, more after commas.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { CLOSE_CODES } from "#app/core/close-codes.ts";
import { environmentVariables } from "#app/core/config-schema.ts";
import { ERROR_TABLE } from "#app/core/errors.ts";
import * as documentation from "./support/documentation.ts";
import { readSources } from "./support/house-rules.ts";

const ROOT = join(import.meta.dirname, "..");
const FOLDERS = ["app", "tests", "data", "bench", "deploy", ".ci"];
const PAGES = ["README.md", "IMPROVEMENTS_IMPLEMENTED.md"];

function read(path: string): string {
  assert.ok(existsSync(join(ROOT, path)), `${path} is missing`);
  return readFileSync(join(ROOT, path), "utf8");
}

describe("the documentation", () => {
  test("every npm command of the README is a script, and the two commands are there", () => {
    const { scripts } = JSON.parse(read("package.json"));
    const named = documentation.scriptsNamed(read("README.md"));
    assert.deepEqual(
      named.filter((name) => !Object.hasOwn(scripts, name)),
      [],
    );
    assert.ok(named.includes("start") && named.includes("test"), `README names only: ${named.join(", ")}`);
  });

  test(".env.example is the configuration's schema: every variable, its default, one line why, in order", () => {
    const [, ...blocks] = read(".env.example").trimEnd().split("\n\n");
    const expected = environmentVariables().map(
      ({ name, defaultText, description }) => `# ${description}\n${name}=${defaultText}`,
    );
    assert.deepEqual(blocks, expected);
  });

  test("the README's table of variables is the configuration's schema, in order", () => {
    const expected = environmentVariables().map(({ name, defaultText, description }) => [
      name,
      defaultText,
      description,
    ]);
    assert.deepEqual(documentation.tableBelow(read("README.md"), "Configuration"), expected);
  });

  test("the README's table of error codes is the table of the product, with the HTTP statuses", () => {
    const rows = documentation.tableBelow(read("README.md"), "Error codes");
    const documented = Object.fromEntries(rows.map(([code = "", status]) => [code, Number(status)]));
    const expected = Object.fromEntries(
      Object.entries(ERROR_TABLE).map(([code, { status }]) => [code, status]),
    );
    assert.deepEqual(documented, expected);
  });

  test("the README's table of close codes is the table of the product", () => {
    const rows = documentation.tableBelow(read("README.md"), "Close codes");
    const documented = rows.map(([code = ""]) => code).toSorted();
    assert.deepEqual(
      documented,
      Object.values(CLOSE_CODES)
        .map(({ code }) => String(code))
        .toSorted(),
    );
  });

  for (const page of PAGES) {
    test(`every relative link of ${page} leads somewhere`, () => {
      const markdown = read(page);
      const anchors = documentation.headingAnchors(markdown);
      const dead = documentation.relativeLinks(markdown).filter((target) => {
        const [path = "", anchor] = target.split("#");
        return path === ""
          ? !anchors.includes(anchor ?? "")
          : !existsSync(join(ROOT, decodeURIComponent(path)));
      });
      assert.deepEqual(dead, []);
    });

    test(`every file that ${page} names in backticks exists`, () => {
      const paths = documentation.pathsNamed(read(page), FOLDERS);
      assert.deepEqual(
        paths.filter((path) => !existsSync(join(ROOT, path))),
        [],
      );
    });
  }

  test("every proof of IMPROVEMENTS_IMPLEMENTED.md is the name of a test, and there are proofs", () => {
    const names = Object.values(readSources(ROOT, ["tests"])).flatMap(documentation.testNames);
    const proofs = documentation.proofsNamed(read("IMPROVEMENTS_IMPLEMENTED.md"));
    const unknown = proofs.filter((proof) => !names.some((name) => name.test(proof)));
    assert.deepEqual(unknown, []);
    assert.ok(proofs.length > 0, 'no entry has a line such as: proof: "the name of a test"');
  });
});

describe("reading the documentation", () => {
  test("finds npm scripts in fences and backticks, not in prose", () => {
    const markdown =
      "Say npm run prose.\n```bash\nnpm ci && npm start\nnpm run dev\n```\nOr `npm test -- x`, `npm run a:b`.";
    assert.deepEqual(documentation.scriptsNamed(markdown), ["start", "dev", "test", "a:b"]);
  });

  test("finds the first table of a section and stops at the next heading", () => {
    const markdown =
      "## A\n\ntext\n\n| c | s |\n|---|---|\n| `x` | 400 |\n| y | 500 |\n\n| other |\n## B\n| z | 1 |\n|--|--|\n| q | 2 |";
    assert.deepEqual(documentation.tableBelow(markdown, "A"), [
      ["x", "400"],
      ["y", "500"],
    ]);
    assert.deepEqual(documentation.tableBelow(markdown, "B"), [["q", "2"]]);
    assert.deepEqual(documentation.tableBelow(markdown, "C"), []);
    assert.deepEqual(documentation.tableBelow("## A\n\n## B\n| z |\n|--|\n| q |", "A"), []);
  });

  test("finds links into the repository, not to the web and not in code", () => {
    const markdown =
      '[a](docs/a.md#b) ![i](i.png "t") [w](https://x.org) [m](mailto:a@b) [h](#top) `[c](d.md)`';
    assert.deepEqual(documentation.relativeLinks(markdown), ["docs/a.md#b", "i.png", "#top"]);
  });

  test("makes anchors of headings, not of comments in fences", () => {
    const markdown = "# Parley: a `chat` server\n```\n# not this\n```\n## Close codes";
    assert.deepEqual(documentation.headingAnchors(markdown), ["parley-a-chat-server", "close-codes"]);
  });

  test("finds paths below the given folders, without line and without placeholders", () => {
    const markdown =
      "`app/a.ts:12` `app/core/` `tests/*.ts` `data/<id>.md` `text/plain` `/api/v1` `app/a.ts` app/b.ts";
    assert.deepEqual(documentation.pathsNamed(markdown, FOLDERS), ["app/a.ts", "app/core/"]);
  });

  test("finds proofs, several in one line too", () => {
    const markdown = 'proof: "one", "two words"\n**Proof:** "three"; as he said "no"';
    assert.deepEqual(documentation.proofsNamed(markdown), ["one", "two words", "three"]);
  });

  test("knows a test by its whole name, with any text for what a template fills in", () => {
    const source =
      'test("one", () => {});\n  it(\n    `PORT=${' +
      "value} is refused (really)`, f);\ndescribe('it\\'s', g)";
    const names = documentation.testNames(source);
    const isKnown = (name: string) => names.some((pattern) => pattern.test(name));
    assert.ok(isKnown("one") && isKnown("PORT=1e3 is refused (really)") && isKnown("it's"));
    assert.ok(!isKnown("on") && !isKnown("one more") && !isKnown("PORT= is refused (really)"));
  });
});
