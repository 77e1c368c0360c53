// Who may know what, and when. `known_by` keeps a text out of a persona's index and prompt for good;
// `when` holds it back until the conversation's game state allows it. Unknown variables hold back.

import type { KnowledgeGate, Persona, StateCondition } from "#app/models/persona.ts";

/** The variables of a conversation's game state, as the client or the game reported them. */
export type GameState = Readonly<Record<string, unknown>>;

/** Whether this persona may ever know the text: by its id or by one of its tags. */
export function mayKnow(gate: KnowledgeGate, persona: Pick<Persona, "id" | "tags">): boolean {
  if (gate.knownBy.length === 0) return true;
  return gate.knownBy.some((name) => name === persona.id || persona.tags.includes(name));
}

/** Whether the game has come to where the text may be told. All conditions must hold. */
export function isUnlocked(gate: KnowledgeGate, state: GameState): boolean {
  return Object.entries(gate.when).every(([variable, condition]) => {
    // Own properties only: "constructor" is not a variable of the game.
    return Object.hasOwn(state, variable) && holds(condition, state[variable]);
  });
}

function holds(condition: StateCondition, value: unknown): boolean {
  if (typeof condition !== "object") return value === condition;
  return Object.entries(condition).every(([operator, bound]) => compare(operator, value, bound));
}

/** Only numbers have an order here; a comparison between types does not hold. */
function compare(operator: string, value: unknown, bound: unknown): boolean {
  if (operator === "eq") return value === bound;
  if (operator === "ne") return value !== bound;
  if (typeof value !== "number" || typeof bound !== "number") return false;
  if (operator === "gt") return value > bound;
  if (operator === "gte") return value >= bound;
  if (operator === "lt") return value < bound;
  return operator === "lte" && value <= bound;
}
