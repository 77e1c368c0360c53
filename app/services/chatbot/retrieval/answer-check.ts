// Whether a sentence can be the answer to a question: it holds the kind of thing that was asked for, and tells of the one
// who was asked about. Its facts are gathered once, when the index is built. It can only refuse, never vouch for truth.

import { fold } from "#app/core/folding.ts";
import type { AnswerKind, Question } from "./question.ts";

/** What a sentence offers, apart from its terms. */
export interface SentenceFacts {
  readonly kinds: ReadonlySet<AnswerKind>;
  /** Whose birth, death or marriage it tells: the speaker's, another's, or both. */
  readonly eventSubjects: ReadonlySet<"self" | "other">;
  /** Speaks of the speaker, if only by something of its own. */
  readonly isFirstPerson: boolean;
  /** Speaks of the speaker itself. */
  readonly namesSpeaker: boolean;
}

const MONTHS =
  "january|february|march|april|may|june|july|august|september|october|november|december|ocak|subat|mart|nisan|mayis|haziran|temmuz|agustos|eylul|ekim|kasim|aralik";
const NUMBER_WORDS =
  "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|hundred|thousand|dozen|only child|iki|uc|dort|bes|alti|yedi|sekiz|dokuz|otuz|kirk|elli|altmis|yetmis|seksen|doksan|yuz|tek cocu";

const YEAR = /\b1[0-9]{3}\b|\b20[0-9]{2}\b/;
const DATE = new RegExp(
  `${YEAR.source}|\\b(?:${MONTHS})\\b|\\bcentury\\b|yuzyil|\\bwhen i was\\b|\\byasim|\\byasinday|lik(?:ken)\\b`,
);
const AGE =
  /\bage\b|\baged\b|\b(?:years?|months?|weeks?) old\b|\bwhen i was [a-z]+\b|\byas(?:im|in|i)|lik(?:ken)\b/;
const NUMBER = new RegExp(`\\b(?:${NUMBER_WORDS})|\\b\\d{1,3}\\b|\\d[.,]\\d`);
const REASON =
  /\bbecause\b|\bsince\b|\bso that\b|\bin order to\b|\btherefore\b|\bfor the sake\b|\bcunku\b|\bicin\b|\bdiye\b|\byuzden\b|\bsayesinde\b|\bnedeniyle\b/;
const WHY = /\b(?:why|neden|nicin|niye)\b/;
const ENGLISH_PLACE =
  /\b(?:in|at|on|near|from|behind|beside|under|inside|between)\s+(?:the\s+|an?\s+|my\s+|his\s+|her\s+)?(?!the\b|an?\b|my\b|his\b|her\b|age\b|least\b|last\b|first\b|once\b|time\b|january|february|march|april|may\b|june|july|august|september|october|november|december)[a-z]/;
/** Times and ages that stand in the case of places. */
const TURKISH_TIME = new RegExp(
  `\\b(?:yas|yil|sira|gun|ay|${MONTHS})[a-z]*(?:da|de|ta|te)(?:n|yken)?\\b`,
  "g",
);
const TURKISH_PLACE = /[a-z]{2}'?(?:da|de|ta|te|dan|den|tan|ten)(?:yim|ydi|dir|ki)?\b/;

const ENGLISH_FIRST_PERSON = /\b(?:i|me|my|mine|we|us|our)\b/;
/** Ends in -m with a case behind it, or says "ben"; it takes some nouns ("bilim") for it, and so refuses too little. */
const TURKISH_FIRST_PERSON =
  /\bben|\bbana\b|[a-z]{2}m(?:[iu]n?|[ae]|d[ae]n?|l[ae])?\b|(?:iyorum|[ae]r[iu]m|y[iu]m)\b/;

const ENGLISH_EVENT =
  /^(?:born|birth|birthday|birthplace|die|dies|died|dying|death|marry|married|marriage|wedding)$/;
const ENGLISH_EVENT_NOUN = /^(?:birth|birthday|birthplace|death|marriage|wedding)$/;
const TURKISH_EVENT =
  /^(?:doğdu|doğmuş|doğan|doğduğ|öldü|öldüğ|ölmüş|evlendi|evlendiğ|evlenmiş|evli|doğum|ölüm|evlili)/;
const CLAUSE_LENGTH = 8;

