// The part of a persona that comes from front matter, over what is inherited and over the defaults.

import { toBareRecord } from "#app/core/frozen-value.ts";
import type { KnowledgeEntry, LocalizedText, Persona, PersonaTest } from "#app/models/persona.ts";
import type { LocalizedTextInput } from "#app/models/persona-file.ts";
import { PLATFORM_DISCLOSURE } from "#app/models/platform-lines.ts";
import type { PersonaDefinition } from "./persona-definition.ts";
import { toStateConditions } from "./state-conditions.ts";

type Front = PersonaDefinition["front"];
type BodyKeys = "identity" | "voice" | "rules" | "never" | "facts" | "examples";
export type PersonaFront = Omit<Persona, "kind" | "id" | "revision" | BodyKeys>;

export function resolveFront(definition: PersonaDefinition, base: Persona | undefined): PersonaFront {
  const { front } = definition;
  const language = front.language ?? base?.language ?? "en";
  // What is written without a language, by a persona that follows its visitor, is English.
  const written = language === "auto" ? "en" : language;
  return {
    name: front.name ?? "",
    description: front.description ?? base?.description ?? "",
    tags: front.tags ?? base?.tags ?? [],
    language,
    languages: resolveLanguages(front, base, language),
    greeting: toLocalizedText(front.greeting, written) ?? base?.greeting ?? toBareRecord([]),
    suggestedQuestions:
      front.suggested_questions?.map((question) => toLocalizedText(question, written)) ??
      base?.suggestedQuestions ??
      [],
    disclosure: resolveDisclosure(definition, base, written),
    refusals:
      front.refusals === undefined
        ? (base?.refusals ?? toBareRecord([]))
        : toBareRecord(Object.entries(front.refusals)),
    fallback: toLocalizedText(front.fallback, written) ?? base?.fallback ?? toBareRecord([]),
    model: resolveModel(front, base),
    limits: resolveLimits(front, base),
    tools: front.tools ?? base?.tools ?? [],
    knowledge: resolveKnowledge(front, base),
    tests: resolveTests(front),
    postHistory: front.post_history ?? base?.postHistory ?? "",
  };
}

function toLocalizedText(input: LocalizedTextInput, language: string): LocalizedText;
function toLocalizedText(input: LocalizedTextInput | undefined, language: string): LocalizedText | undefined;
function toLocalizedText(input: LocalizedTextInput | undefined, language: string): LocalizedText | undefined {
  if (input === undefined) return undefined;
  return toBareRecord(typeof input === "string" ? [[language, input]] : Object.entries(input));
}

function resolveLanguages(front: Front, base: Persona | undefined, language: string): readonly string[] {
  const listed = front.languages ?? base?.languages ?? [];
  if (language === "auto") return listed.length === 0 ? ["en"] : [...new Set(listed)];
  return [...new Set([...listed, language])];
}

/** A line may be replaced by another in its language; no language that is inherited can get lost. */
function resolveDisclosure(
  { kind, front }: PersonaDefinition,
  base: Persona | undefined,
  written: string,
): LocalizedText {
  const own = toLocalizedText(front.disclosure, written);
  const inherited = base?.disclosure ?? (kind === "object" && own === undefined ? PLATFORM_DISCLOSURE : {});
  return toBareRecord([...Object.entries(inherited), ...Object.entries(own ?? {})]);
}

function resolveModel({ model = {} }: Front, base: Persona | undefined): Persona["model"] {
  return {
    // null is a choice of its own: back to the operator's default.
    name: model.name === undefined ? (base?.model.name ?? null) : model.name,
    temperature: model.temperature ?? base?.model.temperature ?? 0.7,
    topP: model.top_p ?? base?.model.topP ?? 1,
    maxOutputTokens: model.max_output_tokens ?? base?.model.maxOutputTokens ?? 600,
  };
}

function resolveLimits({ limits = {} }: Front, base: Persona | undefined): Persona["limits"] {
  return {
    maxInputChars: limits.max_input_chars ?? base?.limits.maxInputChars ?? 2000,
    historyMessages: limits.history_messages ?? base?.limits.historyMessages ?? 20,
    knowledgeTokens: limits.knowledge_tokens ?? base?.limits.knowledgeTokens ?? 800,
  };
}

/** An entry replaces the inherited one of its id in its place; `enabled: false` takes it away. */
function resolveKnowledge(front: Front, base: Persona | undefined): readonly KnowledgeEntry[] {
  const entries = new Map((base?.knowledge ?? []).map((entry) => [entry.id, entry]));
  for (const entry of front.knowledge ?? []) {
    if (entry.enabled === false) {
      entries.delete(entry.id);
      continue;
    }
    entries.set(entry.id, {
      id: entry.id,
      keys: entry.keys ?? [],
      all: entry.all ?? [],
      none: entry.none ?? [],
      knownBy: entry.known_by ?? [],
      when: toStateConditions(entry.when),
      constant: entry.constant ?? false,
      scan: entry.scan ?? 4,
      priority: entry.priority ?? 100,
      content: entry.content,
    });
  }
  return [...entries.values()];
}

/** Tests are about one persona's own words and are not inherited. */
function resolveTests(front: Front): readonly PersonaTest[] {
  return (front.tests ?? []).map(({ ask, expect }) => ({
    ask,
    expect: {
      contains: expect.contains ?? [],
      notContains: expect.not_contains ?? [],
      ...(expect.lang === undefined ? {} : { lang: expect.lang }),
      ...(expect.max_chars === undefined ? {} : { maxChars: expect.max_chars }),
    },
  }));
}
