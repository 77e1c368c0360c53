// The part of a persona that comes from its sections, over what is inherited.

import type { FactSheet, Persona, TextChunk } from "#app/models/persona.ts";
import { cutChunks } from "./markdown-headings.ts";
import { parseExamples } from "./persona-examples.ts";
import type { PersonaSection, SectionName } from "./persona-sections.ts";

type PlainName = Exclude<SectionName, "facts" | "examples">;
export type PersonaBody = Pick<Persona, PlainName | "facts" | "examples">;

/** `written` is the language of `# Facts` without one. */
export function resolveBody(
  sections: readonly PersonaSection[],
  base: Persona | undefined,
  written: string,
): PersonaBody {
  const plain = (name: PlainName): string => {
    const own = sections.find((section) => section.name === name);
    if (own === undefined) return base?.[name] ?? "";
    // What a persona must never do cannot be taken back by a variant.
    const adds = own.append || name === "never";
    return adds ? joinTexts(base?.[name] ?? "", own.text) : own.text;
  };
  return {
    identity: plain("identity"),
    voice: plain("voice"),
    rules: plain("rules"),
    never: plain("never"),
    facts: resolveFacts(sections, base, written),
    examples: resolveExamples(sections, base),
  };
}

function resolveFacts(
  sections: readonly PersonaSection[],
  base: Persona | undefined,
  written: string,
): readonly FactSheet[] {
  const sheets = new Map<string, readonly TextChunk[]>();
  for (const { language, chunks } of base?.facts ?? []) sheets.set(language, chunks);
  const own = new Set<string>();
  for (const section of sections) {
    if (section.name !== "facts") continue;
    const language = section.language ?? written;
    // `# Facts` and `# Facts {lang=en}` of one English file are the same heading, written twice.
    const earlier = section.append || own.has(language) ? (sheets.get(language) ?? []) : [];
    sheets.set(language, [...earlier, ...cutChunks(section.text)]);
    own.add(language);
  }
  return [...sheets]
    .filter(([, chunks]) => chunks.length > 0)
    .map(([language, chunks]) => ({ language, chunks }));
}

function resolveExamples(
  sections: readonly PersonaSection[],
  base: Persona | undefined,
): Persona["examples"] {
  const inherited = base?.examples ?? [];
  const own = sections.find((section) => section.name === "examples");
  if (own === undefined) return inherited;
  const { turns } = parseExamples(own.text);
  return own.append ? [...inherited, ...turns] : turns;
}

function joinTexts(first: string, second: string): string {
  return [first, second].filter((text) => text !== "").join("\n\n");
}
