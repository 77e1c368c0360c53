// From a question and a passage to the one or two sentences that may be said, and how much of the question they cover.
// Coverage is 0 where a name, a number or the kind of answer asked for is missing: better nothing than a wrong sentence.

import { canAnswer } from "./answer-check.ts";
import type { IndexedPassage, IndexedSentence, LanguageIndex } from "./knowledge-index.ts";
import type { Question, QuestionTerm } from "./question.ts";

export interface Excerpt {
  readonly text: string;
  /** Share of the question's content terms in the best sentence, its heading and the author's keys; 0 to 1. */
  readonly coverage: number;
  /** For comparing the excerpts of one question; larger is better. */
  readonly score: number;
}

interface Weighed {
  readonly at: number;
  readonly coverage: number;
  readonly score: number;
}

/** A term in the heading says less than one in the sentence itself. */
const HEADING_WEIGHT = 0.6;
/** How much it counts that a heading is about nothing but what was asked. */
const HEADING_PRECISION_WEIGHT = 2;
/** Words of asking and the listener's name break ties. */
const HINT_WEIGHT = 0.2;
/** What is asked about the persona is looked for in its own Facts first. */
const OWN_FACT_BONUS = 1.5;
/** These say what is wanted of the one term beside them. */
const SPECIFIC_HINTS = new Set(["~say", "~think", "~give", "~make", "~name", "dedi*", "soyle*", "dusun*"]);
/** A second sentence is added only while it answers nearly as well as the first. */
const SECOND_SENTENCE_SHARE = 0.6;

/** The excerpt of a passage for a question; undefined for a passage without sentences. */
export function chooseExcerpt(
  question: Question,
  passage: IndexedPassage,
  index: LanguageIndex,
): Excerpt | undefined {
  const weighed = passage.sentences.map((sentence, at) => weigh(question, sentence, at, passage, index));
  const best = weighed.reduce<Weighed | undefined>(
    (top, next) => (top === undefined || next.score > top.score ? next : top),
    undefined,
  );
  if (best === undefined) return undefined;
  // The neighbour after, else before: a sentence from farther away would seem to follow from the first.
  const second = [weighed[best.at + 1], weighed[best.at - 1]].find(
    (next) =>
      next !== undefined &&
      best.coverage > 0 &&
      next.coverage >= best.coverage &&
      next.score >= SECOND_SENTENCE_SHARE * best.score,
  );
  const chosen = second === undefined ? [best] : [best, second].sort((a, b) => a.at - b.at);
  return {
    text: chosen.map(({ at }) => passage.sentences[at]?.text ?? "").join(" "),
    coverage: best.coverage,
    score: best.score,
  };
}

function weigh(
  question: Question,
  sentence: IndexedSentence,
  at: number,
  passage: IndexedPassage,
  index: LanguageIndex,
): Weighed {
  const asked = askedTerms(question);
  const own = asked.filter((term) => holds(sentence.terms, term));
  const heading = asked.filter((term) => holds(passage.about, term));
  const hints = [...question.hints, ...question.terms.filter((term) => !asked.includes(term))];
  const hinted = hints.filter((term) => holds(sentence.terms, term) || holds(passage.about, term));
  const precision = heading.length / Math.max(1, passage.about.size);
  const score =
    sum(own, index) +
    HEADING_WEIGHT * sum(heading, index) +
    HINT_WEIGHT * sum(hinted, index) +
    HEADING_PRECISION_WEIGHT * precision +
    (question.isAddressed && passage.isOwnFact ? OWN_FACT_BONUS : 0);
  const coverage = cover(question, sentence, passage, own.length > 0, index);
  // A sentence that may not be said stays comparable for a model's prompt, below all that may.
  return { at, coverage, score: coverage > 0 ? score + index.passages.size : score };
}

