// Opens the personas at the start, and says in the log what was found.

import type { Logger } from "#app/core/logging.ts";
import { formatProblem } from "#app/services/chatbot/persona-files/persona-problems.ts";
import { loadPersonaLibrary } from "./persona-library.ts";
import { createPersonaRegistry, type PersonaRegistry } from "./persona-registry.ts";

export interface PersonaOpeningOptions {
  readonly dataDir: string;
  readonly allowedModels: readonly string[];
  readonly logger: Logger;
}

/** @throws PersonaLibraryError when the main persona cannot be read */
export async function openPersonas(options: PersonaOpeningOptions): Promise<PersonaRegistry> {
  const { dataDir, allowedModels, logger } = options;
  const library = await loadPersonaLibrary(dataDir, { allowedModels });
  const registry = createPersonaRegistry(library);
  for (const kind of ["persona", "object"] as const) {
    for (const { id, revision } of registry.list(kind))
      logger.debug({ kind, id, revision }, "persona_loaded");
  }
  for (const problem of library.problems) {
    const fields = { path: problem.path, rule: problem.rule, problem: formatProblem(problem) };
    if (problem.severity === "error") logger.error(fields, "persona_rejected");
    else logger.warn(fields, "persona_warning");
  }
  return registry;
}
