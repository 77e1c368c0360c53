// What retrieval finds and refuses, what gates keep back, and which entries keys bring up; on a persona made by hand.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { KnowledgeNote, Persona, StateCondition } from "#app/models/persona.ts";
import { createKnowledge, type KnowledgeQuery } from "#app/services/chatbot/knowledge.ts";
import { isUnlocked, mayKnow } from "#app/services/chatbot/retrieval/knowledge-gate.ts";
import { buildIndexes } from "#app/services/chatbot/retrieval/knowledge-index.ts";
import { handMadeEntry, handMadeNote, handMadePersona } from "./hand-made-persona.ts";

const NO_NOTES: readonly KnowledgeNote[] = [];

function retrieve(persona: Persona, query: Partial<KnowledgeQuery>, notes = NO_NOTES) {
  const knowledge = createKnowledge(() => notes);
  return knowledge.retrieve(persona, { text: "", recent: [], language: "en", state: {}, ...query });
}

function said(persona: Persona, query: Partial<KnowledgeQuery>, notes = NO_NOTES): string | undefined {
  return retrieve(persona, query, notes).find(({ coverage }) => coverage > 0.5)?.excerpt;
}

const ids = (entries: readonly { readonly id: string }[]) => entries.map(({ id }) => id);

describe("passages", () => {
  const ada = handMadePersona();

  it("come with the whole chunk and an excerpt that stands in it word for word", () => {
    const [best] = retrieve(ada, { text: "When were you born?" });
    assert.equal(best?.title, "Birth");
    assert.equal(best?.language, "en");
    assert.equal(best?.coverage, 1);
    assert.ok(best?.text.includes(best.excerpt));
    assert.ok(best?.excerpt.startsWith("I was born on 10 December 1815"));
  });

  it("are in the language that was asked for, diacritics or not", () => {
    for (const text of ["Ne zaman doğdun?", "ne zaman dogdun", "NE ZAMAN DOĞDUN"]) {
      assert.equal(said(ada, { text, language: "tr" }), "10 Aralık 1815'te Londra'da doğdum.");
    }
  });

  it("are in the persona's language where it has nothing in the visitor's", () => {
    const [english] = ada.facts;
    assert.ok(english);
    const monolingual = handMadePersona({ facts: [english] });
    assert.equal(retrieve(monolingual, { text: "born", language: "tr" })[0]?.language, "en");
  });

  it("are none for a question without content, an empty persona, or an unknown word", () => {
    assert.deepEqual(retrieve(ada, { text: "?" }), []);
    assert.deepEqual(retrieve(ada, { text: "is it so?" }), []);
    assert.deepEqual(retrieve(handMadePersona({ facts: [] }), { text: "When were you born?" }), []);
    assert.deepEqual(retrieve(ada, { text: "xylophone" }), []);
  });

  it("may not be said about another's life than the one asked for", () => {
    assert.match(said(ada, { text: "When did your father die?" }) ?? "", /1824/);
    assert.match(said(ada, { text: "When did you die?" }) ?? "", /^I died/);
    assert.equal(said(ada, { text: "When did Charles Dickens die?" }), undefined);
    assert.equal(said(ada, { text: "When did your mother die?" }), undefined);
  });

  it("may not be said where a name or a number of the question is missing", () => {
    assert.equal(said(ada, { text: "Were you born in Paris?" }), undefined);
    assert.equal(said(ada, { text: "Were you born in 1816?" }), undefined);
    assert.equal(said(ada, { text: "When was Charles Darwin born?" }), undefined);
    assert.equal(said(ada, { text: "when was charles darwin born" }), undefined);
  });

  it("may not be said where the kind of answer is missing", () => {
    const vague = handMadePersona({
      facts: [{ language: "en", chunks: [{ heading: "", text: "I was born to a poet." }] }],
    });
    assert.equal(said(vague, { text: "When were you born?" }), undefined);
    assert.equal(said(vague, { text: "Why were you born?" }), undefined);
  });

  it("say by a pronoun only what the message before has named", () => {
    const text = "When did he die?";
    assert.equal(said(ada, { text }), undefined);
    assert.match(said(ada, { text, recent: ["Who was your father?"] }) ?? "", /1824/);
    assert.equal(said(ada, { text, recent: ["Who was Napoleon?"] }), undefined);
  });

  it("fill in the persona's name and leave out sentences to a visitor by name", () => {
    const persona = handMadePersona({
      facts: [
        {
          language: "en",
          chunks: [{ heading: "Club", text: "My club is the {{char}} club. My club greets {{user}}." }],
        },
      ],
    });
    assert.equal(said(persona, { text: "What is your club?" }), "My club is the Ada Lovelace club.");
  });

  it("are at most four", () => {
    const chunks = Array.from({ length: 9 }, (_, at) => ({
      heading: `Wheel ${at}`,
      text: `My wheel number ${at} turns.`,
    }));
    const persona = handMadePersona({ facts: [{ language: "en", chunks }] });
    assert.equal(retrieve(persona, { text: "wheel" }).length, 4);
  });

  it("follow new notes and a new revision without a stale index", () => {
    let notes: readonly KnowledgeNote[] = NO_NOTES;
    const knowledge = createKnowledge(() => notes);
    const query = { text: "What is in the vault?", recent: [], language: "en", state: {} };
    knowledge.warm(ada);
    assert.deepEqual(knowledge.retrieve(ada, query), []);
    notes = [handMadeNote()];
    assert.match(knowledge.retrieve(ada, query)[0]?.excerpt ?? "", /golden gear/);
    assert.deepEqual(knowledge.retrieve(handMadePersona({ facts: [] }), { ...query, text: "born" }), []);
  });
});

