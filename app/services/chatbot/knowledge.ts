// What a persona knows: passages found for a question, entries triggered by an author's keys, entries that are always in.
// Promises: `known_by` and `when` are applied here, before any prompt or index. Does not speak and does not build prompts.

import { fold } from "#app/core/folding.ts";
import { prepareKey, type SearchableText, toSearchableText } from "#app/core/text-analysis.ts";
import type { KnowledgeEntry, KnowledgeNote, Persona } from "#app/models/persona.ts";
import { chooseExcerpt } from "#app/services/chatbot/retrieval/excerpt.ts";
import { type GameState, isUnlocked, mayKnow } from "#app/services/chatbot/retrieval/knowledge-gate.ts";
import { buildIndexes, type LanguageIndex } from "#app/services/chatbot/retrieval/knowledge-index.ts";
import { type Question, readQuestion } from "#app/services/chatbot/retrieval/question.ts";
import type { Passage } from "#app/services/llm/client.ts";
import { estimateTokens } from "./token-estimate.ts";

export interface KnowledgeQuery {
  readonly text: string;
  /** The visitor's earlier messages, the newest last: what "he" and "it" may stand for. */
  readonly recent: readonly string[];
  readonly language: string;
  readonly state: GameState;
}

export interface Knowledge {
  /** At most four passages, best first. `coverage` over 0.5 means that the excerpt may be said as the answer. */
  retrieve(persona: Persona, query: KnowledgeQuery): Passage[];
  /**
   * The entries whose keys stand in the last messages (both speakers', the newest last), by falling priority, within what
   * the constant ones leave of `limits.knowledgeTokens`.
   */
  triggered(persona: Persona, recentTexts: readonly string[], state: GameState): KnowledgeEntry[];
  /** The entries that are always in, by falling priority, within `limits.knowledgeTokens`. */
  constant(persona: Persona, state: GameState): KnowledgeEntry[];
  /** Builds the indexes of a persona before the first question. */
  warm(persona: Persona): void;
  /** Whether its indexes are built. */
  isWarm(persona: Persona): boolean;
  /** Gives the memory of all indexes back; each is built again when it is needed, in some 40 ms. */
  drop(): void;
}

interface Built {
  readonly notes: readonly KnowledgeNote[];
  readonly ownNames: ReadonlySet<string>;
  readonly indexes: ReadonlyMap<string, LanguageIndex>;
  readonly triggers: readonly Trigger[];
}

type KeyMatcher = ReturnType<typeof prepareKey>;

/** An entry that is not always in, its keys read and stemmed once. */
interface Trigger {
  readonly entry: KnowledgeEntry;
  readonly keys: readonly KeyMatcher[];
  readonly all: readonly KeyMatcher[];
  readonly none: readonly KeyMatcher[];
}

const MAX_PASSAGES = 4;
const MAX_CANDIDATES = 12;

/**
 * Knowledge over the registry's notes. Indexes are made once for a persona's revision, at first use, and go with it;
 * new notes make new ones.
 */
export function createKnowledge(readNotes: () => readonly KnowledgeNote[]): Knowledge {
  let built = new WeakMap<Persona, Built>();
  const indexed = (persona: Persona): Built => {
    const notes = readNotes();
    const kept = built.get(persona);
    if (kept?.notes === notes) return kept;
    const fresh = {
      notes,
      ownNames: ownNames(persona),
      indexes: buildIndexes(persona, notes),
      triggers: persona.knowledge.filter((entry) => !entry.constant).map(toTrigger),
    };
    built.set(persona, fresh);
    return fresh;
  };
  return {
    retrieve: (persona, query) => retrieve(indexed(persona), persona, query),
    triggered(persona, recentTexts, state) {
      const left = persona.limits.knowledgeTokens - tokensOf(constantEntries(persona, state));
      return withinBudget(triggeredEntries(indexed(persona).triggers, persona, recentTexts, state), left);
    },
    constant: constantEntries,
    warm: (persona) => void indexed(persona),
    isWarm: (persona) => built.has(persona),
    drop() {
      built = new WeakMap();
    },
  };
}

