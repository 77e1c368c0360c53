// The contract of ConversationStore: one suite that every keeper of conversations passes.
// This file has conversations and their history; the line and what is recorded of it stand in files of their own.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MessageTurn, StoredMessage } from "#app/models/conversation.ts";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import { describeConversationErasure } from "./conversation-erasure.ts";
import { describeConversationFeedback } from "./conversation-feedback.ts";
import { describeConversationLine } from "./conversation-line.ts";
import { describeConversationRecords } from "./conversation-records.ts";
import { describeConversationRevisions } from "./conversation-revisions.ts";
import {
  messageTurn,
  newConversation,
  openConversation,
  personaTurn,
  rejectsWith,
  replyTo,
} from "./conversation-samples.ts";
import { describeConversationSchedules } from "./conversation-schedules.ts";
import { describeRevisionRecords } from "./revision-records.ts";
import { describeRunReplaced } from "./run-replaced.ts";
import { type CreateStorageHarness, type Keepers, TEST_WINDOW } from "./storage-harness.ts";

const HARD_TEXTS: Readonly<Record<string, string>> = {
  "emoji and joined emoji": "😀 👩‍🔬 🏳️‍🌈 🇹🇷",
  "Turkish letters": "İstanbul'da ığüşöç, ILIK SÜT: i ≠ ı",
  "a NUL and other controls": "a\u0000b\u0001\u001f\u007f\u0085\u2028\u2029c",
  "combining marks, not normalized": "e\u0301 ≠ é, ﬁ ≠ fi",
  "quotes, braces and backslashes": "\"{}[]\\\\n\\u0000'`$(rm)%s{id}",
  "line ends and outer spaces": "  \r\n\n\ta\r ",
  "64 KiB": "ş😀x".repeat(Math.ceil((64 * 1024) / 7)),
};

export function describeConversationStore(name: string, createHarness: CreateStorageHarness): void {
  describe(`${name} as a ConversationStore`, () => {
    describeCreation(createHarness);
    describeUnknownIds(createHarness);
    describeConversationLine(createHarness);
    describeConversationRecords(createHarness);
    describeRunReplaced(createHarness);
    describeConversationRevisions(createHarness);
    describeRevisionRecords(createHarness);
    describeConversationFeedback(createHarness);
    describeConversationErasure(createHarness);
    describeHistory(createHarness);
    describeFidelity(createHarness);
    describeConversationSchedules(createHarness);
  });
}

function describeCreation(createHarness: CreateStorageHarness): void {
  describe("making a conversation", () => {
    it("stores what it was given, with an empty line and history", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const wish = newConversation({ locale: "tr" });
      const expected = { ...wish, seq: 0, line: [] };
      assert.deepEqual(await harness.here.store.create(wish), { conversation: expected, created: true });
      assert.deepEqual(await harness.there.store.page(wish.id, { limit: 10 }), {
        conversation: expected,
        messages: [],
        olderCount: 0,
      });
    });

    it("finds the same conversation, untouched, for the same id and token", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const wish = newConversation();
      await store.create(wish);
      const turn = messageTurn("Hello");
      await store.accept(wish.id, turn);
      const again = {
        ...wish,
        persona: { kind: "object", id: "notes" } as const,
        createdAt: 0,
        locale: "tr",
      };
      assert.deepEqual(await harness.there.store.create(again), {
        conversation: { ...wish, seq: 0, line: [turn] },
        created: false,
      });
    });

    it("does not tell a stranger with another token that the id exists", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const wish = newConversation();
      await harness.here.store.create(wish);
      await rejectsWith(
        "conversation_not_found",
        harness.there.store.create(newConversation({ id: wish.id })),
      );
      const { conversation } = await harness.here.store.page(wish.id, { limit: 0 });
      assert.equal(conversation.tokenHash, wish.tokenHash);
    });

    it("is made once, however many make it at the same time", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const wish = newConversation();
      const made = await Promise.all(
        [harness.here, harness.there, harness.here, harness.there].map(({ store }) => store.create(wish)),
      );
      assert.equal(made.filter(({ created }) => created).length, 1);
      for (const { conversation } of made) assert.deepEqual(conversation, { ...wish, seq: 0, line: [] });
    });

    it("belongs to one of two strangers who choose the same id at the same time", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const wishes = [newConversation({ id: "same".repeat(8) }), newConversation({ id: "same".repeat(8) })];
      const made = await Promise.allSettled(wishes.map((wish) => harness.here.store.create(wish)));
      assert.deepEqual(made.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    });

    it("is not kept from its id by a log or a lease that came first", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const wish = newConversation();
      const { log, lease, store } = harness.here;
      const early = await log.open(wish.id);
      await lease.acquire(wish.id);
      assert.equal((await store.create(wish)).created, true);
      assert.notEqual((await log.open(wish.id)).epoch, early.epoch, "nothing of it was kept");
    });
  });
}

