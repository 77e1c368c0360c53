// The front matter of a persona's or an object's markdown file, as its author writes it (snake case).
// Promises: every key is optional where a persona can inherit it; a key that is not listed is an error.
// Does not: fill in defaults or inherit (persona-resolve.ts) or look at the text below the front matter.

import { z } from "zod";
import { personaIdSchema } from "./identifiers.ts";

/** A two-letter language code, the key of everything that is written by language. */
export const languageCodeSchema = z.string().regex(/^[a-z]{2}$/, "expected a two-letter language code");

const spokenLine = z.string().trim().min(1, "expected some text").max(4000);
const word = z.string().trim().min(1, "expected some text").max(200);

/** One text, or one text by language; a language cannot be emptied. */
const localizedTextSchema = z.union([
  spokenLine,
  z
    .record(languageCodeSchema, spokenLine)
    .refine((lines) => Object.keys(lines).length > 0, "expected at least one language"),
]);

const stateValue = z.union([z.string(), z.number(), z.boolean()]);

const stateConditionSchema = z.union([
  stateValue,
  z
    .strictObject({
      eq: stateValue,
      ne: stateValue,
      gt: stateValue,
      gte: stateValue,
      lt: stateValue,
      lte: stateValue,
    })
    .partial()
    .refine((comparison) => Object.keys(comparison).length > 0, {
      error: "expected a comparison such as {gte: 2}",
      // An unknown operator is already named; that nothing is left without it is no second fault.
      when: ({ issues }) => issues.length === 0,
    }),
]);

/** What decides who may know a text; the same for a persona's entry and for a knowledge file. */
export const knowledgeGateFields = {
  known_by: z.array(word).optional(),
  when: z.record(z.string().min(1).max(64), stateConditionSchema).optional(),
};

const knowledgeFields = {
  id: personaIdSchema,
  keys: z.array(word).optional(),
  all: z.array(word).optional(),
  none: z.array(word).optional(),
  ...knowledgeGateFields,
  constant: z.boolean().optional(),
  scan: z.int().min(1).max(100).optional(),
  priority: z.number().min(-10_000).max(10_000).optional(),
};

/** An entry of `knowledge:`; with `enabled: false` it takes away the inherited one of that id. */
const knowledgeEntrySchema = z.union([
  z.strictObject({
    ...knowledgeFields,
    enabled: z.literal(true).optional(),
    content: z.string().trim().min(1, "expected some text").max(2000),
  }),
  z.strictObject({ ...knowledgeFields, enabled: z.literal(false), content: z.string().optional() }),
]);

const personaTestSchema = z.strictObject({
  ask: spokenLine,
  expect: z.strictObject({
    contains: z.array(z.string().min(1)).optional(),
    not_contains: z.array(z.string().min(1)).optional(),
    lang: languageCodeSchema.optional(),
    max_chars: z.int().min(1).max(100_000).optional(),
  }),
});

const modelSchema = z.strictObject({
  name: z.string().min(1).max(200).nullable().optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().min(0).max(1).optional(),
  max_output_tokens: z.int().min(1).max(4096).optional(),
});

const limitsSchema = z.strictObject({
  max_input_chars: z.int().min(1).max(8000).optional(),
  history_messages: z.int().min(0).max(100).optional(),
  knowledge_tokens: z.int().min(0).max(8000).optional(),
});

export const personaFileSchema = z.strictObject({
  schema: z.literal(1).optional(),
  id: personaIdSchema.optional(),
  extends: z.union([z.literal(false), personaIdSchema]).optional(),
  enabled: z.boolean().optional(),
  name: z.string().trim().min(1, "expected some text").max(100),
  description: z.string().max(1024).optional(),
  tags: z.array(word).optional(),
  language: z.union([z.literal("auto"), languageCodeSchema]).optional(),
  languages: z.array(languageCodeSchema).min(1).optional(),
  greeting: localizedTextSchema.optional(),
  suggested_questions: z.array(localizedTextSchema).max(6).optional(),
  disclosure: localizedTextSchema.optional(),
  refusals: z.record(languageCodeSchema, z.array(spokenLine).min(1)).optional(),
  fallback: localizedTextSchema.optional(),
  model: modelSchema.optional(),
  limits: limitsSchema.optional(),
  tools: z.array(word).optional(),
  knowledge: z.array(knowledgeEntrySchema).optional(),
  tests: z.array(personaTestSchema).optional(),
  post_history: z.string().max(2000).optional(),
  extensions: z.record(z.string(), z.unknown()).optional(),
});

export type PersonaFile = z.infer<typeof personaFileSchema>;
/** A text as it stands in the file: one string, or one by language. */
export type LocalizedTextInput = z.infer<typeof localizedTextSchema>;
