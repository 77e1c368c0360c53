// The question list put to the shipped personas, from detection to the spoken words: no wrong sentence, and a floor on right ones.

import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { detectLanguage } from "#app/core/language.ts";
import type { Persona } from "#app/models/persona.ts";
import { createKnowledge } from "#app/services/chatbot/knowledge.ts";
import { loadPersonaLibrary } from "#app/services/chatbot/persona-library.ts";
import type { PersonaLibrary } from "#app/services/chatbot/persona-registry.ts";
import { authoredLines } from "#app/services/chatbot/retrieval/intents.ts";
import { createOfflineClient } from "#app/services/llm/offline.ts";
import { ENGLISH_QUESTIONS, TURKISH_QUESTIONS, UNANSWERABLE_QUESTIONS } from "./questions.ts";

const DATA_DIR = fileURLToPath(new URL("../../../data", import.meta.url));

interface Said {
  readonly text: string;
  readonly isFallback: boolean;
  readonly language: string;
}

describe("the shipped personas without a model", () => {
  let library: PersonaLibrary;
  let ask: (speaker: string, text: string) => Promise<Said>;

  before(async () => {
    library = await loadPersonaLibrary(DATA_DIR, { allowedModels: [] });
    ask = speakerOf(library);
  });

  for (const [language, questions, floor] of [
    ["en", ENGLISH_QUESTIONS, 62],
    ["tr", TURKISH_QUESTIONS, 43],
  ] as const) {
    it(`answer at least ${floor} of ${questions.length} questions (${language}), and none of them wrongly`, async (t) => {
      const wrong: string[] = [];
      const unanswered: string[] = [];
      for (const [speaker, text, expected] of questions) {
        const said = await ask(speaker, text);
        if (said.language !== language) wrong.push(`${text} → taken for ${said.language}`);
        else if (said.isFallback) unanswered.push(`${speaker}: ${text}`);
        else if (!said.text.includes(expected)) wrong.push(`${speaker}: ${text} → ${said.text}`);
      }
      const right = questions.length - wrong.length - unanswered.length;
      t.diagnostic(`${language}: ${right} of ${questions.length} right, ${wrong.length} wrong`);
      for (const text of unanswered) t.diagnostic(`not answered: ${text}`);
      assert.deepEqual(wrong, []);
      assert.ok(right >= floor, `only ${right} right answers; not answered: ${unanswered.join(" | ")}`);
    });
  }

  it("answer no question that their texts do not answer", async (t) => {
    const wrong: string[] = [];
    for (const [speaker, text] of UNANSWERABLE_QUESTIONS) {
      const said = await ask(speaker, text);
      if (!said.isFallback) wrong.push(`${speaker}: ${text} → ${said.text}`);
    }
    t.diagnostic(
      `${UNANSWERABLE_QUESTIONS.length - wrong.length} of ${UNANSWERABLE_QUESTIONS.length} declined`,
    );
    assert.deepEqual(wrong, []);
  });

  it("answer every question that they suggest themselves, in both languages", async () => {
    const unanswered: string[] = [];
    for (const persona of everyone(library)) {
      for (const [language, text] of persona.suggestedQuestions.flatMap((question) =>
        Object.entries(question),
      )) {
        const said = await ask(persona.id, text);
        if (said.isFallback || said.language !== language) unanswered.push(`${persona.id}: ${text}`);
      }
    }
    assert.deepEqual(unanswered, []);
  });

  it("pass their own regression tests", async () => {
    const failed: string[] = [];
    for (const persona of everyone(library)) {
      for (const test of persona.tests) {
        const said = await ask(persona.id, test.ask);
        const isRight =
          test.expect.contains.every((text) => said.text.includes(text)) &&
          !test.expect.notContains.some((text) => said.text.includes(text)) &&
          (test.expect.lang === undefined || said.language === test.expect.lang) &&
          said.text.length <= (test.expect.maxChars ?? Number.POSITIVE_INFINITY);
        if (!isRight) failed.push(`${persona.id}: ${test.ask} → ${said.text}`);
      }
    }
    assert.deepEqual(failed, []);
  });
});

function everyone(library: PersonaLibrary): Persona[] {
  return [library.main, ...library.personas.values(), ...library.objects.values()];
}

function speakerOf(library: PersonaLibrary): (speaker: string, text: string) => Promise<Said> {
  const knowledge = createKnowledge(() => library.notes);
  const offline = createOfflineClient({ wordsPerSecond: Number.POSITIVE_INFINITY });
  const byId = new Map(everyone(library).map((persona) => [persona.id, persona]));
  return async (speaker, text) => {
    const persona = byId.get(speaker);
    assert.ok(persona, `no persona ${speaker}`);
    const language = await detectLanguage(text, persona.languages, persona.language);
    const lines = authoredLines(persona, { text, language });
    const passages = knowledge.retrieve(persona, { text, recent: [], language, state: {} });
    const deltas: string[] = [];
    await offline.stream(
      { messages: [], passages, lines, model: { name: null, temperature: 0, topP: 1, maxOutputTokens: 600 } },
      (delta) => deltas.push(delta),
      new AbortController().signal,
    );
    const said = deltas.join("");
    return { text: said, isFallback: said.startsWith(lines.fallback), language };
  };
}
