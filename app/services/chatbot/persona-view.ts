// A persona as clients see it: never its prompt.

import type { LocalizedText, Persona } from "#app/models/persona.ts";
import type { ShownPersona } from "#app/models/server-event.ts";

/** What a picker shows beside what a conversation shows. */
export interface ListedPersona extends ShownPersona {
  readonly description: string;
  readonly tags: readonly string[];
  readonly languages: readonly string[];
}

/** @param locale the visitor's language, as far as it is known */
export function showPersona(persona: Persona, locale?: string): ShownPersona {
  const language = chooseLanguage(persona, locale);
  return {
    id: persona.id,
    kind: persona.kind,
    name: persona.name,
    revision: persona.revision,
    greeting: inLanguage(persona.greeting, language),
    suggestions: persona.suggestedQuestions.map((question) => inLanguage(question, language)).filter(Boolean),
    language,
  };
}

export function listPersona(persona: Persona, locale?: string): ListedPersona {
  const { description, tags, languages } = persona;
  return { ...showPersona(persona, locale), description, tags, languages };
}

/** The visitor's language where the persona speaks it, else the persona's own. */
export function chooseLanguage(persona: Persona, locale?: string): string {
  const wanted = locale?.split("-")[0]?.toLowerCase();
  if (wanted !== undefined && persona.languages.includes(wanted)) return wanted;
  return persona.language === "auto" ? (persona.languages[0] ?? "en") : persona.language;
}

/** The text in that language, or in whichever the author wrote it. */
export function inLanguage(text: LocalizedText, language: string): string {
  return text[language] ?? Object.values(text)[0] ?? "";
}