function describeUnknownIds(createHarness: CreateStorageHarness): void {
  describe("an unknown conversation", () => {
    const calls: Readonly<Record<string, (keepers: Keepers, lease: Lease) => Promise<unknown>>> = {
      "accept of a message": ({ store }, { conversationId }) =>
        store.accept(conversationId, messageTurn("x")),
      "accept of a persona": ({ store }, { conversationId }) =>
        store.accept(conversationId, personaTurn("x")),
      "cancel of everything": ({ store }, { conversationId }) =>
        store.cancel(conversationId, undefined, "all"),
      "cancel of one run": ({ store }, { conversationId }) => store.cancel(conversationId, "run", "running"),
      page: ({ store }, { conversationId }) => store.page(conversationId, { limit: 1 }),
      "page before a message": ({ store }, { conversationId }) =>
        store.page(conversationId, { before: "m", limit: 1 }),
      record: ({ store }, lease) => store.record(lease, { type: "run-started", runId: "run" }),
    };
    for (const [name, call] of Object.entries(calls)) {
      it(`is conversation_not_found for ${name}`, async () => {
        await using harness = await createHarness(TEST_WINDOW);
        const { id } = newConversation();
        await rejectsWith(
          "conversation_not_found",
          call(harness.here, { conversationId: id, generation: 1 }),
        );
        const lease = await harness.here.lease.acquire(id);
        assert.ok(lease);
        // A lease alone makes no conversation.
        await rejectsWith("conversation_not_found", call(harness.here, lease));
      });
    }
  });
}

function describeHistory(createHarness: CreateStorageHarness): void {
  /** Three questions answered: six messages. */
  async function converse(keepers: Keepers): Promise<{ id: string; history: StoredMessage[] }> {
    const { id, lease } = await openConversation(keepers);
    const history: StoredMessage[] = [];
    for (const question of ["one", "two", "three"]) {
      const turn = messageTurn(question);
      const reply = replyTo(turn, `answer ${question}`);
      await keepers.store.accept(id, turn);
      await keepers.store.record(lease, { type: "run-started", runId: turn.runId });
      await keepers.store.record(lease, {
        type: "run-finished",
        runId: turn.runId,
        reply,
        seq: history.length,
      });
      history.push(turn.message, reply);
    }
    return { id, history };
  }

  describe("a page of the history", () => {
    for (const { limit, shown } of [
      { limit: 100, shown: [0, 6] },
      { limit: 6, shown: [0, 6] },
      { limit: 3, shown: [3, 6] },
      { limit: 1, shown: [5, 6] },
      { limit: 0, shown: [6, 6] },
    ]) {
      it(`holds the newest ${limit}, oldest first, and counts the older ones`, async () => {
        await using harness = await createHarness(TEST_WINDOW);
        const { id, history } = await converse(harness.here);
        const page = await harness.there.store.page(id, { limit });
        assert.deepEqual(page.messages, history.slice(...shown));
        assert.equal(page.olderCount, shown[0]);
      });
    }

    it("goes on before a message that is known, down to the first one", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, history } = await converse(harness.here);
      const { store } = harness.here;
      const older = await store.page(id, { before: history[4]?.id, limit: 3 });
      assert.deepEqual([older.messages, older.olderCount], [history.slice(1, 4), 1]);
      const oldest = await store.page(id, { before: history[1]?.id, limit: 3 });
      assert.deepEqual([oldest.messages, oldest.olderCount], [history.slice(0, 1), 0]);
      const none = await store.page(id, { before: history[0]?.id, limit: 3 });
      assert.deepEqual([none.messages, none.olderCount], [[], 0]);
    });

    it("is message_not_found before a message that is unknown, waits, or is another conversation's", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id } = await converse(harness.here);
      const other = await converse(harness.here);
      const waiting = messageTurn("still waiting");
      await harness.here.store.accept(id, waiting);
      for (const before of ["unknown", "", waiting.message.id, other.history[0]?.id ?? "none"]) {
        await rejectsWith("message_not_found", harness.here.store.page(id, { before, limit: 3 }));
      }
    });
  });
}

