// Checks of what a persona means, beyond the form of its file; most can only be made when inheritance is done.
// A finding stands at the key or heading of the persona's own file that it is about, or at the file's first line.

import type { LocalizedText, Persona } from "#app/models/persona.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { PersonaDefinition } from "./persona-definition.ts";
import { parseExamples } from "./persona-examples.ts";
import type { Position } from "./persona-problems.ts";
import type { SectionName } from "./persona-sections.ts";

const MAX_GREETING_CHARS = 400;

const SPOKEN_LINES = ["greeting", "fallback", "disclosure"] as const;

/** What can be seen without inheritance. `allowedModels` are the names that the operator lets files ask for. */
export function checkDefinition(definition: PersonaDefinition, allowedModels: readonly string[]): void {
  checkModel(definition, allowedModels);
  checkReachable(definition);
}

/** Reports into the definition's problems. */
export function checkPersona(definition: PersonaDefinition, persona: Persona): void {
  checkSections(definition, persona);
  // A broken list of languages would only make every line look missing.
  if (!definition.brokenKeys.has("language") && !definition.brokenKeys.has("languages")) {
    checkLines(definition, persona);
    checkQuestions(definition, persona);
  }
  checkFactLanguages(definition, persona);
  checkGreetingLength(definition, persona);
}

function checkModel({ front, positionOf, problems }: PersonaDefinition, allowed: readonly string[]): void {
  const name = front.model?.name;
  if (name === undefined || name === null || allowed.includes(name)) return;
  const message = `The operator does not allow the model "${name}"${didYouMean(name, allowed)}`;
  problems.error("model-not-allowed", positionOf(["model", "name"]), message);
}

function checkSections(definition: PersonaDefinition, persona: Persona): void {
  const { problems } = definition;
  if (persona.identity === "") {
    problems.error(
      "missing-section",
      headingOf(definition, "identity"),
      "The section Identity is missing or empty.",
    );
  }
  if (persona.never === "") {
    problems.warning("empty-never", headingOf(definition, "never"), "The section Never is missing or empty.");
  }
  const at = headingOf(definition, "examples");
  if (persona.examples.length === 0) {
    problems.warning("no-examples", at, "There are no examples; they shape a voice more than rules do.");
  }
  const own = definition.sections.find(({ name }) => name === "examples");
  const malformed = own === undefined ? 0 : parseExamples(own.text).malformed;
  if (malformed > 0) {
    const message = `${malformed} of the examples are no pair of **user:** and **char:** and are left out.`;
    problems.warning("malformed-example", at, message);
  }
}

function checkLines({ front, brokenKeys, positionOf, problems }: PersonaDefinition, persona: Persona): void {
  for (const line of SPOKEN_LINES) {
    if (brokenKeys.has(line)) continue;
    const at = positionOf([front[line] === undefined ? "languages" : line]);
    for (const language of persona.languages) {
      if (Object.hasOwn(persona[line], language)) continue;
      problems.error("language-missing", at, `There is no ${line} in "${language}".`);
    }
  }
}

/** Every question can at least be shown in the persona's default language. */
function checkQuestions({ brokenKeys, positionOf, problems }: PersonaDefinition, persona: Persona): void {
  if (persona.language === "auto" || brokenKeys.has("suggested_questions")) return;
  for (const [index, question] of persona.suggestedQuestions.entries()) {
    if (Object.hasOwn(question, persona.language)) continue;
    const message = `This suggested question is not there in "${persona.language}".`;
    problems.error("language-missing", positionOf(["suggested_questions", index]), message);
  }
}

/** Who greets in a language must know something in it; a persona without any facts says so in none. */
function checkFactLanguages({ positionOf, problems }: PersonaDefinition, persona: Persona): void {
  if (persona.facts.length === 0) return;
  for (const language of Object.keys(persona.greeting)) {
    if (persona.facts.some((sheet) => sheet.language === language)) continue;
    const message = `There is a greeting in "${language}" but there are no facts in it.`;
    problems.error("language-missing", positionOf(["greeting", language]), message);
  }
}

function checkGreetingLength({ front, positionOf, problems }: PersonaDefinition, persona: Persona): void {
  if (front.greeting === undefined) return;
  const lines: LocalizedText = persona.greeting;
  for (const [language, text] of Object.entries(lines)) {
    if (text.length <= MAX_GREETING_CHARS) continue;
    const message = `The greeting in "${language}" is longer than ${MAX_GREETING_CHARS} characters.`;
    problems.warning("long-greeting", positionOf(["greeting", language]), message);
  }
}

function checkReachable({ front, positionOf, problems }: PersonaDefinition): void {
  for (const [index, entry] of (front.knowledge ?? []).entries()) {
    const triggers = (entry.keys?.length ?? 0) + (entry.all?.length ?? 0);
    if (entry.enabled === false || entry.constant === true || triggers > 0) continue;
    const message = `The knowledge entry "${entry.id}" has no keys and is not constant; nothing brings it up.`;
    problems.warning("unreachable-knowledge", positionOf(["knowledge", index]), message);
  }
}

function headingOf({ sections, bodyLine }: PersonaDefinition, name: SectionName): Position {
  return { line: sections.find((section) => section.name === name)?.line ?? bodyLine, column: 1 };
}
