// A persona as the rest of the product sees it: read, checked, inherited and frozen.
// The form of the file is in persona-file.ts; this is what comes out of the loaders.

/** What a visitor can talk to: a person's persona, or an object that speaks for itself. */
export type PersonaKind = "persona" | "object";

/** Who answers: an id within its kind. Ids match `PERSONA_ID`. */
export interface PersonaRef {
  readonly kind: PersonaKind;
  readonly id: string;
}

/** Text by two-letter language code; null prototype, at least the persona's default language. */
export type LocalizedText = Readonly<Record<string, string>>;

/** A cut of Facts or of a knowledge file, at a `##` heading: the unit that retrieval finds. */
export interface TextChunk {
  readonly heading: string;
  readonly text: string;
}

/** `# Facts` of one language. */
export interface FactSheet {
  readonly language: string;
  readonly chunks: readonly TextChunk[];
}

/** One pair of `# Examples`. */
export interface ExampleTurn {
  readonly user: string;
  readonly char: string;
}

/** Comparison of one variable of the game state, e.g. `{gte: 2}`; a bare value means equality. */
export type StateCondition =
  | string
  | number
  | boolean
  | { readonly [operator in "eq" | "ne" | "gt" | "gte" | "lt" | "lte"]?: string | number | boolean };

/** What decides whether a speaker may know a text. */
export interface KnowledgeGate {
  /** Persona ids or tags; empty: everyone. */
  readonly knownBy: readonly string[];
  /** Conditions on the conversation's game state; empty: always. */
  readonly when: Readonly<Record<string, StateCondition>>;
}

/** An entry of `knowledge:` in a persona's own front matter. */
export interface KnowledgeEntry extends KnowledgeGate {
  readonly id: string;
  readonly keys: readonly string[];
  readonly all: readonly string[];
  readonly none: readonly string[];
  readonly constant: boolean;
  /** How many of the last messages the keys are looked for in. */
  readonly scan: number;
  readonly priority: number;
  readonly content: string;
}

/** A file of `data/knowledge/`. */
export interface KnowledgeNote extends KnowledgeGate {
  readonly id: string;
  readonly title: string;
  readonly language: string;
  readonly keys: readonly string[];
  readonly priority: number;
  readonly source: string;
  readonly chunks: readonly TextChunk[];
}

/** A resolved persona: immutable; an edit makes a new one with another `revision`. */
export interface Persona extends PersonaRef {
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  /** Default reply language; `auto` follows the visitor. */
  readonly language: string;
  readonly languages: readonly string[];
  readonly greeting: LocalizedText;
  readonly suggestedQuestions: readonly LocalizedText[];
  readonly disclosure: LocalizedText;
  readonly refusals: Readonly<Record<string, readonly string[]>>;
  readonly fallback: LocalizedText;
  readonly model: {
    readonly name: string | null;
    readonly temperature: number;
    readonly topP: number;
    readonly maxOutputTokens: number;
  };
  readonly limits: {
    readonly maxInputChars: number;
    readonly historyMessages: number;
    readonly knowledgeTokens: number;
  };
  readonly tools: readonly string[];
  readonly knowledge: readonly KnowledgeEntry[];
  readonly tests: readonly PersonaTest[];
  readonly postHistory: string;
  readonly identity: string;
  readonly voice: string;
  readonly rules: string;
  readonly never: string;
  readonly facts: readonly FactSheet[];
  readonly examples: readonly ExampleTurn[];
  /** First 12 hex digits of the SHA-256 of the resolved persona. */
  readonly revision: string;
}

/** A persona's own regression test. */
export interface PersonaTest {
  readonly ask: string;
  readonly expect: {
    readonly contains: readonly string[];
    readonly notContains: readonly string[];
    readonly lang?: string;
    readonly maxChars?: number;
  };
}

/** A finding about a file; printed as `path:line:col: severity [rule] message`. Lines and columns count from 1. */
export interface PersonaProblem {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly severity: "error" | "warning";
  readonly rule: string;
  readonly message: string;
}

/** The form of every id of a persona, an object or a note. */
export const PERSONA_ID = /^[a-z0-9](?:-?[a-z0-9])*$/;
