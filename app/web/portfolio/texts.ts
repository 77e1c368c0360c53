// The words of the page in its two languages, which are the widget's.

import type { Locale } from "#app/web/widget/words.ts";
import { ENGLISH, type TextKey } from "./english.ts";
import { TURKISH } from "./turkish.ts";

const TEXTS: Readonly<Record<Locale, Readonly<Record<TextKey, string>>>> = { en: ENGLISH, tr: TURKISH };

export function isTextKey(key: string): key is TextKey {
  return Object.hasOwn(ENGLISH, key);
}

/** @throws on a name that no text has, which is a mistake in the page */
export function textNamed(locale: Locale, key: string): string {
  if (!isTextKey(key)) throw new Error(`the page has no text named ${key}`);
  return TEXTS[locale][key];
}

/** Cuts a text at `_…_`: every second piece is the title of a book. */
export function piecesOf(text: string): readonly string[] {
  return text.split("_");
}
