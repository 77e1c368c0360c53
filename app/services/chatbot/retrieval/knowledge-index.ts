// One persona's own texts of one language, cut and made searchable: Facts, front-matter knowledge and the notes it may know.
// MiniSearch ranks the passages; the terms and facts of every sentence are kept beside it for choosing the excerpt.

import MiniSearch from "minisearch";
import { guessLanguage } from "#app/core/language.ts";
import { splitSentences } from "#app/core/sentences.ts";
import { tokenize, tokenTerms } from "#app/core/text-analysis.ts";
import type { KnowledgeGate, KnowledgeNote, Persona } from "#app/models/persona.ts";
import { readSentence, type SentenceFacts } from "./answer-check.ts";
import { mayKnow } from "./knowledge-gate.ts";
import { plainWords } from "./question.ts";

export interface IndexedSentence {
  readonly text: string;
  readonly terms: ReadonlySet<string>;
  readonly facts: SentenceFacts;
}

export interface IndexedPassage {
  readonly id: string;
  readonly title: string;
  readonly language: string;
  readonly text: string;
  readonly gate: KnowledgeGate;
  /** Terms of its heading and of the author's keys: what the whole passage is about. */
  readonly about: ReadonlySet<string>;
  /** Terms of its heading up to the colon. */
  readonly topic: ReadonlySet<string>;
  /** From the persona's own Facts: the first place to look for what is asked about itself. */
  readonly isOwnFact: boolean;
  /** The heading in plain words: authors write there the questions that the passage answers. */
  readonly plainTitle: string;
  readonly sentences: readonly IndexedSentence[];
}

export interface LanguageIndex {
  readonly passages: ReadonlyMap<string, IndexedPassage>;
  /** Every term of the index with the number of passages that hold it. */
  readonly documentFrequency: ReadonlyMap<string, number>;
  /** Ids of passages, best first, for a list of terms. */
  rank(terms: readonly string[]): string[];
}

interface Source {
  readonly id: string;
  readonly title: string;
  readonly language: string;
  readonly text: string;
  readonly keys: readonly string[];
  readonly isOwnFact: boolean;
  readonly gate: KnowledgeGate;
}

const OPEN_GATE: KnowledgeGate = { knownBy: [], when: {} };

/** The indexes of a persona by language. What it may not know is never read into them. */
export function buildIndexes(
  persona: Persona,
  notes: readonly KnowledgeNote[],
): ReadonlyMap<string, LanguageIndex> {
  const sources = [
    ...factSources(persona),
    ...entrySources(persona),
    ...noteSources(notes.filter((note) => mayKnow(note, persona))),
  ];
  const byLanguage = Map.groupBy(sources, (source) => source.language);
  return new Map(
    Array.from(byLanguage, ([language, group]) => [
      language,
      buildIndex(group.map((source) => toPassage(source, persona.name))),
    ]),
  );
}

function factSources(persona: Persona): Source[] {
  return persona.facts.flatMap(({ language, chunks }) =>
    chunks.map((chunk, at) => ({
      id: `facts-${language}-${at + 1}`,
      title: chunk.heading,
      language,
      text: chunk.text,
      keys: [],
      isOwnFact: true,
      gate: OPEN_GATE,
    })),
  );
}

/** Entries do not say their language; their own words do. */
function entrySources(persona: Persona): Source[] {
  return persona.knowledge
    .filter((entry) => mayKnow(entry, persona))
    .map((entry) => ({
      id: entry.id,
      title: "",
      language: guessLanguage(entry.content, persona.languages) ?? persona.languages[0] ?? persona.language,
      text: entry.content,
      keys: entry.keys,
      isOwnFact: false,
      gate: entry,
    }));
}

function noteSources(notes: readonly KnowledgeNote[]): Source[] {
  return notes.flatMap((note) =>
    note.chunks.map((chunk, at) => ({
      id: `${note.id}-${at + 1}`,
      title: chunk.heading === "" ? note.title : chunk.heading,
      language: note.language,
      text: chunk.text,
      keys: note.keys,
      isOwnFact: false,
      gate: note,
    })),
  );
}

function toPassage(source: Source, personaName: string): IndexedPassage {
  const text = source.text.replaceAll("{{char}}", personaName);
  return {
    id: source.id,
    title: source.title,
    language: source.language,
    text,
    gate: source.gate,
    about: termsOf([source.title, ...source.keys].join(" . "), source.language),
    topic: termsOf(source.title.replace(/:.*$/s, ""), source.language),
    isOwnFact: source.isOwnFact,
    plainTitle: plainWords(source.title),
    sentences: splitSentences(text, source.language)
      // What is written to a visitor by name cannot be said to one who gave none.
      .filter((sentence) => !sentence.includes("{{"))
      .map((sentence) => ({
        text: sentence,
        terms: termsOf(sentence, source.language),
        facts: readSentence(sentence, source.language),
      })),
  };
}

function buildIndex(passages: readonly IndexedPassage[]): LanguageIndex {
  const search = new MiniSearch<{ id: string; about: string; body: string }>({
    fields: ["about", "body"],
    // The fields hold finished terms; they only have to be parted.
    tokenize: (text) => text.split(" "),
    processTerm: (term) => term,
    searchOptions: { boost: { about: 2 }, combineWith: "OR" },
  });
  const documentFrequency = new Map<string, number>();
  for (const passage of passages) {
    const body = new Set(passage.sentences.flatMap((sentence) => [...sentence.terms]));
    for (const term of new Set([...passage.about, ...body])) {
      documentFrequency.set(term, (documentFrequency.get(term) ?? 0) + 1);
    }
    search.add({ id: passage.id, about: [...passage.about].join(" "), body: [...body].join(" ") });
  }
  return {
    passages: new Map(passages.map((passage) => [passage.id, passage])),
    documentFrequency,
    rank: (terms) => search.search(terms.join(" ")).map(({ id }) => String(id)),
  };
}

function termsOf(text: string, language: string): Set<string> {
  return new Set(tokenize(text, language).flatMap((token) => tokenTerms(token, language)));
}
