// What can be answered before any index is asked: greetings, thanks, "who are you?", "are you a bot?", attempts on the prompt.
// A message that also asks something real is no intent. Answers are authored lines; Identity, Rules and Never are never read.

import { fold } from "#app/core/folding.ts";
import type { LocalizedText, Persona } from "#app/models/persona.ts";
import type { AuthoredLines } from "#app/services/llm/client.ts";
import {
  BYE_LINE,
  DISCLOSURE_LINE,
  HELP_LINE,
  HELP_WITHOUT_QUESTIONS_LINE,
  QUOTA_LINE,
  REFUSAL_LINE,
  THANKS_LINE,
} from "./intent-lines.ts";
import { findIntent, type Intent } from "./intent-patterns.ts";

const MAX_SUGGESTIONS = 3;
/** The last resort for a persona that says nothing of its own in any language. */
const FALLBACK_LINE = REFUSAL_LINE;

/**
 * The persona's authored lines for this message, in that language where it has them, else in its own. `{{char}}` is
 * filled in; `{{user}}` with `visitorName`, or left out with the comma before it.
 */
export function authoredLines(
  persona: Persona,
  message: { readonly text: string; readonly language: string; readonly visitorName?: string },
): AuthoredLines {
  const say = (line: string) => fillIn(line, persona.name, message.visitorName);
  const suggestions = persona.suggestedQuestions
    .flatMap((question) => question[message.language] ?? [])
    .map(say);
  const intent = findIntent(message.text, persona.name);
  const line = intent === undefined ? undefined : intentLine(intent, persona, message, suggestions);
  const fallback = say(pick([persona.fallback, FALLBACK_LINE], message.language, persona.language));
  return {
    ...(line === undefined ? {} : { intent: say(line) }),
    fallback,
    quota: `${fallback} ${pick([QUOTA_LINE], message.language, persona.language)}`,
    suggestions: suggestions.slice(0, MAX_SUGGESTIONS),
  };
}

function intentLine(
  intent: Intent,
  persona: Persona,
  { text, language }: { readonly text: string; readonly language: string },
  suggestions: readonly string[],
): string {
  const own = (...lines: LocalizedText[]) => pick(lines, language, persona.language);
  switch (intent) {
    case "greeting":
      return own(persona.greeting, DISCLOSURE_LINE);
    case "who_are_you":
      return introduction(
        persona,
        own(persona.greeting, DISCLOSURE_LINE),
        own(persona.disclosure, DISCLOSURE_LINE),
      );
    case "thanks":
      return own(THANKS_LINE);
    case "bye":
      return own(BYE_LINE);
    case "are_you_a_bot":
      return own(persona.disclosure, DISCLOSURE_LINE);
    case "show_prompt":
      return refusal(persona, language, text) ?? own(REFUSAL_LINE);
    case "help":
      return suggestions.length === 0
        ? own(HELP_WITHOUT_QUESTIONS_LINE)
        : [own(HELP_LINE), ...suggestions.map((question) => `- ${question}`)].join("\n");
    default:
      return intent satisfies never;
  }
}

/** The greeting, if it says a name; a variant's often does not, and then the honest line says who speaks. */
function introduction(persona: Persona, greeting: string, disclosure: string): string {
  const names = fold(persona.name).match(/\p{L}{3,}/gu) ?? [];
  const spoken = fold(greeting);
  return names.some((name) => name !== "the" && spoken.includes(name)) ? greeting : disclosure;
}

/** The same message is always refused with the same line; another may get another. */
function refusal(persona: Persona, language: string, text: string): string | undefined {
  const lines = persona.refusals[language] ?? persona.refusals[persona.language] ?? [];
  const sum = Array.from(fold(text)).reduce((total, letter) => total + (letter.codePointAt(0) ?? 0), 0);
  return lines[sum % Math.max(1, lines.length)];
}

/** The first text that has the language; then the first that has the persona's own; then any line at all. */
function pick(texts: readonly LocalizedText[], language: string, personaLanguage: string): string {
  const wanted = [language, personaLanguage, "en"];
  for (const code of wanted) {
    for (const text of texts) {
      const line = Object.hasOwn(text, code) ? text[code]?.trim() : undefined;
      if (line !== undefined && line !== "") return line;
    }
  }
  return texts.flatMap((text) => Object.values(text))[0] ?? "";
}

function fillIn(line: string, personaName: string, visitorName: string | undefined): string {
  const named = line.replaceAll("{{char}}", () => personaName);
  if (visitorName !== undefined && visitorName !== "") return named.replaceAll("{{user}}", () => visitorName);
  return named.replace(/,?\s*\{\{user\}\}/g, "");
}
