// What a visitor thinks of a message, as every ConversationStore keeps it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Feedback } from "#app/models/conversation.ts";
import { messageTurn, rejectsWith } from "./conversation-samples.ts";
import { startExchanges } from "./exchanges.ts";
import { revisionTurn } from "./revision-samples.ts";
import { type CreateStorageHarness, type Keepers, TEST_WINDOW } from "./storage-harness.ts";

export function describeConversationFeedback(createHarness: CreateStorageHarness): void {
  describe("what is thought of a message", () => describeFeedback(createHarness));
}

function describeFeedback(createHarness: CreateStorageHarness): void {
  const rate = (keepers: Keepers, id: string, messageId: string, feedback: Feedback) =>
    keepers.store.amend(id, { type: "feedback", messageId, feedback });

  it("stands with it, reply or question, byte for byte, and a newer one takes its place", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, a, b, all } = await startExchanges(harness.here, "a", "b", "c");
    for (const feedback of [
      { rating: "up", comment: 'İyi\n\r\n\u2028 👩‍🔬 \u0000 "}' },
      { rating: "down", comment: "" },
      { rating: "up" },
    ] as const) {
      for (const { id } of [a.reply, b.turn.message]) await rate(harness.here, talk.id, id, feedback);
      const expected = all.map((message, index) =>
        index === 1 || index === 2 ? { ...message, feedback } : message,
      );
      const { messages } = await harness.there.store.page(talk.id, { limit: 100 });
      assert.deepEqual(messages, expected);
    }
  });

  it("is message_not_found for what does not stand in the history", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, all, c } = await startExchanges(harness.here, "a", "b", "c");
    const waiting = messageTurn("waits");
    await harness.here.store.accept(talk.id, waiting);
    await harness.here.store.accept(talk.id, revisionTurn(c.turn.message.id, "edited"));
    for (const id of ["unknown", waiting.message.id, c.turn.runId, `~${c.turn.message.id}`])
      await rejectsWith("message_not_found", rate(harness.there, talk.id, id, { rating: "up" }));
    assert.deepEqual(await talk.stored(), all);
  });

  it("leaves with what a revision removes, and with the message that is asked anew", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, a, b, c } = await startExchanges(harness.here, "a", "b", "c");
    for (const { id } of [a.reply, b.turn.message, b.reply, c.reply])
      await rate(harness.here, talk.id, id, { rating: "down", comment: "no" });
    const by = await talk.apply(revisionTurn(b.turn.message.id, "changed"));
    for (const id of [b.turn.message.id, b.reply.id, c.reply.id])
      await rejectsWith("message_not_found", rate(harness.there, talk.id, id, { rating: "up" }));
    const reply = await talk.answer(by);
    await rate(harness.there, talk.id, reply.id, { rating: "up" });
    assert.deepEqual(
      (await talk.stored()).map(({ feedback }) => feedback?.rating),
      [undefined, "down", undefined, "up"],
    );
  });

  it("changes neither the position nor the line", async () => {
    await using harness = await createHarness(TEST_WINDOW);
    const { talk, a } = await startExchanges(harness.here, "a", "b", "c");
    await harness.here.store.accept(talk.id, messageTurn("waits"));
    const before = structuredClone((await harness.here.store.page(talk.id, { limit: 0 })).conversation);
    await rate(harness.there, talk.id, a.reply.id, { rating: "up" });
    assert.deepEqual((await harness.here.store.page(talk.id, { limit: 0 })).conversation, before);
  });
}
