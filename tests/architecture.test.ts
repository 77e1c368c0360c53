// The rules of the house, applied to every source, and first proved on small fixtures: a rule that finds nothing in
// its own fixture would pass for ever.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { checkImports } from "./support/house-imports.ts";
import { checkFile, type Finding, formatFindings, readSources } from "./support/house-rules.ts";
import { readSourceFacts, type SourceFacts } from "./support/source-facts.ts";

const ROOT = join(import.meta.dirname, "..");

describe("the house", () => {
  const facts = readSourceFacts(readSources(ROOT, ["app", "tests"]));
  const app = facts.filter(({ path }) => path.startsWith("app/"));

  test("every file keeps the rules of shape: size, opening comment, names, exports, no any, !, enum or console", () => {
    assertNone(facts.flatMap(checkFile));
  });

  test("imports point down only, every package has one door, and there are no cycles", () => {
    assertNone(checkImports(app));
  });

  test("the rules have seen the house: sources, imports and exports of it", () => {
    assert.ok(app.length > 20 && facts.length > app.length + 5, `${app.length} of ${facts.length}`);
    const errors = facts.find(({ path }) => path === "app/core/errors.ts");
    assert.deepEqual(errors?.exports.map(({ name }) => name).toSorted(), [
      "AppError",
      "ERROR_TABLE",
      "isErrorCode",
      "toAppError",
    ]);
    const config = facts.find(({ path }) => path === "app/core/config.ts");
    assert.deepEqual(
      config?.imports.map(({ specifier, typeOnly }) => [specifier, typeOnly]),
      [
        ["zod", true],
        ["./config-health.ts", false],
        ["./config-schema.ts", false],
        ["./llm-config.ts", false],
      ],
    );
  });
});

describe("a rule of shape finds", () => {
  const long = `${"\n".repeat(300)}export {};\n`;
  const cases: Readonly<
    Record<string, readonly [path: string, text: string, expected: RegExp, line: number]>
  > = {
    "a type any": ["app/core/a.ts", "const a: any = 1;", /`any`/, 2],
    "an assertion as any": ["tests/a.test.ts", "const a = 1 as any;", /`any`/, 2],
    "an argument <any>": ["app/core/a.ts", "const a = new Set<any>();", /`any`/, 2],
    "a non-null assertion": ["app/core/a.ts", "const a = b!.c;", /`!`/, 2],
    "an enum": ["app/core/a.ts", "enum A { B }", /no enum/, 2],
    console: ["app/core/a.ts", "\nconsole.log(1);", /no console/, 3],
    "process.env outside main.ts": [
      "app/core/a.ts",
      "const a = process.env.PORT;",
      /process\.env belongs to main/,
      2,
    ],
    "process.on outside main.ts": [
      "app/app.ts",
      "process.on('SIGTERM', stop);",
      /process\.on belongs to main/,
      2,
    ],
    "process.exit outside main.ts": ["app/api/a.ts", "process.exit(1);", /process\.exit belongs to main/, 2],
    "a default export": ["app/core/a.ts", "export default function a() {}", /no default export/, 2],
    "a default export of an expression": [
      "app/core/a.ts",
      "export default { a: 1 };",
      /no default export/,
      2,
    ],
    "a default export by renaming": [
      "app/core/a.ts",
      "const a = 1;\nexport { a as default };",
      /no default/,
      3,
    ],
    "export *": ["app/core/a.ts", 'export * from "./b.ts";', /no `export \*`/, 2],
    "export * as": ["app/core/a.ts", 'export * as b from "./b.ts";', /no `export \*`/, 2],
    "a barrel by its name": ["app/core/index.ts", "export {};", /no barrel/, 1],
    "a folder without a concept": ["app/core/utils/a.ts", "export {};", /utils\/ names no concept/, 1],
    "the eighth export": [
      "app/core/a.ts",
      "export const a = 1, b = 1, c = 1, d = 1;\nexport const e = 1, f = 1, g = 1;\nexport class H {}",
      /8 exports/,
      4,
    ],
    "a file that is too long": ["tests/a.test.ts", long, /302 lines/, 301],
    "a function that is too long": [
      "app/core/a.ts",
      `function slow() {${"\n".repeat(40)}}`,
      /slow has 41 lines/,
      2,
    ],
    "a silenced compiler": ["app/core/a.ts", `// ${"@ts-"}ignore\nexport {};`, /not to be silenced/, 2],
    "a silenced compiler in a block comment": [
      "app/core/a.ts",
      `/* ${"@ts-"}nocheck */\nexport {};`,
      /silenced/,
      2,
    ],
  };
  for (const [name, [path, text, expected, line]] of Object.entries(cases)) {
    test(name, () =>
      assertOne(factsOf({ [path]: `// Fixture.\n${text}` }).flatMap(checkFile), path, expected, line),
    );
  }

  test("a missing opening comment, but not one below a shebang", () => {
    assertOne(
      factsOf({ "app/a.ts": "export {};" }).flatMap(checkFile),
      "app/a.ts",
      /opens without a comment/,
      1,
    );
    assertNone(factsOf({ "app/a.ts": "#!/usr/bin/env node\n// Fixture.\nexport {};" }).flatMap(checkFile));
  });

  test("nothing in comments, strings, templates and look-alikes", () => {
    const text = [
      "// console.log(process.env.A as any)",
      'export const a = "console.log(1 as any)" + `process.exit(1)! enum any`;',
      "export const any = /console.log!/;",
      "export const b = !any != !a;",
      "export const c = { process: { env: 1 } }.process.env;",
      "export type { Company } from './b.ts';",
    ].join("\n");
    assertNone(factsOf({ "app/core/a.ts": text }).flatMap(checkFile));
  });

  test("nothing wrong with process in main.ts, and a long function in a test", () => {
    const text = `// Fixture.\nprocess.on("SIGTERM", () => process.exit(Number(process.env.CODE)));`;
    assertNone(factsOf({ "app/main.ts": text }).flatMap(checkFile));
    assertNone(
      factsOf({ "tests/a.test.ts": `// Fixture.\nfunction a() {${"\n".repeat(60)}}` }).flatMap(checkFile),
    );
  });
});

