// The whole data folder in one go; what is broken costs only itself.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { loadPersonaLibrary, PersonaLibraryError } from "#app/services/chatbot/persona-library.ts";
import { openPersonas } from "#app/services/chatbot/persona-opening.ts";
import { createPersonaRegistry } from "#app/services/chatbot/persona-registry.ts";
import {
  findingsOf,
  GOOD_OBJECT,
  GOOD_PERSONA,
  loadWith,
  withoutMessage,
  writeDataFolder,
} from "../../support/data-folder.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";

const options = { allowedModels: [] };
const shippedData = join(import.meta.dirname, "../../../data");

describe("loadPersonaLibrary", () => {
  it("is content with a main persona alone", async (t) => {
    const { main, personas, objects, notes, problems } = await loadWith(t, {});
    assert.equal(personas.get("persona"), main);
    assert.deepEqual([personas.size, objects.size, notes.length, problems.length], [1, 0, 0, 0]);
  });

  it("feeds the registry: the main persona first, ids from outside harmless", async (t) => {
    const files = { "personas/a.md": "---\nname: A\n---\n", "objects/card.md": GOOD_OBJECT };
    const registry = createPersonaRegistry(await loadWith(t, files));
    assert.deepEqual(
      registry.list("persona").map(({ id }) => id),
      ["persona", "a"],
    );
    assert.equal(registry.get({ kind: "object", id: "card" })?.name, "Card");
    assert.equal(registry.get({ kind: "persona", id: "__proto__" }), undefined);
  });

  for (const [what, files, expected] of [
    ["is missing", {}, /^data\/persona\.md:1:1: error \[unreadable\] .*ENOENT/],
    [
      "is broken",
      { "persona.md": "---\nname: A\nfoo: 1\n---\nI." },
      /data\/persona\.md:3:1: error \[unknown-key\] /,
    ],
    [
      "is disabled",
      { "persona.md": "---\nname: A\nenabled: false\n---\nI." },
      /data\/persona\.md:1:1: error \[schema\] /,
    ],
    [
      "extends another",
      { "persona.md": "---\nname: A\nextends: b\n---\nI." },
      /:3:1: error \[extends-missing\] /,
    ],
    [
      "has no lines",
      { "persona.md": "---\nname: A\n---\nI." },
      /\[language-missing\] There is no greeting in "en"/,
    ],
    [
      "has another id",
      { "persona.md": GOOD_PERSONA.replace("name:", "id: ada\nname:") },
      /:3:1: error \[id-not-file-name\]/,
    ],
  ] as const) {
    it(`throws its own error, with the findings in it, when the main persona ${what}`, async (t) => {
      const dataDir = await writeDataFolder(t, files);
      await assert.rejects(loadPersonaLibrary(dataDir, options), (error) => {
        assert.ok(error instanceof PersonaLibraryError);
        assert.match(error.message, expected);
        assert.equal(error.message.split("\n").length, error.problems.length);
        return true;
      });
    });
  }

  it("throws its own error when there is no data folder at all", async (t) => {
    const dataDir = await writeDataFolder(t, {});
    await assert.rejects(loadPersonaLibrary(join(dataDir, "absent"), options), PersonaLibraryError);
  });

  it("tells errors first, then by path and line", async (t) => {
    const findings = await findingsOf(t, {
      "personas/b.md": "---\nname: B\n---\n# Foo\n{{x}}\n{{y}}",
      "personas/a.md": "---\nname: A\n---\n# Foo\n",
      "knowledge/n.md": "---\ntitle: N\n---\n",
    });
    assert.deepEqual(findings.map(withoutMessage), [
      "data/knowledge/n.md:4:1: error [missing-section]",
      "data/personas/b.md:5:1: error [unknown-placeholder]",
      "data/personas/b.md:6:1: error [unknown-placeholder]",
      "data/personas/a.md:4:1: warning [unknown-section]",
      "data/personas/b.md:4:1: warning [unknown-section]",
    ]);
  });

  it("gives the same library for the same files, though many are read at once", async (t) => {
    const files: Record<string, string> = { "persona.md": GOOD_PERSONA };
    for (let i = 0; i < 30; i += 1)
      files[`personas/v${i}.md`] = `---\nname: V${i}\n---\n${i % 7 ? "" : "{{x}}"}`;
    const dataDir = await writeDataFolder(t, files);
    const [first, second] = await Promise.all([
      loadPersonaLibrary(dataDir, options),
      loadPersonaLibrary(dataDir, options),
    ]);
    assert.equal(first.personas.size, 26);
    assert.deepEqual(first, second);
    assert.deepEqual([...first.personas.keys()], [...second.personas.keys()]);
  });

  it("lists at most a hundred findings of one file", async (t) => {
    const findings = await findingsOf(t, { "personas/v.md": `---\nname: V\n---\n${"{{x}}\n".repeat(5000)}` });
    assert.equal(findings.length, 100);
  });
});

