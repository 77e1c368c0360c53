// The front matter of a file in the knowledge folder. Its body, cut at headings, is what retrieval finds.

import { z } from "zod";
import { personaIdSchema } from "./identifiers.ts";
import { knowledgeGateFields, languageCodeSchema } from "./persona-file.ts";

export const knowledgeFileSchema = z.strictObject({
  schema: z.literal(1).optional(),
  id: personaIdSchema.optional(),
  enabled: z.boolean().optional(),
  title: z.string().trim().min(1, "expected some text").max(200),
  language: languageCodeSchema.optional(),
  keys: z.array(z.string().trim().min(1, "expected some text").max(200)).optional(),
  ...knowledgeGateFields,
  priority: z.number().min(-10_000).max(10_000).optional(),
  source: z.string().max(1024).optional(),
});

export type KnowledgeFile = z.infer<typeof knowledgeFileSchema>;
