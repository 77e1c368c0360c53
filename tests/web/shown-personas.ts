// Two partners for the tests of the browser's side, and the event that puts one in the other's place.

import type { ConversationEvent, ShownPersona } from "#app/models/server-event.ts";

export const ADA: ShownPersona = {
  kind: "persona",
  id: "persona",
  name: "Ada",
  revision: "0123456789ab",
  greeting: "Good day.",
  suggestions: ["Who are you?"],
  language: "en",
};
export const ENGINE: ShownPersona = { ...ADA, kind: "object", id: "engine", name: "The Engine" };

export const changed = (persona: ShownPersona): ConversationEvent => ({
  type: "CUSTOM",
  name: "persona.changed",
  value: persona,
});