describe("what lies in the data folder", () => {
  it("is not followed out of its folder", async (t) => {
    const dataDir = await writeDataFolder(t, {
      "persona.md": GOOD_PERSONA,
      "knowledge/n.md": "---\ntitle: N\n---\nT",
    });
    await writeFile(join(dirname(dataDir), "secret.md"), "---\nname: Outside\n---\n");
    await mkdir(join(dataDir, "personas"));
    await mkdir(join(dataDir, "objects"));
    await symlink("../../secret.md", join(dataDir, "personas", "out.md"));
    await symlink("../persona.md", join(dataDir, "objects", "up.md"));
    const { personas, objects, problems } = await loadPersonaLibrary(dataDir, options);
    assert.deepEqual([personas.size, objects.size], [1, 0]);
    assert.deepEqual(
      problems.map(({ path, line, column, rule }) => [path, line, column, rule]),
      [
        ["data/objects/up.md", 1, 1, "path-outside"],
        ["data/personas/out.md", 1, 1, "path-outside"],
      ],
    );
  });

  it("may be a link within its folder, as mounted volumes have them", async (t) => {
    const dataDir = await writeDataFolder(t, {
      "persona.md": GOOD_PERSONA,
      "personas/..data/v.md": "---\nname: V\n---\n",
    });
    await symlink("..data/v.md", join(dataDir, "personas", "v.md"));
    const { personas, problems } = await loadPersonaLibrary(dataDir, options);
    assert.deepEqual([personas.get("v")?.name, problems], ["V", []]);
  });

  it("is refused when it is a folder, a dead link or a pipe, without waiting for the pipe", async (t) => {
    const dataDir = await writeDataFolder(t, { "persona.md": GOOD_PERSONA, "personas/a.md/x.txt": "" });
    await symlink("nowhere.md", join(dataDir, "personas", "b.md"));
    execFileSync("mkfifo", [join(dataDir, "personas", "c.md")]);
    const { personas, problems } = await loadPersonaLibrary(dataDir, options);
    assert.equal(personas.size, 1);
    assert.deepEqual(
      problems.map(({ path, rule }) => [path, rule]),
      ["a", "b", "c"].map((name) => [`data/personas/${name}.md`, "unreadable"]),
    );
  });

  it("is looked at only when it is a visible markdown file", async (t) => {
    const files = {
      "personas/.v.md": "x",
      "personas/v.md~": "x",
      "personas/v.txt": "x",
      "personas/v.md.swp": "x",
    };
    assert.deepEqual(await findingsOf(t, files), []);
  });

  it("is named when a folder is a file", async (t) => {
    assert.deepEqual((await findingsOf(t, { objects: "not a folder" })).map(withoutMessage), [
      "data/objects:1:1: error [unreadable]",
    ]);
  });
});

describe("opening the personas", () => {
  it("logs each one that was loaded with its revision, and none that was left out", async (t) => {
    const files = { "persona.md": GOOD_PERSONA, "objects/card.md": GOOD_OBJECT };
    const dataDir = await writeDataFolder(t, { ...files, "personas/broken.md": "---\nname: [\n---\nx" });
    const logger = createRecordingLogger();
    const registry = await openPersonas({ ...options, dataDir, logger });
    const revisionOf = (kind: "persona" | "object", id: string) => registry.get({ kind, id })?.revision;
    assert.match(revisionOf("persona", "persona") ?? "", /^[0-9a-f]{12}$/);
    assert.deepEqual(
      logger.named("persona_loaded").map(({ level, fields }) => [level, fields]),
      [
        ["debug", { kind: "persona", id: "persona", revision: revisionOf("persona", "persona") }],
        ["debug", { kind: "object", id: "card", revision: revisionOf("object", "card") }],
      ],
    );
    assert.equal(logger.named("persona_rejected").length, 1);
  });
});

describe("the shipped data folder", () => {
  it("loads without a single error", async () => {
    const { personas, objects, notes, problems } = await loadPersonaLibrary(shippedData, options);
    assert.deepEqual(
      problems.filter(({ severity }) => severity === "error"),
      [],
    );
    assert.ok(personas.size >= 5 && objects.size >= 1 && notes.length >= 1);
  });
});

describe("any text as a file", () => {
  const word = fc.constantFrom(
    "---",
    "---js",
    "\n",
    "\r\n",
    "name: A",
    "extends: v",
    "greeting: {en: a}",
    "model: {name: x}",
    "enabled: false",
    "knowledge:\n  - id: a",
    "__proto__: 1",
    "*a",
    "&a ",
    "{{user}}",
    "{{x}}",
    "# Identity",
    "# +Never",
    "# Facts {lang=tr}",
    "# Examples",
    "**user:**",
    "**char:**",
    "```",
    "## ",
    "\0",
    "\uFEFF",
    ": ",
    "[",
    "}",
    "- ",
  );
  const text = fc
    .tuple(
      fc.boolean(),
      fc.array(fc.oneof(word, word, fc.string({ unit: "binary", maxLength: 8 })), { maxLength: 25 }),
    )
    .map(([fenced, words]) => (fenced ? `---\nname: A\n${words.join("\n")}` : words.join("")));
  const bytes = fc.oneof(text, fc.uint8Array({ maxLength: 60 }));

  it("makes the loader throw nothing but its own error", async (t) => {
    const dataDir = await writeDataFolder(t, {
      "persona.md": GOOD_PERSONA,
      "personas/v.md": "",
      "objects/v.md": "",
      "knowledge/v.md": "",
    });
    await fc.assert(
      fc.asyncProperty(bytes, bytes, async (first, second) => {
        await writeFile(join(dataDir, "personas/v.md"), first);
        await writeFile(join(dataDir, "objects/v.md"), second);
        await writeFile(join(dataDir, "knowledge/v.md"), first);
        const { main } = await loadPersonaLibrary(dataDir, options);
        assert.equal(main.name, "Ada");
      }),
      { numRuns: 300 },
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (content) => {
        await writeFile(join(dataDir, "persona.md"), content);
        const outcome: unknown = await loadPersonaLibrary(dataDir, options).catch((error: unknown) => error);
        if (outcome instanceof Error) assert.ok(outcome instanceof PersonaLibraryError, String(outcome));
      }),
      { numRuns: 300 },
    );
    assert.equal(Reflect.get({}, "name"), undefined);
  });
});
