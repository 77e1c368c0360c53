// What the platform itself says where a speaker brings no line of its own. Who is asked sincerely whether they are
// a bot must get an honest answer, whatever its author forgot.

import type { LocalizedText } from "./persona.ts";

/** The honest answer of an object without a `disclosure`. */
export const PLATFORM_DISCLOSURE: LocalizedText = Object.freeze(
  Object.assign(Object.create(null) as Record<string, string>, {
    en: "I am a computer program, not a person or a living thing: my answers are generated.",
    tr: "Ben bir bilgisayar programıyım, bir insan ya da canlı değilim: yanıtlarım otomatik olarak üretilir.",
  }),
);