function retrieve({ indexes, ownNames: names }: Built, persona: Persona, query: KnowledgeQuery): Passage[] {
  // Another language is searched only where the persona has no text at all in the visitor's.
  const language = indexes.has(query.language) ? query.language : (persona.facts[0]?.language ?? "");
  const index = indexes.get(language);
  if (index === undefined) return [];
  const question = withAntecedent(
    readQuestion(query.text, language, names),
    query.recent.at(-1),
    language,
    names,
  );
  const ranked = index.rank(question.terms.flatMap((term) => term.terms));
  const found = ranked
    .flatMap((id) => index.passages.get(id) ?? [])
    .filter((passage) => isUnlocked(passage.gate, query.state))
    .slice(0, MAX_CANDIDATES)
    .flatMap((passage) => {
      const excerpt = chooseExcerpt(question, passage, index);
      return excerpt === undefined ? [] : [{ passage, excerpt }];
    });
  return found
    .sort((a, b) => b.excerpt.score - a.excerpt.score)
    .slice(0, MAX_PASSAGES)
    .map(({ passage, excerpt }) => ({
      id: passage.id,
      title: passage.title,
      language: passage.language,
      text: passage.text,
      excerpt: excerpt.text,
      coverage: excerpt.coverage,
    }));
}

/**
 * "When did he die?" is asked about whom the message before named: its terms are added, and all must be met.
 * With nothing before, nothing may be said.
 */
function withAntecedent(
  question: Question,
  before: string | undefined,
  language: string,
  names: ReadonlySet<string>,
): Question {
  if (!question.needsAntecedent || before === undefined) return question;
  const earlier = readQuestion(before, language, names);
  if (earlier.needsAntecedent || earlier.terms.length === 0) return question;
  const terms = [...question.terms, ...earlier.terms.map((term) => ({ ...term, isRequired: true }))];
  return { ...question, terms, needsAntecedent: false };
}

function constantEntries(persona: Persona, state: GameState): KnowledgeEntry[] {
  const entries = persona.knowledge.filter((entry) => entry.constant && isOpen(entry, persona, state));
  return withinBudget(entries, persona.limits.knowledgeTokens);
}

function triggeredEntries(
  triggers: readonly Trigger[],
  persona: Persona,
  recentTexts: readonly string[],
  state: GameState,
): KnowledgeEntry[] {
  const open = triggers.filter(({ entry }) => isOpen(entry, persona, state));
  // A long history is not read for keys that look at its last few messages only.
  const furthest = Math.max(0, ...open.map(({ entry }) => entry.scan));
  const texts = lastOf(recentTexts, furthest).map(toSearchableText);
  return open
    .filter((trigger) => isTriggered(trigger, lastOf(texts, trigger.entry.scan)))
    .map(({ entry }) => entry);
}

function isTriggered({ keys, all, none }: Trigger, texts: readonly SearchableText[]): boolean {
  const stands = (key: KeyMatcher) => texts.some((text) => key(text));
  return keys.some(stands) && all.every(stands) && !none.some(stands);
}

/** `slice(-0)` would be everything. */
function lastOf<T>(items: readonly T[], count: number): readonly T[] {
  return count > 0 ? items.slice(-count) : [];
}

function toTrigger(entry: KnowledgeEntry): Trigger {
  const { keys, all, none } = entry;
  return { entry, keys: keys.map(prepareKey), all: all.map(prepareKey), none: none.map(prepareKey) };
}

function isOpen(entry: KnowledgeEntry, persona: Persona, state: GameState): boolean {
  return mayKnow(entry, persona) && isUnlocked(entry, state);
}

/** By falling priority; what no longer fits leaves, so the lowest leaves first. */
function withinBudget(entries: readonly KnowledgeEntry[], tokens: number): KnowledgeEntry[] {
  let left = tokens;
  return [...entries]
    .sort((a, b) => b.priority - a.priority)
    .filter((entry) => {
      const cost = tokensOf([entry]);
      if (cost > left) return false;
      left -= cost;
      return true;
    });
}

function tokensOf(entries: readonly KnowledgeEntry[]): number {
  return entries.reduce((sum, { content }) => sum + estimateTokens(content), 0);
}

/**
 * "Ada Lovelace, engineer" is Ada and Lovelace: a variant's trade is not its name. An object's name is made of words that
 * mean other things as well ("A Jacquard card"), and so says nothing.
 */
function ownNames(persona: Persona): ReadonlySet<string> {
  if (persona.kind === "object") return new Set();
  return new Set((persona.name.match(/\p{Lu}[\p{L}\p{M}]+/gu) ?? []).map(fold));
}
