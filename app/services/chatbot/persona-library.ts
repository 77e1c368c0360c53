// Everything that can be talked to, read from the data folder in one go.
// Promises: the same files give the same library; it throws nothing but PersonaLibraryError, and that only when the
// main persona cannot be had. Does not: watch the folder.

import type { PersonaProblem } from "#app/models/persona.ts";
import type { PersonaLoadOptions } from "#app/services/chatbot/persona-files/persona-build.ts";
import { formatProblem, sortProblems } from "#app/services/chatbot/persona-files/persona-problems.ts";
import { loadKnowledgeFiles } from "./knowledge-loader.ts";
import { loadObjectFiles } from "./object-persona-loader.ts";
import { loadPersonaFiles } from "./persona-loader.ts";
import type { PersonaLibrary } from "./persona-registry.ts";

/** There is no usable main persona: nothing can be served. Its message is the findings, a line each. */
export class PersonaLibraryError extends Error {
  override readonly name = "PersonaLibraryError";
  readonly problems: readonly PersonaProblem[];

  constructor(problems: readonly PersonaProblem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}

/** Reads `persona.md`, `personas/`, `objects/` and `knowledge/`; what is broken but the main persona is left out. */
export async function loadPersonaLibrary(
  dataDir: string,
  options: PersonaLoadOptions,
): Promise<PersonaLibrary> {
  const [{ main, personas, bases, problems }, knowledge] = await Promise.all([
    loadPersonaFiles(dataDir, options),
    loadKnowledgeFiles(dataDir),
  ]);
  if (main === undefined) throw new PersonaLibraryError(sortProblems(problems));
  const { objects, problems: objectProblems } = await loadObjectFiles(dataDir, bases, options);
  return Object.freeze({
    main,
    personas,
    objects,
    notes: Object.freeze(knowledge.notes),
    problems: Object.freeze(sortProblems([...problems, ...objectProblems, ...knowledge.problems])),
  });
}
