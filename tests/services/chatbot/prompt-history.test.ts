// The part of a conversation that a model sees again: cut in blocks, without what an object did not hear.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { StoredMessage } from "#app/models/conversation.ts";
import { cutHistory } from "#app/services/chatbot/prompt-history.ts";
import { estimateTokens } from "#app/services/chatbot/token-estimate.ts";
import { handMadePersona } from "./hand-made-persona.ts";

/** That many messages, numbered; a question and an answer share a run. */
function talk(count: number, text = (index: number) => `m${index}`): StoredMessage[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${index}`,
    role: index % 2 === 0 ? "user" : "assistant",
    content: text(index),
    createdAt: index,
    runId: `r${Math.floor(index / 2)}`,
  }));
}

const keeping = (historyMessages: number) =>
  handMadePersona({ limits: { maxInputChars: 2000, historyMessages, knowledgeTokens: 800 } });
const contents = (messages: readonly { content: string }[]) => messages.map(({ content }) => content);
const PLENTY = 1_000_000;

describe("the history in a prompt", () => {
  it("is all of a short conversation, oldest first, with who said it", () => {
    assert.deepEqual(cutHistory({ messages: talk(2), olderCount: 0 }, keeping(20), PLENTY), [
      { role: "user", content: "m0" },
      { role: "assistant", content: "m1" },
    ]);
  });

  it("is never more than the persona asks for, and never less than half of that once there is so much", () => {
    for (const most of [0, 1, 2, 3, 5, 8, 20, 100]) {
      for (let total = 0; total <= 130; total += 1) {
        const messages = talk(total).slice(-100);
        const kept = cutHistory(
          { messages, olderCount: total - messages.length },
          keeping(most),
          PLENTY,
        ).length;
        assert.ok(kept <= most, `${kept} of ${most}`);
        assert.ok(kept >= Math.min(total, Math.floor(most / 2)) - 1, `${kept} of ${most} after ${total}`);
      }
    }
  });

  it("begins at the same message for many turns: the cut moves in blocks", () => {
    const begins = new Set<string | undefined>();
    for (let total = 40; total < 60; total += 2) {
      begins.add(contents(cutHistory({ messages: talk(total), olderCount: 0 }, keeping(20), PLENTY))[0]);
    }
    assert.deepEqual([...begins], ["m20", "m30", "m40"]);
  });

  it("cuts at the same places whether older messages were read or only counted", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 400 }),
        (total, most, budget) => {
          const all = talk(total);
          const read = all.slice(-100);
          const counted = { messages: read, olderCount: total - read.length };
          assert.deepEqual(
            contents(cutHistory(counted, keeping(most), budget)),
            contents(cutHistory({ messages: all, olderCount: 0 }, keeping(most), budget)),
          );
        },
      ),
    );
  });

  it("fits its budget, whatever was said, and keeps the newest", () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 60 });
    fc.assert(
      fc.property(
        lengths,
        fc.integer({ min: 0, max: 800 }),
        fc.integer({ min: 0, max: 30 }),
        (sizes, budget, older) => {
          const messages = talk(sizes.length, (index) => "x".repeat(sizes[index] ?? 0));
          const kept = cutHistory({ messages, olderCount: older }, keeping(20), budget);
          assert.ok(kept.reduce((sum, { content }) => sum + estimateTokens(content), 0) <= budget);
          assert.deepEqual(contents(kept), contents(messages).slice(messages.length - kept.length));
        },
      ),
    );
  });
});

describe("what an object hears", () => {
  const card = handMadePersona({ kind: "object", id: "card" });
  const replied = (kind: "persona" | "object", id: string, runId: string): StoredMessage[] => [
    { id: `${runId}q`, role: "user", content: `to ${id}`, createdAt: 0, runId },
    { id: `${runId}a`, role: "assistant", content: `by ${id}`, createdAt: 0, runId, persona: { kind, id } },
  ];

  it("is only the turns that it took part in, question and answer", () => {
    const messages = [
      ...replied("persona", "ada", "1"),
      ...replied("object", "card", "2"),
      ...replied("object", "loom", "3"),
      // A persona of the same id is not the object.
      ...replied("persona", "card", "4"),
      // A question that was dropped before anybody answered.
      { id: "5q", role: "user", content: "to nobody", createdAt: 0, runId: "5" } as const,
    ];
    assert.deepEqual(contents(cutHistory({ messages, olderCount: 0 }, card, PLENTY)), ["to card", "by card"]);
    const all = cutHistory({ messages, olderCount: 0 }, handMadePersona(), PLENTY);
    assert.equal(all.length, messages.length, "a persona hears everything");
  });
});

describe("replies that no model wrote", () => {
  for (const [source, labelled] of [
    ["offline", true],
    ["scripted", true],
    ["model", false],
    ["fallback-model", false],
  ] as const) {
    it(`are ${labelled ? "" : "not "}labelled: ${source}`, () => {
      const messages = talk(2).map((message) => (message.role === "user" ? message : { ...message, source }));
      const [question, answer] = contents(cutHistory({ messages, olderCount: 0 }, keeping(20), PLENTY));
      assert.equal(question, "m0");
      assert.equal(answer?.endsWith("m1"), true);
      assert.equal(answer?.includes("without a language model"), labelled);
    });
  }
});
