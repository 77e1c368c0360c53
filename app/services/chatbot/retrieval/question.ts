// What a question asks: its content terms, its proper names, the kind of answer it wants and whose life it is about.
// Only what keeps a wrong sentence from being said; it is no grammar.

import { fold } from "#app/core/folding.ts";
import { isAskingWord, isNarrowing } from "#app/core/stemming.ts";
import { isAsciiTyped, type Token, tokenize, tokenTerms } from "#app/core/text-analysis.ts";

export type AnswerKind = "date" | "place" | "person" | "number" | "age" | "reason" | "any";

export interface QuestionTerm {
  /** Any of these in a text stands for the word. */
  readonly terms: readonly string[];
  /** A proper name, a number, a narrowing word or an event of life: the answer must hold it. */
  readonly isRequired: boolean;
  readonly isEvent: boolean;
  /** A proper name that goes on from the word before: "Charles Babbage" counts once. */
  readonly continuesName: boolean;
  /** The listener's own name: helps to rank, is not asked for. */
  readonly isOwnName: boolean;
  /** Ends like a Turkish "your …" ("annen", "kitabınız"). */
  readonly endsInYour: boolean;
}

export interface Question {
  readonly terms: readonly QuestionTerm[];
  /** Folded words, single spaces: for finding the question itself in a heading. */
  readonly plain: string;
  /** Words of asking beside the terms ("know", "say"): they help to rank. */
  readonly hints: readonly QuestionTerm[];
  /** All its terms are words of asking ("Who made you?"): too little to go by without a heading. */
  readonly isVague: boolean;
  readonly kind: AnswerKind;
  /** Asks about the listener ("you", "-dın"), or names it; "can you tell me …" does not. */
  readonly isAddressed: boolean;
  /** "Were you built …?": the answer tells of an "I" or "me", not only of something of mine. */
  readonly isPassive: boolean;
  /** Speaks of somebody by a pronoun or by nothing at all ("when did she die?", "ne zaman öldü?"). */
  readonly needsAntecedent: boolean;
  /** Whose birth, death or marriage is asked for; null where the question has none. */
  readonly eventSubject: "self" | "other" | null;
}