describe("what a persona may not know", () => {
  const note = handMadeNote({ knownBy: ["keeper"] });

  it("never enters its index, and is found by id or by tag", () => {
    const stranger = handMadePersona({ facts: [] });
    assert.equal(buildIndexes(stranger, [note]).size, 0);
    assert.equal(buildIndexes(handMadePersona({ facts: [], id: "keeper" }), [note]).size, 1);
    assert.equal(buildIndexes(handMadePersona({ facts: [], tags: ["keeper"] }), [note]).size, 1);
    assert.deepEqual(retrieve(stranger, { text: "What is in the vault?" }, [note]), []);
  });

  it("is kept back in the persona's own entries too", () => {
    const entry = handMadeEntry({ knownBy: ["keeper"], constant: true });
    const persona = handMadePersona({
      facts: [],
      knowledge: [entry, { ...entry, id: "keyed", constant: false }],
    });
    const knowledge = createKnowledge(() => NO_NOTES);
    assert.deepEqual(knowledge.constant(persona, {}), []);
    assert.deepEqual(knowledge.triggered(persona, ["the loom"], {}), []);
    assert.equal(buildIndexes(persona, []).size, 0);
  });

  it("is only what is named: an empty list is for everyone, a name is not a part of another", () => {
    assert.equal(mayKnow({ knownBy: [], when: {} }, { id: "a", tags: [] }), true);
    assert.equal(mayKnow({ knownBy: ["card"], when: {} }, { id: "jacquard-card", tags: ["cards"] }), false);
  });
});

describe("what the game state holds back", () => {
  const gate = (condition: StateCondition) => ({ knownBy: [], when: { chapter: condition } });
  const cases: ReadonlyArray<readonly [condition: StateCondition, value: unknown, isOpen: boolean]> = [
    [2, 2, true],
    [2, "2", false],
    ["open", "open", true],
    [true, false, false],
    [{ gte: 2 }, 2, true],
    [{ gte: 2 }, 1, false],
    [{ gte: 2 }, "3", false],
    [{ gt: 2 }, 2, false],
    [{ lt: 2 }, 1, true],
    [{ lte: 2 }, 3, false],
    [{ gte: 2, lt: 4 }, 3, true],
    [{ gte: 2, lt: 4 }, 4, false],
    [{ ne: "x" }, "y", true],
    [{ eq: "x" }, "y", false],
  ];
  for (const [condition, value, isOpen] of cases) {
    it(`${isOpen ? "opens" : "stays shut"} for ${JSON.stringify(condition)} and ${JSON.stringify(value)}`, () => {
      assert.equal(isUnlocked(gate(condition), { chapter: value }), isOpen);
    });
  }

  it("stays shut for a variable that is not set, or only inherited", () => {
    assert.equal(isUnlocked(gate({ ne: 1 }), {}), false);
    assert.equal(isUnlocked({ knownBy: [], when: { toString: { ne: 1 } } }, {}), false);
  });

  it("opens a note in the middle of a conversation", () => {
    const notes = [handMadeNote({ when: { chapter: { gte: 2 } } })];
    const text = "What is in the vault?";
    const persona = handMadePersona();
    assert.equal(said(persona, { text, state: { chapter: 1 } }, notes), undefined);
    assert.match(said(persona, { text, state: { chapter: 2 } }, notes) ?? "", /golden gear/);
  });
});

