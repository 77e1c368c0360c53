// The platform's own lines for what needs no knowledge, in English and Turkish. They are the same for every persona;
// where a persona has written its own line (greeting, disclosure, refusals) that one is said instead.

import type { LocalizedText } from "#app/models/persona.ts";

export const THANKS_LINE: LocalizedText = {
  en: "You are welcome.",
  tr: "Rica ederim.",
};

export const BYE_LINE: LocalizedText = {
  en: "Goodbye, and thank you for the conversation.",
  tr: "Hoşça kalın, sohbet için teşekkür ederim.",
};

/** Stands before the suggested questions. */
export const HELP_LINE: LocalizedText = {
  en: "You can ask me questions such as these:",
  tr: "Bana şöyle sorular sorabilirsiniz:",
};

/** For a persona that suggests nothing. */
export const HELP_WITHOUT_QUESTIONS_LINE: LocalizedText = {
  en: "Ask me anything about myself, and I will answer what I know.",
  tr: "Bana kendimle ilgili sorular sorabilirsiniz; bildiğimi anlatırım.",
};

/** For a persona without an honesty line of its own. */
export const DISCLOSURE_LINE: LocalizedText = {
  en: "I am a computer program that speaks in this character's voice, not a person.",
  tr: "Ben bir insan değilim; bu karakterin ağzından konuşan bir bilgisayar programıyım.",
};

/** For a persona without refusals of its own. */
export const REFUSAL_LINE: LocalizedText = {
  en: "I would rather not talk about that. Ask me something else.",
  tr: "Bunun hakkında konuşmamayı yeğlerim. Başka bir şey sorun.",
};

/** Follows the persona's own fallback line: what it says there, and why no model helps. */
export const QUOTA_LINE: LocalizedText = {
  en: "I have used up my words for today; until midnight (UTC) I can only answer from my notes.",
  tr: "Bugünkü söz hakkımı tükettim; gece yarısına (UTC) kadar yalnızca notlarımdan yanıt verebilirim.",
};