const KINDS: Readonly<Record<string, ReadonlyArray<readonly [RegExp, AnswerKind]>>> = {
  en: [
    [/\bhow old\b|\b(?:at )?(?:what|which) age\b/, "age"],
    [/\bhow (?:many|much)\b/, "number"],
    [/\bwhen\b|\b(?:what|which) (?:year|date|day|month|century)\b|\bhow long ago\b/, "date"],
    [/\bwhere\b|\b(?:what|which|in what|in which) (?:city|country|place|town)\b/, "place"],
    [/\bwho(?:m|se|'s)?\b/, "person"],
    [/\bwhy\b|\bhow come\b/, "reason"],
    [/\bwhat\b|\bwhich\b|\bhow\b/, "any"],
  ],
  tr: [
    [/\bkac yas/, "age"],
    [/\bne zaman|\b(?:hangi|kac) (?:yil|tarih|gun|ay|sene)|\b(?:dogum|olum) tarihi/, "date"],
    [/\bkac\b/, "number"],
    [/\bner(?:e|d)|\bhangi (?:sehir|ulke|kent)/, "place"],
    [/\bkim/, "person"],
    [/\bneden\b|\bniye\b|\bnicin\b|\bne icin\b/, "reason"],
    [/\bne\b|\bnedir\b|\bnasil\b|\bhangi\b/, "any"],
  ],
};

const ADDRESSING: Readonly<Record<string, RegExp>> = {
  en: /\b(?:you|your|yours|yourself|u|ur)\b/,
  tr: /\b(?:sen|seni|senin|sana|senden|sende|siz|sizi|sizin|size|sizden)\b|(?:[dt][iu]n|[dt][iu]niz|s[iu]n|s[iu]niz|m[iu]yd[iu]n|m[iu]s[iu]n)(?:\s|$|\?|!|\.)/,
};

const POLITE_OPENING =
  /\b(?:do|can|could|would|will) you (?:please )?(?:know|tell|say|explain|describe|show|help)\b|\b(?:biliyor|soyler|anlatir|aciklar) m[iu]s[iu]n(?:[iu]z)?\b/g;

const PRONOUN: Readonly<Record<string, RegExp>> = {
  en: /\b(?:he|she|they|him|her|his|their|them)\b/,
  tr: /\b(?:o|onu|onun|ona|onlar|onlari|onlarin)\b/,
};

const EVENT_TERMS = new Set(["~birth", "~death", "~marriage"]);
const KIN_TERMS = new Set(["~mother", "~father", "~marriage", "~child"]);
const EVENT_OF_LISTENER: Readonly<Record<string, RegExp>> = {
  en: /\b(?:you|u)\s+(?:(?:ever|get|got|actually|really|were|was|die|be)\s+){0,2}(?:born|die|died|dead|dying|marry|married|wed)\b|\b(?:your|ur) (?:own |(?:date|day|year|place|time|cause) of )?(?:birth|death|marriage|wedding|husband|wife|spouse)|\b(?:do|did|were|are|have|had) (?:you|u)\b(?!.*\byour\b)/,
  tr: /(?:dogdu|oldu|evlen(?:di)?|evli(?:ydi|mi)?)(?:gu)?(?:n|n[iu]z)\b|\bdogum (?:gunun|tarihin|yerin)|\b(?:dogumun|olumun|evliligin|esin|kocan)(?:iz)?\b/,
};

/** Reads a question. `ownNames` are the folded words of the listener's name. */
export function readQuestion(text: string, language: string, ownNames: ReadonlySet<string>): Question {
  const folded = fold(text);
  const all = readTerms(text, language, ownNames);
  const telling = all.filter((term) => !term.isAsking);
  const isVague = telling.every((term) => term.isOwnName) && telling.length < all.length;
  const terms = isVague ? all : telling;
  const namesListener = terms.some((term) => term.isOwnName);
  const asksOfListener = ADDRESSING[language]?.test(folded.replace(POLITE_OPENING, " ")) === true;
  const hasEvent = terms.some((term) => isOneOf(term.terms, EVENT_TERMS));
  const subject = hasEvent ? eventSubject(folded, language, namesListener) : null;
  return {
    terms,
    plain: plainWords(text),
    hints: isVague ? [] : all.filter((term) => term.isAsking),
    isVague,
    kind: answerKind(folded, language),
    isAddressed: namesListener || asksOfListener,
    isPassive: /\b(?:were|are) you [a-z]+(?:ed|en|n|t)\b/.test(folded),
    needsAntecedent: needsAntecedent(folded, language, terms, subject),
    eventSubject: subject,
  };
}

interface ReadTerm extends QuestionTerm {
  readonly isAsking: boolean;
}

function readTerms(text: string, language: string, ownNames: ReadonlySet<string>): ReadTerm[] {
  const isShouted = !/\p{Ll}/u.test(text);
  const tokens = tokenize(text, language);
  const asciiTyped = isAsciiTyped(text);
  return tokens.flatMap((token, at): ReadTerm[] => {
    const found = tokenTerms(token, language, asciiTyped);
    if (found.length === 0) return [];
    const isName = !isShouted && isProperName(token, tokens[at - 1], tokens[at + 1], text);
    const isEvent = isOneOf(found, EVENT_TERMS);
    return [
      {
        terms: found,
        isRequired:
          isName ||
          /\d/.test(token.text) ||
          isNarrowing(token.folded) ||
          isEvent ||
          isOneOf(found, KIN_TERMS),
        isEvent,
        continuesName: isName && tokens[at - 1]?.isCapitalised === true,
        isOwnName: ownNames.has(token.folded),
        isAsking: isAskingWord(token.folded, language),
        endsInYour: language === "tr" && !isName && /n(?:[iu]z)?$/.test(token.folded),
      },
    ];
  });
}

/** A name or a relative beside the pronoun is whom it stands for. */
function needsAntecedent(
  folded: string,
  language: string,
  terms: readonly QuestionTerm[],
  subject: Question["eventSubject"],
): boolean {
  const others = terms.filter((term) => !isOneOf(term.terms, EVENT_TERMS));
  if (others.some((term) => term.isRequired || isOneOf(term.terms, KIN_TERMS))) return false;
  return PRONOUN[language]?.test(folded) === true || (subject === "other" && others.length === 0);
}

function isOneOf(terms: readonly string[], family: ReadonlySet<string>): boolean {
  return terms.some((term) => family.has(term));
}

/** Folded words with single spaces and no other signs. */
export function plainWords(text: string): string {
  return (fold(text).match(/[\p{L}\p{N}]+/gu) ?? []).join(" ");
}

function eventSubject(folded: string, language: string, namesListener: boolean): "self" | "other" {
  return namesListener || EVENT_OF_LISTENER[language]?.test(folded) === true ? "self" : "other";
}

/** The question word that comes first says what is wanted; at the same place the earlier row does. */
function answerKind(folded: string, language: string): AnswerKind {
  let best: { readonly at: number; readonly kind: AnswerKind } | undefined;
  for (const [pattern, kind] of KINDS[language] ?? []) {
    const at = folded.search(pattern);
    if (at !== -1 && (best === undefined || at < best.at)) best = { at, kind };
  }
  return best?.kind ?? "any";
}

/** A capital inside a sentence; a lone letter ("Note G") too, but not "I" and not the article. */
function isProperName(
  token: Token,
  before: Token | undefined,
  after: Token | undefined,
  text: string,
): boolean {
  if (!token.isCapitalised) return false;
  const startsSentence = before === undefined || /[.!?:]/.test(text.slice(before.start, token.start));
  if (startsSentence) return /['’]/.test(token.text) || after?.isCapitalised === true;
  return token.text !== "I";
}