function cover(
  question: Question,
  sentence: IndexedSentence,
  passage: IndexedPassage,
  hasOwnTerm: boolean,
  index: LanguageIndex,
): number {
  const asked = askedTerms(question);
  if (asked.length === 0 || question.needsAntecedent) return 0;
  if (isAskedByHeading(question, passage)) return 1;
  if (!canAnswer(question, sentence.facts, passage.plainTitle)) return 0;
  const missing = asked.filter((term) => !holds(sentence.terms, term) && !holds(passage.about, term));
  if (isTooThin(question, asked, sentence, passage) || isAboutAnother(question, asked, sentence)) return 0;
  if (missing.some((term) => term.isRequired)) return 0;
  // A heading that holds the whole question speaks for its sentences; else the sentence must hold something itself.
  if (!hasOwnTerm && asked.some((term) => !holds(passage.about, term))) return 0;
  // A question about somebody or something else must be met whole: half of it is about another.
  if (missing.length > 0 && !speaksToListener(question, index)) return 0;
  return 1 - countOnce(missing) / countOnce(asked);
}

/** The author wrote this very question over the passage: nothing is left to guess. */
function isAskedByHeading(question: Question, passage: IndexedPassage): boolean {
  return question.plain.includes(" ") && ` ${passage.plainTitle} `.includes(` ${question.plain} `);
}

/** Words of asking alone, or one word of which only the beginning agrees, must stand in the heading. */
function isTooThin(
  question: Question,
  asked: readonly QuestionTerm[],
  sentence: IndexedSentence,
  passage: IndexedPassage,
): boolean {
  if (question.isVague) return !asked.every((term) => holds(passage.about, term));
  if (countOnce(asked) > 1) return false;
  // "What did Babbage think of you?" is not met by any sentence about Babbage.
  const specific = question.hints.filter((hint) => hint.terms.some((term) => SPECIFIC_HINTS.has(term)));
  const isTitled = asked.every((term) => holds(passage.about, term));
  const isMet = (hint: QuestionTerm) =>
    holds(sentence.terms, hint) || (isTitled && holds(passage.about, hint));
  if (!specific.every(isMet)) return true;
  const [only] = asked;
  if (only === undefined || only.isRequired) return false;
  // "What is a horse?" is met under "Horses: …", not under "Gambling: did you bet on horses?".
  if (!question.isAddressed) return !holds(passage.topic, only);
  if (holds(passage.about, only)) return false;
  return !only.terms.some((term) => !term.endsWith("*") && sentence.terms.has(term));
}

/** Who asks "you" wants to hear "I" or "my", or else the name that was asked about. */
function isAboutAnother(
  question: Question,
  asked: readonly QuestionTerm[],
  sentence: IndexedSentence,
): boolean {
  // Under a heading "birth and death" only the sentence itself tells which of the two it is.
  const isOther = question.eventSubject === "other";
  if (isOther && asked.some((term) => term.isEvent && !holds(sentence.terms, term))) return true;
  if (!question.isAddressed || sentence.facts.isFirstPerson) return false;
  return (
    question.kind !== "any" ||
    !asked.some((term) => term.isRequired && !term.isEvent && holds(sentence.terms, term))
  );
}

/** A name of several words counts as one: half of it found is nothing found. */
function countOnce(terms: readonly QuestionTerm[]): number {
  return terms.filter((term, at) => at === 0 || !term.continuesName).length;
}

/** The listener's own name is how it is addressed, unless nothing else was said. */
function askedTerms(question: Question): readonly QuestionTerm[] {
  const others = question.terms.filter((term) => !term.isOwnName);
  return others.length > 0 ? others : question.terms;
}

/** "your …" in Turkish is an ending that foreign names have too ("darwin"), so it counts on known words only. */
function speaksToListener(question: Question, index: LanguageIndex): boolean {
  if (question.isAddressed) return true;
  return question.terms.some(
    (term) => term.endsInYour && term.terms.some((word) => index.documentFrequency.has(word)),
  );
}

function holds(terms: ReadonlySet<string>, wanted: QuestionTerm): boolean {
  return wanted.terms.some((term) => terms.has(term));
}

/** Rare terms weigh more (inverse document frequency). */
function sum(terms: readonly QuestionTerm[], index: LanguageIndex): number {
  const count = index.passages.size;
  return terms.reduce((total, { terms: words }) => {
    const frequency = Math.max(1, ...words.map((word) => index.documentFrequency.get(word) ?? 0));
    return total + Math.log(1 + count / frequency);
  }, 0);
}
