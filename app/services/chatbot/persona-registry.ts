// Who can be talked to. One immutable snapshot of personas, objects and notes behind a narrow interface.

import type { KnowledgeNote, Persona, PersonaKind, PersonaProblem, PersonaRef } from "#app/models/persona.ts";

/** Everything read from the data folder in one go; never changed afterwards. */
export interface PersonaLibrary {
  readonly main: Persona;
  readonly personas: ReadonlyMap<string, Persona>;
  readonly objects: ReadonlyMap<string, Persona>;
  readonly notes: readonly KnowledgeNote[];
  /** What was wrong with files that were left out, or worth a warning in those that were not. */
  readonly problems: readonly PersonaProblem[];
}

export interface PersonaRegistry {
  /** The persona of that kind and id, or undefined. Never throws: a foreign id is looked up in a Map. */
  get(ref: PersonaRef): Persona | undefined;
  /** All of a kind, the main persona first, then by id. */
  list(kind: PersonaKind): readonly Persona[];
  /** Who answers where nobody was chosen. */
  main(): Persona;
  /** The knowledge files, ungated: a reader applies `known_by` and `when` itself. */
  notes(): readonly KnowledgeNote[];
  /** Problems of the last reading, errors first. */
  problems(): readonly PersonaProblem[];
}

/** A registry over one snapshot. */
export function createPersonaRegistry(library: PersonaLibrary): PersonaRegistry {
  const byKind: Record<PersonaKind, ReadonlyMap<string, Persona>> = {
    persona: library.personas,
    object: library.objects,
  };
  const listed = {
    persona: [library.main, ...sorted(library.personas).filter((persona) => persona.id !== library.main.id)],
    object: sorted(library.objects),
  };
  return {
    get: (ref) => byKind[ref.kind].get(ref.id),
    list: (kind) => listed[kind],
    main: () => library.main,
    notes: () => library.notes,
    problems: () => library.problems,
  };
}

function sorted(personas: ReadonlyMap<string, Persona>): Persona[] {
  return [...personas.values()].sort((a, b) => a.id.localeCompare(b.id, "en"));
}