function describeFidelity(createHarness: CreateStorageHarness): void {
  async function keep(
    keepers: Keepers,
    text: string,
  ): Promise<{ id: string; turn: MessageTurn; reply: StoredMessage }> {
    const { id, lease } = await openConversation(keepers);
    const turn = messageTurn(text);
    const reply = replyTo(turn, text, { partial: true, source: "fallback-model" });
    await keepers.store.accept(id, turn);
    await keepers.store.record(lease, { type: "run-finished", runId: turn.runId, reply, seq: 1 });
    return { id, turn, reply };
  }

  describe("what comes back", () => {
    for (const [name, text] of Object.entries(HARD_TEXTS)) {
      it(`is what was said, byte for byte: ${name}`, async () => {
        await using harness = await createHarness(TEST_WINDOW);
        const { id, turn, reply } = await keep(harness.here, text);
        const { messages } = await harness.there.store.page(id, { limit: 2 });
        assert.deepEqual(messages, [turn.message, reply]);
        const known = await harness.there.store.accept(id, { ...messageTurn(text), message: turn.message });
        assert.equal(known.duplicate, true);
      });
    }

    it("holds nothing that was not stored, and every field that was", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { id, turn, reply } = await keep(harness.here, "x");
      const { messages } = await harness.here.store.page(id, { limit: 2 });
      assert.deepEqual(
        messages.map((message) => Object.keys(message).toSorted()),
        [Object.keys(turn.message).toSorted(), Object.keys(reply).toSorted()],
      );
    });

    it("is nobody's handle on what is kept", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store } = harness.here;
      const { id } = await keep(harness.here, "kept");
      const waiting = messageTurn("waits");
      await store.accept(id, waiting);
      const kept = await store.page(id, { limit: 10 });
      const before = structuredClone(kept);
      spoil(kept);
      spoil(
        (await store.create(newConversation({ id, tokenHash: before.conversation.tokenHash }))).conversation,
      );
      assert.deepEqual(await store.page(id, { limit: 10 }), before);
    });

    it("stays as it was when what was handed in is changed afterwards", async () => {
      await using harness = await createHarness(TEST_WINDOW);
      const { store, lease } = harness.here;
      const wish = newConversation();
      await store.create(wish);
      const held = await lease.acquire(wish.id);
      assert.ok(held);
      const turns = [messageTurn("first"), messageTurn("second")] as const;
      for (const turn of turns) await store.accept(wish.id, turn);
      const choice = personaTurn("engine");
      await store.accept(wish.id, choice);
      const reply = replyTo(turns[0], "said");
      await store.record(held, { type: "run-finished", runId: turns[0].runId, reply, seq: 1 });
      const { id } = wish;
      const before = structuredClone(await store.page(id, { limit: 10 }));
      for (const given of [wish, ...turns, choice, reply]) spoil(given);
      assert.deepEqual(await store.page(id, { limit: 10 }), before);
    });
  });
}

/** Overwrites everything that can be, all the way down; what is frozen refuses, which is as good. */
function spoil(value: object): void {
  for (const [key, inner] of Object.entries(value)) {
    if (typeof inner === "object" && inner !== null) spoil(inner);
    Reflect.set(value, key, "spoilt");
  }
  if (Array.isArray(value) && Object.isExtensible(value)) value.push("spoilt");
}
