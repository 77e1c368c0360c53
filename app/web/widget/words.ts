// What the widget says, in the language it is in. A persona's own words come from the server.

import { ENGLISH, ENGLISH_PROBLEMS, type TextKey } from "./english.ts";
import { TURKISH, TURKISH_PROBLEMS } from "./turkish.ts";

export type Locale = "en" | "tr";

export interface Words {
  readonly locale: Locale;
  say(key: TextKey, values?: Readonly<Record<string, string | number>>): string;
  /** Words for an error code; `message` is the server's own, where there is one. */
  explain(code: string, message?: string): string;
}

const TEXTS: Readonly<Record<Locale, Readonly<Record<TextKey, string>>>> = { en: ENGLISH, tr: TURKISH };

export function createWords(locale: Locale): Words {
  return {
    locale,
    say: (key, values = {}) =>
      TEXTS[locale][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)),
    explain: (code, message) => {
      const turkish = locale === "tr" ? TURKISH_PROBLEMS[code] : undefined;
      return turkish ?? message ?? ENGLISH_PROBLEMS[code] ?? code;
    },
  };
}

export function isTextKey(key: string): key is TextKey {
  return Object.hasOwn(ENGLISH, key);
}

/** The first of the wanted languages that the widget speaks; English where there is none. */
export function chooseLocale(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split("-")[0];
    if (language === "en" || language === "tr") return language;
  }
  return "en";
}
