// Things that speak for themselves: `objects/*.md` of the data folder. An object is not its owner, so it inherits
// nothing unless its file says so.

import type { Persona, PersonaProblem } from "#app/models/persona.ts";
import { readMarkdownFolder } from "#app/services/chatbot/persona-files/markdown-folder.ts";
import {
  buildPersona,
  type PersonaBases,
  type PersonaLoadOptions,
} from "#app/services/chatbot/persona-files/persona-build.ts";
import { readPersonaDefinition } from "#app/services/chatbot/persona-files/persona-definition.ts";

export interface ObjectFiles {
  /** By id, in the order of the file names; a broken one is left out and named in `problems`. */
  readonly objects: ReadonlyMap<string, Persona>;
  readonly problems: readonly PersonaProblem[];
}

/** `bases` are the personas that an object may extend. */
export async function loadObjectFiles(
  dataDir: string,
  bases: PersonaBases,
  options: PersonaLoadOptions,
): Promise<ObjectFiles> {
  const { sources, problems: folderProblems } = await readMarkdownFolder(dataDir, "objects");
  const objects = new Map<string, Persona>();
  const problems = [...folderProblems];
  for (const source of sources) {
    const takenIds = new Set(sources.map(({ name }) => name).filter((name) => name !== source.name));
    const reading = readPersonaDefinition(source, { kind: "object", defaultBase: false, takenIds });
    if (reading.type === "disabled") continue;
    const object = reading.type === "defined" ? buildPersona(reading.definition, bases, options) : undefined;
    if (object !== undefined) objects.set(object.id, object);
    problems.push(...source.problems.all);
  }
  return { objects, problems };
}
