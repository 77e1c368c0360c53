// Stored messages as clients see them, and what stands in a snapshot.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ConversationPage, MessageTurn, StoredMessage } from "#app/models/conversation.ts";
import { showMessage, snapshotOf } from "#app/services/chatbot/message-view.ts";

const question: StoredMessage = { id: "q", role: "user", content: "Hello", createdAt: 7, runId: "r" };
const reply: StoredMessage = {
  id: "a",
  role: "assistant",
  content: "Good day",
  createdAt: 8,
  runId: "r",
  persona: { kind: "object", id: "card" },
  source: "offline",
  revision: "abc",
  partial: true,
};

function waiting(runId: string): MessageTurn {
  const message = { ...question, id: `q-${runId}`, runId };
  return { type: "message", runId, message, cancelled: false };
}

function pageOf(changes: Partial<ConversationPage["conversation"]> = {}): ConversationPage {
  const conversation = {
    id: "c",
    tokenHash: "SECRET-HASH",
    persona: { kind: "persona", id: "ada" },
    createdAt: 0,
    seq: 3,
    line: [],
    ...changes,
  } as const;
  return { conversation, messages: [question, reply], olderCount: 0 };
}

describe("a shown message", () => {
  it("has beside its text only what is known of it", () => {
    assert.deepEqual(showMessage(question), {
      id: "q",
      role: "user",
      content: "Hello",
      metadata: { createdAt: 7, runId: "r" },
    });
  });

  it("says of a reply who said it, where its words came from, and that it broke off", () => {
    const { runId, createdAt, persona, source, revision } = reply;
    assert.deepEqual(showMessage(reply).metadata, {
      createdAt,
      runId,
      persona,
      source,
      revision,
      partial: true,
    });
  });
});

describe("a snapshot", () => {
  it("is the finished messages and, marked, those that wait, in order", () => {
    const shown = snapshotOf(pageOf({ line: [waiting("x"), waiting("y")] }));
    assert.deepEqual(
      shown.map(({ id, metadata }) => [id, metadata.waiting]),
      [
        ["q", undefined],
        ["a", undefined],
        ["q-x", true],
        ["q-y", true],
      ],
    );
  });

  it("leaves out the message that is being answered: its run is replayed from the log", () => {
    const shown = snapshotOf(pageOf({ line: [waiting("x"), waiting("y")], runningId: "x" }));
    assert.deepEqual(
      shown.map(({ id }) => id),
      ["q", "a", "q-y"],
    );
  });

  it("shows no turn that is no message, and nothing that is secret", () => {
    const turn = { type: "persona", turnId: "t", persona: { kind: "persona", id: "ada" } } as const;
    const shown = snapshotOf(pageOf({ line: [turn] }));
    assert.equal(shown.length, 2);
    assert.ok(!JSON.stringify(shown).includes("SECRET"));
  });
});