/** Gathers what a sentence offers. */
export function readSentence(sentence: string, language: string): SentenceFacts {
  const folded = fold(sentence);
  const kinds = new Set<AnswerKind>(["any"]);
  if (DATE.test(folded)) kinds.add("date");
  if (AGE.test(folded)) kinds.add("age");
  if (
    NUMBER.test(folded.replace(new RegExp(`\\d{1,2} (?:${MONTHS})\\w*|(?:${MONTHS}) \\d{1,2}\\b`, "g"), ""))
  ) {
    kinds.add("number");
  }
  if (REASON.test(folded)) kinds.add("reason");
  const isPlaced =
    language === "tr" ? TURKISH_PLACE.test(folded.replace(TURKISH_TIME, "")) : ENGLISH_PLACE.test(folded);
  if (isPlaced) kinds.add("place");
  if (holdsName(sentence)) kinds.add("person");
  return {
    kinds,
    eventSubjects: language === "tr" ? turkishEvents(sentence) : englishEvents(sentence),
    isFirstPerson: (language === "tr" ? TURKISH_FIRST_PERSON : ENGLISH_FIRST_PERSON).test(folded),
    namesSpeaker: language === "tr" || /\bI\b|\bme\b/.test(sentence),
  };
}

/** Whether the sentence offers the kind of answer, and about the right one. Reasons need no "because" under a "why" heading. */
export function canAnswer(question: Question, facts: SentenceFacts, plainTitle: string): boolean {
  const isExplained = question.kind === "reason" && WHY.test(plainTitle);
  if (!facts.kinds.has(question.kind) && !isExplained) return false;
  if (question.isPassive && !facts.namesSpeaker) return false;
  if (question.eventSubject === null) return true;
  // A sentence may leave out whose birth it was when it is the speaker's, never when it is another's.
  if (question.eventSubject === "self" && facts.eventSubjects.size === 0) return true;
  return facts.eventSubjects.has(question.eventSubject);
}

/** A capitalised word inside the sentence, or one at its beginning that another follows. */
function holdsName(sentence: string): boolean {
  const inside = /[^.!?]\s["“'(]*(?!I\b)\p{Lu}[\p{L}\p{M}]+/u.test(sentence);
  return inside || /^\p{Lu}[\p{L}\p{M}]+\s+\p{Lu}[\p{L}\p{M}]+/u.test(sentence);
}

function englishEvents(sentence: string): Set<"self" | "other"> {
  const subjects = new Set<"self" | "other">();
  const words = sentence.match(/[\p{L}']+|[,;:.]/gu) ?? [];
  words.forEach((word, at) => {
    if (!ENGLISH_EVENT.test(word.toLowerCase())) return;
    const subject = englishSubject(words, at);
    if (subject !== undefined) subjects.add(subject);
  });
  return subjects;
}

/** Walks back from the event to the nearest word that says whose it is. */
function englishSubject(words: readonly string[], event: number): "self" | "other" | undefined {
  const isNoun = ENGLISH_EVENT_NOUN.test((words[event] ?? "").toLowerCase());
  if (isNoun) return words[event - 1]?.toLowerCase() === "my" ? "self" : "other";
  for (let at = event - 1; at >= Math.max(0, event - CLAUSE_LENGTH); at -= 1) {
    const word = words[at] ?? "";
    if (word === "I" || /^(?:we)$/i.test(word)) return "self";
    if (/^(?:he|she|they|it|who|his|her|their|my|our)$/i.test(word) || /^\p{Lu}/u.test(word)) return "other";
  }
  return undefined;
}

/** In Turkish the ending says it: "doğdum" is the speaker's, "doğdu" another's; the bare nouns say nothing. */
function turkishEvents(sentence: string): Set<"self" | "other"> {
  const subjects = new Set<"self" | "other">();
  for (const [word] of sentence.toLocaleLowerCase("tr").matchAll(/[\p{L}\p{M}]+/gu)) {
    if (!TURKISH_EVENT.test(word) || /^(?:doğum|ölüm|evlilik)$/.test(word)) continue;
    if (/^(?:doğum|ölüm)(?!um)|^evlili(?!ğim)/.test(word)) continue;
    subjects.add(/(?:m|k|[dt]uğumda|[dt]üğümde|diğimde|umda|ümde|ğim.*)$/.test(word) ? "self" : "other");
  }
  return subjects;
}
