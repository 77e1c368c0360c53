// The main persona and its variants: `persona.md` and `personas/*.md` of the data folder.
// Promises: a broken variant is left out and named; without the main persona there is none at all.

import type { Persona, PersonaProblem } from "#app/models/persona.ts";
import {
  readMarkdownFolder,
  readMarkdownSource,
} from "#app/services/chatbot/persona-files/markdown-folder.ts";
import {
  buildPersona,
  type PersonaBases,
  type PersonaLoadOptions,
} from "#app/services/chatbot/persona-files/persona-build.ts";
import {
  type PersonaDefinition,
  readPersonaDefinition,
} from "#app/services/chatbot/persona-files/persona-definition.ts";
import { FILE_START } from "#app/services/chatbot/persona-files/persona-problems.ts";

/** The main persona's id, which is its file's name. */
export const MAIN_PERSONA_ID = "persona";

export interface PersonaFiles {
  /** Undefined when its file is missing or broken; then there are no variants either. */
  readonly main: Persona | undefined;
  /** The main persona first, then its variants by file name. */
  readonly personas: ReadonlyMap<string, Persona>;
  /** What objects may extend. */
  readonly bases: PersonaBases;
  readonly problems: readonly PersonaProblem[];
}

export async function loadPersonaFiles(dataDir: string, options: PersonaLoadOptions): Promise<PersonaFiles> {
  const [source, folder] = await Promise.all([
    readMarkdownSource(dataDir, "", `${MAIN_PERSONA_ID}.md`),
    readMarkdownFolder(dataDir, "personas"),
  ]);
  const noBases: PersonaBases = { usable: new Map(), extending: new Set() };
  const context = { kind: "persona", defaultBase: false, takenIds: new Set<string>() } as const;
  const reading = readPersonaDefinition(source, context);
  if (reading.type === "disabled") {
    source.problems.error("schema", FILE_START, "The main persona cannot be disabled.");
  }
  const main = reading.type === "defined" ? buildPersona(reading.definition, noBases, options) : undefined;
  if (main === undefined) {
    return { main, personas: new Map(), bases: noBases, problems: source.problems.all };
  }
  const fileNames = folder.sources.map(({ name }) => name);
  const definitions: PersonaDefinition[] = [];
  const problems = [...source.problems.all, ...folder.problems];
  for (const variant of folder.sources) {
    const others = fileNames.filter((name) => name !== variant.name);
    const takenIds = new Set([MAIN_PERSONA_ID, ...others]);
    const read = readPersonaDefinition(variant, {
      kind: "persona",
      defaultBase: MAIN_PERSONA_ID,
      takenIds,
    });
    if (read.type === "defined") definitions.push(read.definition);
    if (read.type === "unreadable") problems.push(...variant.problems.all);
  }
  const { personas, bases } = buildVariants(main, definitions, options);
  for (const definition of definitions) problems.push(...definition.problems.all);
  return { main, personas, bases, problems };
}

/** Those that extend nothing come first: others may extend them. */
function buildVariants(
  main: Persona,
  definitions: readonly PersonaDefinition[],
  options: PersonaLoadOptions,
): Pick<PersonaFiles, "personas" | "bases"> {
  const usable = new Map([[main.id, main]]);
  const extending = new Set<string>();
  const bases: PersonaBases = { usable, extending };
  const built = new Map<PersonaDefinition, Persona | undefined>();
  for (const definition of definitions) {
    if (definition.base !== false) extending.add(definition.id);
    else built.set(definition, buildPersona(definition, bases, options));
  }
  for (const persona of built.values()) if (persona !== undefined) usable.set(persona.id, persona);
  // A file in the folder may call itself like the main persona (an error of its own); extending that stays possible.
  extending.delete(main.id);
  const personas = new Map([[main.id, main]]);
  for (const definition of definitions) {
    const persona =
      definition.base === false ? built.get(definition) : buildPersona(definition, bases, options);
    if (persona !== undefined) personas.set(persona.id, persona);
  }
  return { personas, bases };
}
