// Stop words and Snowball stems of the two languages that retrieval knows, English and Turkish.
// Any other language keeps its words as they are. Knows nothing of sentences or of chat.

import { stemmer as stemEnglish } from "@orama/stemmers/english";
import { stemmer as stemTurkish } from "@orama/stemmers/turkish";
import { stopwords as englishStopWords } from "@orama/stopwords/english";
import { stopwords as turkishStopWords } from "@orama/stopwords/turkish";
import { fold } from "./folding.ts";

/** Function words that the lists lack: pronouns, question words and particles in the forms that visitors type. */
const ENGLISH_FUNCTION = `please let us hello hi hey thanks thank ok okay yes no ever also just well quite maybe perhaps whose whether u ur r
  actually really exactly could would shall may might going lot`;
const TURKISH_FUNCTION = `nedir neydi nelerdir kimdir kimdi kimdin kimlerdi kimin kiminle kimler zaman kac kacta kaci mudur midir misin musun
  miydin muydun miydi muydu mi mu lutfen peki merhaba selam evet hayir misiniz musunuz neler nerden nereden nereli nerelisin
  neresi hangisi nasildi olur acaba hic gercekten miyim sence`;

/** Words of asking: beside others they say what is wanted, not what it is about. Alone they are all there is. */
const ASKING: Readonly<Record<string, ReadonlySet<string>>> = {
  en: new Set(
    words(`tell know knew knows say said says talk explain describe mean means meant like get got give gave want now many much
      long old something anything someone thing things concerning regarding named called call happen happened use used think thought
      believe remember go went come came one two make made makes year date day time place person people name names`),
  ),
  tr: new Set(
    words(`bana anlat anlatir anlatsana soyle soyler soyledin bahset bahseder biliyor bilir bilgi ver verir simdi tarih tarihte yil yilda
      yilinda yili yer yerde kisi sey seyler ad adi adin isim isin ismi demek diyor dedi dedin dusunuyorsun yaptin yapti
      yapmistin yas yasin yasinda yasindasin yasindaydin yasiniz yasindayken ediyor etti ettin yildi`),
  ),
};

const STOP_WORDS: Readonly<Record<string, ReadonlySet<string>>> = {
  en: toStopWords([...englishStopWords, ...words(ENGLISH_FUNCTION)], "en"),
  tr: toStopWords([...turkishStopWords, ...words(TURKISH_FUNCTION)], "tr"),
};

/** Words that narrow a question: an answer that does not hold them answers another question, so they never stop. */
const NARROWING = new Set(
  words(
    "first last second third best worst favourite favorite only never other before after ilk son ikinci en tek baska asla once sonra",
  ),
);

/** Whether a folded word carries no meaning of its own in that language. */
export function isStopWord(folded: string, language: string): boolean {
  return !NARROWING.has(folded) && STOP_WORDS[language]?.has(folded) === true;
}

/** Whether a folded word is one of asking ("tell", "anlat"): weak, but not without meaning. */
export function isAskingWord(folded: string, language: string): boolean {
  return ASKING[language]?.has(folded) === true;
}

/** Whether a folded word narrows a question ("first", "ilk"). */
export function isNarrowing(folded: string): boolean {
  return NARROWING.has(folded);
}

/** The folded stem of one lower-case word; a stem shorter than two letters is refused, and the word kept. */
export function stem(lower: string, language: string): string {
  const stemmed = language === "tr" ? stemTurkish(lower) : language === "en" ? stemEnglish(lower) : lower;
  return fold(stemmed.length < 2 ? lower : stemmed);
}

/** The published list counts some words of asking ("yaptı") among its own. */
function toStopWords(list: readonly string[], language: string): ReadonlySet<string> {
  return new Set(list.map(fold).filter((word) => !isAskingWord(word, language)));
}

function words(list: string): string[] {
  return list.split(/\s+/).filter((word) => word !== "");
}
