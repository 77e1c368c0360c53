// Small families of words that stemmers cannot bring together: "died" and "death", "wrote" and "written",
// "doğdun" and "doğum". One family is one term for retrieval. A trailing * stands for any ending.

import { fold } from "./folding.ts";

const ENGLISH: Readonly<Record<string, string>> = {
  "~birth": "born birth birthday birthdate birthplace",
  "~death": "die dies died dying dead death deathbed",
  "~marriage": "marry marries married marrying marriage wedding wed husband husbands wife wives spouse",
  "~mother": "mother mothers mom mum mama mamma",
  "~father": "father fathers dad papa daddy",
  "~child": "child children kid kids offspring",
  "~teach": "teach teaches teaching taught teacher teachers tutor tutors tutored tutoring",
  "~write": "write writes wrote written writing",
  "~build": "build builds built building",
  "~meet": "meet meets met meeting",
  "~live": "live lives lived living reside resided",
  "~illness": "ill illness illnesses sick sickness disease",
  "~publish": "publish* publication publications",
  "~mathematics": "math maths mathemat*",
  "~program": "program programs programme programmes programming programmed",
  "~invent": "invent invents invented inventor inventors invention inventions",
  "~begin": "begin begins began begun beginning",
  "~speak": "speak speaks spoke spoken",
  "~see": "saw seen sees seeing see",
  "~translate": "translat*",
  "~say": "say says said saying",
  "~think": "think thinks thought thinking",
  "~name": "name names named call calls called calling",
  "~make": "make makes made making maker",
  "~give": "give gives gave given giving",
  "~know": "know knows knew known",
};

const TURKISH: Readonly<Record<string, string>> = {
  "~birth": "doğdu* doğmuş* doğum* doğdug* doğuş*",
  "~death": "öldü* öldüğ* ölüm* ölmüş* vefat*",
  "~marriage": "evlen* evli evliydin evlilik* evliliğ* eşin eşim eşiniz kocan kocam kocanız",
  "~mother": "anne annem annen anneniz annemin annenin annesi annemle annemi annenizin",
  "~father": "baba babam baban babanız babamın babanın babası babamı babamla babanızın",
  "~child": "çocuk çocuğ* çocukları* çocuklar* çocuğum* çocuğun* evlat evlad* evlatlar*",
  "~teach": "öğretmen* öğret* hocan* hocam* hocalar*",
  "~write": "yazd* yazm* yazı* yazar* yazıy* yazan",
  "~publish": "yayımla* yayınla* yayım* basıl*",
  "~meet": "tanış* karşılaş*",
  "~live": "yaşad* yaşıy* yaşam* oturd* oturu*",
  "~machine": "makine* makina*",
  "~number": "sayı sayıy* sayılar* sayısı*",
  "~mathematics": "matematik*",
  "~program": "program*",
  "~translate": "çevir* çeviri* tercüme*",
  "~illness": "hasta* hastalık* hastalığ*",
};

interface Lexicon {
  readonly whole: ReadonlyMap<string, string>;
  readonly prefixes: ReadonlyArray<readonly [prefix: string, family: string]>;
}

const LEXICONS: Readonly<Record<string, Lexicon>> = {
  en: toLexicon(ENGLISH, same),
  tr: toLexicon(TURKISH, same),
};
const FOLDED_LEXICONS: Readonly<Record<string, Lexicon>> = {
  en: LEXICONS.en ?? toLexicon(ENGLISH, same),
  tr: toLexicon(TURKISH, fold),
};

/**
 * The family of a lower-case word, or undefined. With `asciiTyped` the word comes from a text without any
 * diacritics, so that "oldun" may stand for "öldün"; a text that has some means what it writes.
 */
export function wordFamily(lower: string, language: string, asciiTyped: boolean): string | undefined {
  const lexicon = (asciiTyped ? FOLDED_LEXICONS : LEXICONS)[language];
  return lexicon?.whole.get(lower) ?? lexicon?.prefixes.find(([prefix]) => lower.startsWith(prefix))?.[1];
}

function toLexicon(families: Readonly<Record<string, string>>, spell: (word: string) => string): Lexicon {
  const whole = new Map<string, string>();
  const prefixes: Array<[string, string]> = [];
  for (const [family, list] of Object.entries(families)) {
    for (const word of list.split(" ")) {
      if (word.endsWith("*")) prefixes.push([spell(word.slice(0, -1)), family]);
      else whole.set(spell(word), family);
    }
  }
  return { whole, prefixes };
}

function same(word: string): string {
  return word;
}