describe("entries", () => {
  const knowledge = createKnowledge(() => NO_NOTES);
  const withEntries = (...knowledgeEntries: Persona["knowledge"]) =>
    handMadePersona({ knowledge: knowledgeEntries });

  it("are triggered by any key, when all of `all` and none of `none` stand there", () => {
    const persona = withEntries(handMadeEntry({ keys: ["loom", "silk"], all: ["card"], none: ["secret"] }));
    assert.deepEqual(ids(knowledge.triggered(persona, ["looms and cards"], {})), ["entry"]);
    assert.deepEqual(ids(knowledge.triggered(persona, ["silk", "cards"], {})), ["entry"]);
    assert.deepEqual(knowledge.triggered(persona, ["looms"], {}), []);
    assert.deepEqual(knowledge.triggered(persona, ["cards"], {}), []);
    assert.deepEqual(knowledge.triggered(persona, ["loom, card, secret"], {}), []);
  });

  it("look only at the last messages that they scan", () => {
    const persona = withEntries(handMadeEntry({ scan: 2 }), handMadeEntry({ id: "blind", scan: 0 }));
    assert.deepEqual(ids(knowledge.triggered(persona, ["loom", "a", "b"], {})), []);
    assert.deepEqual(ids(knowledge.triggered(persona, ["loom", "a"], {})), ["entry"]);
  });

  it("come by falling priority, and the lowest leave when the budget is full", () => {
    const content = "x".repeat(400);
    const persona = handMadePersona({
      limits: { maxInputChars: 2000, historyMessages: 20, knowledgeTokens: 250 },
      knowledge: [
        handMadeEntry({ id: "low", priority: 1, content }),
        handMadeEntry({ id: "high", priority: 9, content }),
        handMadeEntry({ id: "middle", priority: 5, content }),
      ],
    });
    assert.deepEqual(ids(knowledge.triggered(persona, ["loom"], {})), ["high", "middle"]);
  });

  it("leave the constant ones their place in the budget", () => {
    const content = "x".repeat(400);
    const persona = handMadePersona({
      limits: { maxInputChars: 2000, historyMessages: 20, knowledgeTokens: 150 },
      knowledge: [
        handMadeEntry({ id: "always", constant: true, priority: 1, content }),
        handMadeEntry({ id: "keyed", priority: 9, content }),
      ],
    });
    assert.deepEqual(ids(knowledge.constant(persona, {})), ["always"]);
    assert.deepEqual(knowledge.triggered(persona, ["loom"], {}), []);
  });

  it("wait for the game state, constant ones too", () => {
    const when = { chapter: { gte: 2 } };
    const persona = withEntries(
      handMadeEntry({ when }),
      handMadeEntry({ id: "always", when, constant: true }),
    );
    assert.deepEqual(knowledge.triggered(persona, ["loom"], {}), []);
    assert.deepEqual(knowledge.constant(persona, {}), []);
    assert.deepEqual(ids(knowledge.triggered(persona, ["loom"], { chapter: 2 })), ["entry"]);
    assert.deepEqual(ids(knowledge.constant(persona, { chapter: 2 })), ["always"]);
  });

  it("are found by questions, in the language of their own words", () => {
    const turkish = handMadeEntry({
      id: "tr",
      keys: ["tezgâh"],
      content: "Jacquard tezgâhı çiçekleri dokur.",
    });
    const persona = withEntries(handMadeEntry(), turkish);
    assert.match(said(persona, { text: "What does the loom weave?" }) ?? "", /weaves flowers/);
    assert.match(said(persona, { text: "tezgah ne dokur", language: "tr" }) ?? "", /çiçekleri dokur/);
  });
});
