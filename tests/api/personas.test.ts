// Who can be talked to, over HTTP: in the reader's language, and without a sentence of a prompt.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { z } from "zod";
import { loadPersonaLibrary } from "#app/services/chatbot/persona-library.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

const DATA_DIR = join(import.meta.dirname, "../../data");

const listedSchema = z.strictObject({
  id: z.string(),
  kind: z.enum(["persona", "object"]),
  name: z.string().min(1),
  revision: z.string().regex(/^[0-9a-f]{12}$/),
  greeting: z.string().min(1),
  suggestions: z.array(z.string().min(1)),
  language: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
  languages: z.array(z.string()),
});

async function start(t: TestContext, registry?: ReturnType<typeof createSmallRegistry>) {
  const model = createScriptedModel();
  const app = await startApp(t, { model, ...(registry && { registry }) });
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${app.url}/api/v1${path}`, { headers });
  const one = async (path: string, headers: Record<string, string> = {}) =>
    listedSchema.parse(await (await get(path, headers)).json());
  return { get, one };
}

describe("the list of who can be talked to", () => {
  it("holds every shipped persona, the main one first, and every object", async (t) => {
    const { get } = await start(t);
    const { personas } = z
      .strictObject({ personas: z.array(listedSchema) })
      .parse(await (await get("/personas")).json());
    assert.deepEqual(
      personas.map(({ id }) => id),
      ["persona", "educator", "engineer", "researcher", "speaker"],
    );
    const { objects } = z
      .strictObject({ objects: z.array(listedSchema) })
      .parse(await (await get("/objects")).json());
    assert.ok(objects.length >= 6);
    for (const { kind } of objects) assert.equal(kind, "object");
    for (const { kind } of personas) assert.equal(kind, "persona");
  });

  it("never shows what only a model may see: no sentence of the prompt stands in an answer", async (t) => {
    const { get } = await start(t);
    const library = await loadPersonaLibrary(DATA_DIR, { allowedModels: [] });
    const everyone = [...library.personas.values(), ...library.objects.values(), library.main];
    const paths = ["/personas", "/objects"].flatMap((path) => [path, `${path}?locale=tr`]);
    const answers = await Promise.all(paths.map(async (path) => (await get(path)).text()));
    const single = await Promise.all(
      everyone.map(async ({ kind, id }) => (await get(`/${kind}s/${id}`)).text()),
    );
    const whole = [...answers, ...single].join("\n");
    const secrets = [
      ...everyone.flatMap(({ identity, rules, never, voice, postHistory }) => [
        identity,
        rules,
        never,
        voice,
        postHistory,
      ]),
      ...everyone.flatMap(({ facts, knowledge }) => [
        ...facts.flatMap(({ chunks }) => chunks.map(({ text }) => text)),
        ...knowledge.map(({ content }) => content),
      ]),
      ...library.notes.flatMap(({ chunks }) => chunks.map(({ text }) => text)),
    ];
    const sentences = secrets
      .flatMap((text) => text.split(/(?<=[.!?])\s+|\n/))
      .filter(({ length }) => length > 30);
    assert.ok(sentences.length > 300, `${sentences.length}`);
    for (const sentence of sentences) assert.equal(whole.includes(sentence), false, sentence);
  });

  it("has no field of the persona files that a picker does not need", async (t) => {
    const { get } = await start(t);
    const main = await readFile(join(DATA_DIR, "persona.md"), "utf8");
    const body = await (await get("/personas/persona")).text();
    for (const field of ["fallback", "disclosure", "refusals", "knowledge", "tests", "model", "limits"]) {
      assert.equal(body.includes(`"${field}"`), false, field);
    }
    assert.match(main, /^fallback:/m);
  });

  it("speaks the query's language, else the browser's, else the persona's own", async (t) => {
    const { one, get } = await start(t, createSmallRegistry());
    for (const [path, header, language] of [
      ["/personas/ada", undefined, "en"],
      ["/personas/ada", "tr-TR,tr;q=0.9,en;q=0.8", "tr"],
      ["/personas/ada", "TR", "tr"],
      ["/personas/ada", "de-DE,de;q=0.9", "en"],
      ["/personas/ada", "*", "en"],
      ["/personas/ada", ";;;,", "en"],
      ["/personas/ada?locale=tr", "en-GB", "tr"],
      ["/personas/ada?locale=en-GB", "tr", "en"],
      ["/objects/card?locale=tr-TR", undefined, "tr"],
    ] as const) {
      const persona = await one(path, header === undefined ? {} : { "Accept-Language": header });
      assert.equal(persona.language, language, `${path} ${header}`);
      assert.equal(persona.greeting.startsWith("İyi"), language === "tr");
    }
    const response = await get("/personas");
    assert.match(response.headers.get("vary") ?? "", /Accept-Language/);
  });

  it("answers 404 for whoever is not in it, whatever the id looks like", async (t) => {
    const { get } = await start(t, createSmallRegistry());
    for (const path of [
      "/personas/nobody",
      "/personas/card",
      "/objects/engineer",
      "/objects/__proto__",
      "/personas/constructor",
      "/personas/..%2F..%2Fetc%2Fpasswd",
      `/personas/${"a".repeat(64)}`,
    ]) {
      const response = await get(path);
      assert.equal(response.status, 404, path);
      assert.partialDeepStrictEqual(await response.json(), { error: { code: "persona_not_found" } }, path);
    }
  });

  it("answers a locale that is none with the field's name", async (t) => {
    const { get } = await start(t, createSmallRegistry());
    const response = await get("/personas?locale=%3Cscript%3E");
    assert.equal(response.status, 400);
    assert.partialDeepStrictEqual(await response.json(), {
      error: { code: "invalid_frame", details: { fields: [{ field: "locale" }] } },
    });
  });
});
