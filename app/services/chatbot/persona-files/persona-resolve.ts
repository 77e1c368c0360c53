// A definition and what it extends become one persona: defaults filled in, inherited, frozen, with its revision.
// Merging goes by a list of known keys. Does not judge the result (persona-checks.ts).

import { deepFreeze, revisionOf } from "#app/core/frozen-value.ts";
import type { Persona } from "#app/models/persona.ts";
import { resolveBody } from "./persona-body.ts";
import type { PersonaDefinition } from "./persona-definition.ts";
import { resolveFront } from "./persona-front.ts";

/**
 * Scalars and lists replace what is inherited; `model` and `limits` merge by key, `knowledge` by id, sections by
 * heading; `Never` is added to what is inherited, `disclosure` replaces by language and takes no language away.
 */
export function resolvePersona(definition: PersonaDefinition, base: Persona | undefined): Persona {
  const front = resolveFront(definition, base);
  const persona: Omit<Persona, "revision"> = {
    kind: definition.kind,
    id: definition.id,
    ...front,
    ...resolveBody(definition.sections, base, front.language === "auto" ? "en" : front.language),
  };
  return deepFreeze({ ...persona, revision: revisionOf(persona) });
}
