// Which of a few languages a text is in. Made for short chat messages, typed with or without diacritics.
// Cheap evidence first (letters, function words, endings); the statistical detector is loaded only where that is not decisive.

import { fold } from "./folding.ts";

const ENGLISH_WORDS =
  toSet(`the is are was were you your who what when where why how did does do can could would will have has
  had i me my we they he she it of and to in on for with about tell hello hi hey thanks thank please bye goodbye good
  morning evening yes not this that there which whom whose if because from be been an any some help really born`);

const TURKISH_WORDS =
  toSet(`merhaba selam selamlar naber nasilsin nasilsiniz kim kimsin kimdir kimdi kimin ne nedir neydi neler
  neden niye nicin nasil nerede nerde nereden nerelisin hangi kac zaman mi mu misin musun misiniz musunuz miydin sen seni
  senin sana siz sizin size ben benim bana bir bu su ve ile icin de da ama cok var yok evet hayir degil tesekkur
  tesekkurler sagol sagolun lutfen gorusuruz gule gunaydin iyi aksamlar gunler geceler hosca kal anlat bahset hakkinda
  hosbulduk tamam peki biz onlar gibi kadar sonra once simdi bunu olan annen baban adin yapay zeka dogdun yardim`);

/** Words of both languages, such as "on" and "of", say nothing. */
const TURKISH_ENDING =
  /(?:yor(?:sun|um|lar|uz)?|d[iu]n(?:iz)?|t[iu]n(?:iz)?|mis(?:sin)?|l[ae]r[iu]?n?|y[ae]cak|[iu]yor)$/;
const TURKISH_ONLY = /[ğışİĞŞ]/gu;
const TURKISH_SHARED = /[çöüÇÖÜ]/gu;

const ISO_639_3: Readonly<Record<string, string>> = {
  ar: "arb", cs: "ces", da: "dan", de: "deu", el: "ell", en: "eng", es: "spa", fi: "fin", fr: "fra", he: "heb",
  hi: "hin", hu: "hun", id: "ind", it: "ita", ja: "jpn", ko: "kor", nl: "nld", no: "nob", pl: "pol", pt: "por",
  ro: "ron", ru: "rus", sv: "swe", tr: "tur", uk: "ukr", vi: "vie", zh: "cmn",
}; // biome-ignore format: a table
/** Below this many letters the statistical detector guesses. */
const LETTERS_FOR_STATISTICS = 24;

/**
 * The language of a text as a two-letter code out of `candidates`, or `fallback` where nothing tells them apart.
 * Never rejects on any text.
 */
export async function detectLanguage(
  text: string,
  candidates: readonly string[],
  fallback: string,
): Promise<string> {
  const guessed = guessLanguage(text, candidates);
  if (guessed !== undefined) return guessed;
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  if (candidates.length < 2 || letters < LETTERS_FOR_STATISTICS) return fallback;
  return (await detectByStatistics(text, candidates)) ?? fallback;
}

/** The same from the cheap evidence alone; undefined where it is not decisive. */
export function guessLanguage(text: string, candidates: readonly string[]): string | undefined {
  if (candidates.length <= 1) return candidates[0];
  const words = fold(text).match(/[\p{L}\p{N}]+/gu) ?? [];
  const english = candidates.includes("en") ? englishEvidence(words) : 0;
  const turkish = candidates.includes("tr") ? turkishEvidence(text, words, candidates) : 0;
  if (english === turkish) return undefined;
  return english > turkish ? "en" : "tr";
}

function englishEvidence(words: readonly string[]): number {
  return words.reduce((sum, word) => sum + (ENGLISH_WORDS.has(word) ? 2 : /[wqx]/.test(word) ? 1 : 0), 0);
}

function turkishEvidence(text: string, words: readonly string[], candidates: readonly string[]): number {
  const lettersAreDecisive = candidates.every((language) => language === "en" || language === "tr");
  const letters = 3 * count(text, TURKISH_ONLY) + (lettersAreDecisive ? 2 * count(text, TURKISH_SHARED) : 0);
  const evidence = words.map((word) => {
    if (TURKISH_WORDS.has(word)) return 2;
    return word.length >= 5 && TURKISH_ENDING.test(word) && !ENGLISH_WORDS.has(word) ? 1 : 0;
  });
  return evidence.reduce<number>((sum, weight) => sum + weight, letters);
}

async function detectByStatistics(text: string, candidates: readonly string[]): Promise<string | undefined> {
  const { franc } = await import("franc-min");
  const only = candidates.map((language) => ISO_639_3[language]).filter((code) => code !== undefined);
  if (only.length === 0) return undefined;
  const code = franc(text, { only, minLength: LETTERS_FOR_STATISTICS });
  return candidates.find((language) => ISO_639_3[language] === code);
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

function toSet(list: string): ReadonlySet<string> {
  return new Set(list.split(/\s+/));
}
