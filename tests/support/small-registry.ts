// Two personas and an object made by hand: an app over them starts in milliseconds, for tests whose model is scripted.

import type { PersonaRegistry } from "#app/services/chatbot/persona-registry.ts";
import { handMadePersona } from "../services/chatbot/hand-made-persona.ts";
import { registryOf } from "./chat-core.ts";

/** The main persona is `ada`; beside it the persona `engineer` and the object `card`. */
export function createSmallRegistry(maxInputChars = 2_000): PersonaRegistry {
  const limits = { maxInputChars, historyMessages: 20, knowledgeTokens: 800 };
  return registryOf(
    handMadePersona({ limits }),
    handMadePersona({ id: "engineer", name: "The engineer", limits, revision: "111111111111" }),
    handMadePersona({ kind: "object", id: "card", name: "A card", limits, revision: "222222222222" }),
  );
}
