// What a visitor thinks of a message: stored with it, shown wherever it is, gone with it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Talk } from "../support/conversation.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { startAnswered, startRevising } from "./revising.ts";

async function rate(talk: Talk, fields: object): Promise<unknown> {
  talk.client.send({ type: "feedback", ...fields });
  return talk.custom("feedback.saved");
}

/** What stands with each message of the history, and that a snapshot says the same. */
async function thoughts(talk: Talk, tab: Talk): Promise<unknown[]> {
  const of = (messages: readonly { metadata: Readonly<Record<string, unknown>> }[]) =>
    messages.map(({ metadata }) => metadata.feedback);
  const shown = of((await talk.history()).messages);
  assert.deepEqual(of((await tab.snapshot()).messages), shown);
  return shown;
}

describe("feedback", () => {
  it("is stored with a reply or a question, and is there after a reload; a newer one takes its place", async (t) => {
    const { talk, replyIds, tab } = await startAnswered(t, "one", "two");
    const [replyId] = replyIds;
    const comment = 'Güzel \ud83d\ude00\n"quoted"';
    assert.deepEqual(await rate(talk, { messageId: replyId, rating: "down", comment, commandId: "f" }), {
      ...{ messageId: replyId, rating: "down" },
      commandId: "f",
    });
    await rate(talk, { messageId: "two", rating: "up" });
    const down = { rating: "down", comment };
    assert.deepEqual(await thoughts(talk, await tab()), [undefined, down, { rating: "up" }, undefined]);
    await rate(talk, { messageId: replyId, rating: "up" });
    const up = { rating: "up" };
    assert.deepEqual(await thoughts(talk, await tab()), [undefined, up, up, undefined]);
  });

  it("may come from another tab, has no number, and is told to its sender alone", async (t) => {
    const { talk, replyIds, tab } = await startAnswered(t, "one");
    const other = await tab();
    await other.custom("replayed");
    const before = talk.client.frames.length;
    await rate(other, { messageId: replyIds[0], rating: "up" });
    await talk.caughtUp();
    assert.deepEqual(
      talk.client.frames.slice(before).map(({ name }) => name),
      ["pong"],
    );
    assert.deepEqual(other.events(), []);
  });

  it("leaves with what an edit removes", async (t) => {
    const { talk, replyIds, tab } = await startAnswered(t, "one", "two");
    for (const messageId of ["one", ...replyIds]) await rate(talk, { messageId, rating: "down" });
    await talk.run((await talk.edit("two", "deux")).runId);
    const down = { rating: "down" };
    assert.deepEqual(await thoughts(talk, await tab()), [down, down, undefined, undefined]);
    talk.client.send({ type: "feedback", messageId: replyIds[1], rating: "up" });
    assert.equal((await talk.refused()).code, "message_not_found");
  });

  it("reaches no model, and no log holds its words", async (t) => {
    const { app, talk, model, replyIds } = await startAnswered(t, "one");
    await rate(talk, { messageId: replyIds[0], rating: "down", comment: "Nightingale" });
    await talk.ask("two");
    assert.doesNotMatch(JSON.stringify([model.calls, app.log.lines]), /Nightingale/);
    const [saved] = app.log.named("feedback_saved");
    assert.partialDeepStrictEqual(saved?.fields, { messageId: replyIds[0], rating: "down" });
  });

  it("is refused of what is not finished, unknown, or another conversation's", async (t) => {
    const { talk, model, open, replyIds } = await startAnswered(t, "one");
    const script = createPacedScript("half ", "whole");
    model.script(...script.steps);
    const running = await talk.say("two", { id: "two" });
    await talk.heard("half ");
    await talk.say("three", { id: "three" });
    const begun = talk
      .events()
      .find((frame) => frame.type === "TEXT_MESSAGE_START" && frame.messageId !== replyIds[0]);
    for (const messageId of ["two", "three", begun?.messageId, "unknown", running.runId]) {
      talk.client.send({ type: "feedback", messageId, rating: "up", commandId: "f" });
      assert.partialDeepStrictEqual(await talk.refused(), { code: "message_not_found", commandId: "f" });
    }
    const stranger = await open();
    stranger.client.send({ type: "feedback", messageId: "one", rating: "up" });
    assert.equal((await stranger.refused()).code, "invalid_frame", "nothing was joined");
    await stranger.join();
    stranger.client.send({ type: "feedback", messageId: replyIds[0], rating: "up" });
    assert.equal((await stranger.refused()).code, "message_not_found");
    script.finish();
    await talk.run(running.runId);
    await rate(talk, { messageId: "two", rating: "up" });
  });

  it("may have a comment of 2,000 characters, of which half a surrogate pair is mended", async (t) => {
    const { talk, replyIds, tab } = await startAnswered(t, "one");
    const comment = `${"x".repeat(1_999)}\ud800`;
    await rate(talk, { messageId: replyIds[0], rating: "up", comment });
    assert.deepEqual(await thoughts(talk, await tab()), [
      undefined,
      { rating: "up", comment: `${"x".repeat(1_999)}\ufffd` },
    ]);
  });

  for (const fields of [
    {},
    { messageId: "one" },
    { rating: "up" },
    { messageId: "one", rating: "meh" },
    { messageId: "one", rating: 1 },
    { messageId: "one", rating: "up", comment: 5 },
    { messageId: "one", rating: "up", comment: "x".repeat(2_001) },
    { messageId: "", rating: "up" },
    { messageId: "one", rating: "up", score: 5 },
  ]) {
    it(`is no frame: ${JSON.stringify(fields).slice(0, 60)}`, async (t) => {
      const { open } = await startRevising(t);
      const talk = await open();
      await talk.join();
      talk.client.send({ type: "feedback", ...fields });
      assert.equal((await talk.refused()).code, "invalid_frame");
    });
  }
});
