// Who answers on a new socket: `?persona=` or `?object=` of its address, checked before the upgrade.

import { AppError } from "#app/core/errors.ts";
import { personaIdSchema } from "#app/models/identifiers.ts";
import type { PersonaRef } from "#app/models/persona.ts";
import type { Conversations } from "#app/services/chatbot/conversations.ts";

/** @throws AppError `persona_not_found` for an id that nobody has, `invalid_frame` for both at once */
export function chosenPersona(query: URLSearchParams, conversations: Conversations): PersonaRef | undefined {
  const persona = query.get("persona");
  const object = query.get("object");
  if (persona !== null && object !== null) {
    throw new AppError("invalid_frame", { message: "Choose a persona or an object, not both." });
  }
  const id = persona ?? object;
  if (id === null) return undefined;
  if (!personaIdSchema.safeParse(id).success) throw new AppError("persona_not_found");
  const ref: PersonaRef = { kind: persona === null ? "object" : "persona", id };
  conversations.persona(ref);
  return ref;
}
