// A small persona made by hand, for tests of what is done with one.

import type { KnowledgeEntry, KnowledgeNote, Persona } from "#app/models/persona.ts";

export function handMadePersona(changes: Partial<Persona> = {}): Persona {
  return {
    kind: "persona",
    id: "ada",
    name: "Ada Lovelace",
    description: "A mathematician.",
    tags: ["family"],
    language: "en",
    languages: ["en", "tr"],
    greeting: { en: "Good day, I am Ada Lovelace.", tr: "İyi günler, ben Ada Lovelace." },
    suggestedQuestions: [
      { en: "When were you born?", tr: "Ne zaman doğdun?" },
      { en: "Who was your father?", tr: "Baban kimdi?" },
      { en: "What is Note G?" },
      { en: "Where did you live?", tr: "Nerede yaşadın?" },
    ],
    disclosure: {
      en: "I am a program that speaks as {{char}}.",
      tr: "Ben {{char}} ağzından konuşan bir programım.",
    },
    refusals: {
      en: ["Let us return to the engines.", "Ask me something else."],
      tr: ["Makinelere dönelim."],
    },
    fallback: { en: "I do not know.", tr: "Bilmiyorum." },
    model: { name: null, temperature: 0.7, topP: 1, maxOutputTokens: 600 },
    limits: { maxInputChars: 2000, historyMessages: 20, knowledgeTokens: 800 },
    tools: [],
    knowledge: [],
    tests: [],
    postHistory: "",
    identity: "IDENTITY-TEXT",
    voice: "VOICE-TEXT",
    rules: "RULES-TEXT",
    never: "NEVER-TEXT",
    facts: [
      {
        language: "en",
        chunks: [
          { heading: "Birth", text: "I was born on 10 December 1815 in London. My mother was glad." },
          {
            heading: "Father",
            text: "My father was Lord Byron. My father, Lord Byron, died in Greece in 1824.",
          },
          { heading: "Death", text: "I died in London in 1852. Charles Dickens came when I was dying." },
        ],
      },
      { language: "tr", chunks: [{ heading: "Doğum", text: "10 Aralık 1815'te Londra'da doğdum." }] },
    ],
    examples: [],
    revision: "000000000000",
    ...changes,
  };
}

export function handMadeEntry(changes: Partial<KnowledgeEntry> = {}): KnowledgeEntry {
  return {
    id: "entry",
    keys: ["loom"],
    all: [],
    none: [],
    knownBy: [],
    when: {},
    constant: false,
    scan: 4,
    priority: 100,
    content: "The loom of Jacquard weaves flowers.",
    ...changes,
  };
}

export function handMadeNote(changes: Partial<KnowledgeNote> = {}): KnowledgeNote {
  return {
    id: "secret",
    title: "The vault",
    language: "en",
    keys: ["vault"],
    knownBy: [],
    when: {},
    priority: 50,
    source: "Test",
    chunks: [{ heading: "Vault: what is in the vault?", text: "The vault holds the golden gear." }],
    ...changes,
  };
}