describe("a rule of imports finds", () => {
  const cases: Readonly<Record<string, readonly [path: string, text: string, expected: RegExp]>> = {
    "core that imports models": [
      "app/core/a.ts",
      'import "#app/models/b.ts"',
      /app\/models\/ is above app\/core\//,
    ],
    "core that imports a type of services": [
      "app/core/a.ts",
      'import type { B } from "#app/services/llm/b.ts"',
      /above/,
    ],
    "models that import more of core than errors": [
      "app/models/a.ts",
      'import "#app/core/b.ts"',
      /only app\/core\/errors\.ts/,
    ],
    "models that import a package of their own": [
      "app/models/a.ts",
      'import "pino"',
      /models import no pino/,
    ],
    "llm that imports chatbot": ["app/services/llm/a.ts", 'import "#app/services/chatbot/b.ts"', /above/],
    "chatbot that imports contact": [
      "app/services/chatbot/a.ts",
      'import "#app/services/contact/b.ts"',
      /above/,
    ],
    "services that import api": ["app/services/chatbot/a.ts", 'import("#app/api/v1/b.ts")', /above/],
    "api that imports app.ts": [
      "app/api/v1/a.ts",
      'export { b } from "#app/app.ts"',
      /app\/app\.ts is above/,
    ],
    "app.ts that imports main.ts": ["app/app.ts", 'import "./main.ts"', /above/],
    "a room no rule knows": [
      "app/api/a.ts",
      'import "#app/extras/b.ts"',
      /no rule knows the layer of app\/extras/,
    ],
    "a server that imports browser code": ["app/api/a.ts", 'import "#app/web/b.ts"', /is browser code/],
    "browser code that imports the server": [
      "app/web/a.ts",
      'import { b } from "#app/core/b.ts"',
      /only types/,
    ],
    "browser code that imports values of models": [
      "app/web/a.ts",
      'import { b } from "#app/models/b.ts"',
      /only types/,
    ],
    "browser code that imports Node": ["app/web/a.ts", 'import "node:fs"', /cannot import node:fs/],
    "a second door of ws": ["app/api/v1/a.ts", 'import { WebSocket } from "ws"', /ws has one door/],
    "a door by type": ["app/core/a.ts", 'import type { Logger } from "pino"', /pino has one door/],
    "a door by import()": ["app/core/a.ts", 'await import("cockatiel")', /cockatiel has one door/],
    "a door by require": ["app/core/a.ts", 'require("gray-matter")', /gray-matter has one door/],
    "a door by the type of an import": [
      "app/core/a.ts",
      'let a: import("fastify").FastifyInstance',
      /fastify has one door/,
    ],
    "a door by a sub-path": [
      "app/services/llm/a.ts",
      'import "@langchain/langgraph/web"',
      /langgraph has one door/,
    ],
    "a value of ioredis elsewhere": [
      "app/services/chatbot/a.ts",
      'import { Redis } from "ioredis"',
      /one door/,
    ],
    "the process by import": ["app/core/a.ts", 'import { env } from "node:process"', /belongs to main\.ts/],
    "a way up by ..": ["app/services/llm/a.ts", 'import "../../core/b.ts"', /across rooms write #app/],
    "a long way inside a room": ["app/core/a.ts", 'import "#app/core/b.ts"', /same room: write \.\//],
    "a short way into another room": ["app/app.ts", 'import "./core/b.ts"', /another room: write #app/],
  };
  for (const [name, [path, text, expected]] of Object.entries(cases)) {
    test(name, () => {
      const findings = checkImports(factsOf({ ...TARGETS, [path]: `// Fixture.\n${text};` }));
      assertOne(findings, path, expected, 2);
    });
  }

  test("a cycle, of types too, once, at the import that closes it", () => {
    const findings = checkImports(
      factsOf({
        "app/core/a.ts": '\nimport "./b.ts";',
        "app/core/b.ts": '\n\nimport type { C } from "./c.ts";',
        "app/core/c.ts": '\n\n\nimport "./a.ts";',
      }),
    );
    assertOne(findings, "app/core/c.ts", /cycle: app\/core\/a\.ts → .*b\.ts → .*c\.ts → app\/core\/a\.ts/, 4);
  });

  test("an import of a file that is not there", () => {
    assertOne(
      checkImports(factsOf({ "app/core/a.ts": 'import "./gone.ts";' })),
      "app/core/a.ts",
      /does not exist/,
      1,
    );
  });

  test("nothing wrong with imports as the plan draws them", () => {
    const allowed = {
      "app/main.ts": 'import "./app.ts"; import "#app/core/b.ts"; import process from "node:process";',
      "app/app.ts": 'import "fastify"; import "#app/api/v1/b.ts"; import "#app/core/b.ts";',
      "app/api/v1/a.ts": 'import "fastify"; import "./b.ts"; import "#app/services/chatbot/b.ts";',
      "app/services/contact/a.ts": 'import "#app/services/chatbot/b.ts"; import "./b.ts";',
      "app/services/chatbot/agent.ts": 'import "@langchain/langgraph"; import "#app/services/llm/b.ts";',
      "app/services/chatbot/a.ts": 'import type { Redis } from "ioredis"; import "#app/models/b.ts";',
      "app/services/llm/a.ts": 'import "@langchain/openai"; import { z } from "zod";',
      "app/models/a.ts":
        'import "#app/core/errors.ts"; import { x } from "@ag-ui/core/schemas"; import "zod/mini";',
      "app/core/websocket.ts": 'import { WebSocketServer } from "ws"; import "node:http";',
      "app/web/a.ts": 'import { type B } from "#app/models/b.ts"; import "./b.ts";',
    };
    assertNone(checkImports(factsOf({ ...TARGETS, ...allowed })));
  });
});

/** What the fixtures of imports point at. */
const TARGETS = Object.fromEntries(
  [
    "app",
    "main",
    "core/b",
    "core/errors",
    "models/b",
    "services/llm/b",
    "services/chatbot/b",
    "services/contact/b",
  ]
    .concat("api/v1/b", "web/b", "extras/b")
    .map((path) => [`app/${path}.ts`, "// Fixture.\nexport {};"]),
);

function factsOf(sources: Readonly<Record<string, string>>): SourceFacts[] {
  return readSourceFacts(sources);
}

function assertNone(findings: readonly Finding[]): void {
  assert.equal(findings.length, 0, `\n${formatFindings(findings)}`);
}

function assertOne(findings: readonly Finding[], path: string, expected: RegExp, line: number): void {
  assert.equal(findings.length, 1, `expected one finding:\n${formatFindings(findings)}`);
  assert.match(findings[0]?.problem ?? "", expected);
  assert.deepEqual([findings[0]?.path, findings[0]?.line], [path, line]);
}
