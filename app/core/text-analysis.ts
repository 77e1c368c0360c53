// From text to terms that can be compared: tokens, their content terms, and an author's keys looked up in a text.
// Promises: the same word gives the same term with and without capitals and diacritics. Does not rank anything.

import { fold } from "./folding.ts";
import { isStopWord, stem } from "./stemming.ts";
import { wordFamily } from "./word-families.ts";

/** A word of a text. `lower` and `folded` are without what follows an apostrophe ("Londra'da" is "londra"). */
export interface Token {
  readonly text: string;
  readonly lower: string;
  readonly folded: string;
  /** Offset in the text, in UTF-16 units. */
  readonly start: number;
  readonly isCapitalised: boolean;
}

/** A text made ready for `prepareKey`'s matchers; make it once, ask it for many keys. */
export interface SearchableText {
  readonly folded: string;
  readonly words: ReadonlyArray<KeyWord>;
}

interface KeyWord {
  readonly folded: string;
  readonly english: string;
  readonly turkish: string;
}

const WORD = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(?:['’][\p{L}\p{M}]+)*/gu;
/** What separates the words of a key; any other sign makes the key a literal one. */
const LITERAL_SIGN = /[^\p{L}\p{N}\p{M}\s'’,–—-]/u;
/** A Turkish word's first five letters are nearly as good a stem as a dictionary's, and do not need diacritics. */
const TURKISH_PREFIX = 5;
const KEY_PREFIX = 5;
/** "anne" is a mother, "Anne" is Anne Isabella. */
const NAMES_LIKE_WORDS = new Set(["anne"]);

/** The words of a text in order. */
export function tokenize(text: string, language: string): Token[] {
  const locale = language === "tr" ? "tr" : "en";
  return Array.from(text.normalize("NFC").matchAll(WORD), (match) => {
    const whole = match[0];
    const isContraction = isStopWord(fold(whole), language);
    const word = isContraction ? whole : whole.replace(/['’].*$/u, "");
    return {
      text: whole,
      lower: word.toLocaleLowerCase(locale),
      folded: fold(word),
      start: match.index,
      isCapitalised: /^\p{Lu}/u.test(word),
    };
  });
}

/** Whether a text was typed without any letter outside ASCII. */
export function isAsciiTyped(text: string): boolean {
  return !/[^\p{ASCII}]/u.test(text.replace(/[^\p{L}]/gu, ""));
}

/**
 * The terms of one token, any of which stands for it; empty for a stop word. A term that ends in * is only the beginning
 * of a word. A family comes before the stop words, since
 * "öldü" (died) folds to "oldu" (was).
 */
export function tokenTerms(token: Token, language: string, asciiTyped = false): string[] {
  const isName = token.isCapitalised && NAMES_LIKE_WORDS.has(token.lower);
  const family = isName ? undefined : wordFamily(token.lower, language, asciiTyped);
  if (family !== undefined) return [family];
  if (isStopWord(token.folded, language) || isArticle(token, language)) return [];
  if (language !== "tr") return [stem(token.lower, language)];
  const stemmed = stem(token.lower, language);
  return token.folded.length < TURKISH_PREFIX
    ? [stemmed, `${token.folded}*`]
    : [stemmed, `${token.folded.slice(0, TURKISH_PREFIX)}*`];
}

/** "a card" and "A card …", but not "Note A"; the published stop words leave it out. */
function isArticle(token: Token, language: string): boolean {
  return language === "en" && token.folded === "a" && (token.text === "a" || token.start === 0);
}

/** A text as the matchers of `prepareKey` want it. */
export function toSearchableText(text: string): SearchableText {
  return { folded: fold(text), words: tokenize(text, "").map(toKeyWord) };
}

/**
 * Whether an author's key stands in a text: word for word, each equal when folded, or of the same English or Turkish stem, or,
 * from five letters on, a beginning of the text's word. A key with other signs (`c++`, `.net`) is looked for as it is
 * written, case and diacritics apart, not inside a longer word. The key is read and stemmed here, once, and not each time
 * it is looked for.
 */
export function prepareKey(key: string): (text: SearchableText) => boolean {
  if (LITERAL_SIGN.test(key)) {
    const literal = fold(key.trim());
    return (text) => holdsLiteral(literal, text.folded);
  }
  const wanted = tokenize(key, "").map(toKeyWord);
  if (wanted.length === 0) return () => false;
  return ({ words }) =>
    words.some((_, at) =>
      wanted.every((word, offset) => {
        const found = words[at + offset];
        return found !== undefined && isSameWord(word, found);
      }),
    );
}

function toKeyWord(token: Token): KeyWord {
  const turkishLower = token.text.replace(/['’].*$/u, "").toLocaleLowerCase("tr");
  return { folded: token.folded, english: stem(token.lower, "en"), turkish: stem(turkishLower, "tr") };
}

function isSameWord(key: KeyWord, found: KeyWord): boolean {
  if (key.folded === found.folded) return true;
  // A two-letter stem ("ol", "et") would bring strangers together.
  if (key.english.length > 2 && key.english === found.english) return true;
  if (key.turkish.length > 2 && key.turkish === found.turkish) return true;
  // The stemmer takes "sayı" for "say" with a suffix, but "sayıları" for "sayı".
  if (key.folded.length > 2 && key.folded === found.turkish) return true;
  return key.folded.length >= KEY_PREFIX && found.folded.startsWith(key.folded);
}

function holdsLiteral(key: string, text: string): boolean {
  for (let at = text.indexOf(key); at !== -1; at = text.indexOf(key, at + 1)) {
    const before = text.slice(0, at);
    const after = text.slice(at + key.length);
    // ".net" may follow a word ("asp.net"); a key that begins or ends in a letter may not touch another letter.
    const startsFree = !/^[\p{L}\p{N}]/u.test(key) || !/[\p{L}\p{N}]$/u.test(before);
    const endsFree = !/^[\p{L}\p{N}+#]/u.test(after);
    if (startsFree && endsFree) return true;
  }
  return false;
}
