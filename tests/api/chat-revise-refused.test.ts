// Revisions that are refused, and what they leave as it was: unknown messages, limits, frames that are none.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Talk } from "../support/conversation.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { startAnswered, startRevising } from "./revising.ts";

describe("a revision is refused", () => {
  it("with message_not_found of a reply, a removed or an unknown message, and nothing changes or stops", async (t) => {
    const { talk, model, replyIds } = await startAnswered(t, "one", "two", "three");
    await talk.run((await talk.edit("two", "deux")).runId);
    const script = createPacedScript("said ", "whole");
    model.script(...script.steps);
    const { runId } = await talk.say("four");
    await talk.heard("said ");
    for (const messageId of [replyIds[0], replyIds[1], replyIds[2], "three", "unknown", runId]) {
      for (const frame of [{ type: "edit", text: "changed" }, { type: "regenerate" }]) {
        talk.client.send({ ...frame, messageId, commandId: "c" });
        assert.partialDeepStrictEqual(await talk.refused(), { code: "message_not_found", commandId: "c" });
      }
    }
    script.finish();
    assert.equal((await talk.run(runId)).text, "said whole");
    assert.equal((await talk.contents()).length, 6);
  });

  it("with message_not_found where nothing has been said yet", async (t) => {
    const { open } = await startRevising(t);
    const talk = await open();
    await talk.join();
    talk.client.send({ type: "regenerate" });
    assert.equal((await talk.refused()).code, "message_not_found");
  });

  it("of another conversation's message", async (t) => {
    const { open } = await startAnswered(t, "one");
    const stranger = await open();
    await stranger.join();
    stranger.client.send({ type: "edit", messageId: "one", text: "mine now" });
    assert.equal((await stranger.refused()).code, "message_not_found");
  });

  it("before a conversation was joined", async (t) => {
    const { open } = await startRevising(t);
    const talk = await open();
    for (const frame of [{ type: "edit", messageId: "m", text: "x" }, { type: "regenerate" }]) {
      talk.client.send(frame);
      assert.equal((await talk.refused()).code, "invalid_frame");
    }
  });

  it("with message_too_long, by the limit of who answers now", async (t) => {
    const { talk, model } = await startAnswered(t, "one");
    talk.client.send({ type: "edit", messageId: "one", text: "x".repeat(2_001) });
    assert.partialDeepStrictEqual(await talk.refused(), {
      code: "message_too_long",
      details: { maxChars: 2_000 },
    });
    await talk.run((await talk.edit("one", "x".repeat(2_000))).runId);
    assert.equal(model.calls.length, 2);
  });

  it("with rate_limited like a message, and costs as much", async (t) => {
    const { open } = await startRevising(t, { MESSAGES_PER_MINUTE_PER_CONNECTION: "3" });
    const talk = await open();
    await talk.run((await talk.say("one", { id: "one" })).runId);
    await talk.run((await talk.edit("one", "uno")).runId);
    await talk.run((await talk.regenerate()).runId);
    for (const frame of [{ type: "edit", messageId: "one", text: "x" }, { type: "regenerate" }]) {
      talk.client.send(frame);
      assert.equal((await talk.refused()).code, "rate_limited");
    }
    assert.deepEqual(await talk.contents(), ["uno", "ok"]);
  });

  it("with queue_full where four wait, and the running reply goes on", async (t) => {
    const { talk, model } = await startAnswered(t, "one");
    const script = createPacedScript("said ", "whole");
    model.script(...script.steps);
    const { runId } = await talk.say("two");
    await talk.heard("said ");
    for (const text of ["3", "4", "5", "6"]) await talk.say(text, { id: text });
    for (const frame of [{ type: "edit", messageId: "one", text: "x" }, { type: "regenerate" }]) {
      talk.client.send(frame);
      assert.equal((await talk.refused()).code, "queue_full");
    }
    script.finish();
    assert.equal((await talk.run(runId)).text, "said whole");
  });

  for (const frame of [
    { type: "edit" },
    { type: "edit", messageId: "one" },
    { type: "edit", text: "x" },
    { type: "edit", messageId: "one", text: " \n" },
    { type: "edit", messageId: "one", text: 5 },
    { type: "edit", messageId: "a b", text: "x" },
    { type: "edit", messageId: "one", text: "x", persona: "engineer" },
    { type: "regenerate", messageId: "" },
    { type: "regenerate", messageId: null },
    { type: "regenerate", text: "x" },
  ]) {
    it(`as no frame: ${JSON.stringify(frame)}`, async (t) => {
      const { talk, model } = await startAnswered(t, "one");
      talk.client.send(frame);
      assert.equal((await talk.refused()).code, "invalid_frame");
      assert.deepEqual([await talk.contents(), model.calls.length], [["one", "to one"], 1]);
    });
  }

  it("where its text holds half a surrogate pair it is taken, mended", async (t) => {
    const { talk } = await startAnswered(t, "one");
    await talk.run((await talk.edit("one", "a\ud800b")).runId);
    assert.equal((await talk.contents())[0], "a\ufffdb");
  });
});

describe("beside a revision", () => {
  it("a second conversation on the same socket is not touched", async (t) => {
    const { talk, tab } = await startAnswered(t, "one");
    const other = await tab();
    await talk.join();
    talk.client.send({ type: "regenerate", messageId: "one" });
    assert.equal((await talk.refused()).code, "message_not_found");
    assert.deepEqual(await other.contents(), ["one", "to one"]);
  });

  it("the one-shot endpoint answers in the history that it left", async (t) => {
    const { app, talk, model, pair } = await startAnswered(t, "one", "two");
    await talk.run((await talk.edit("one", "uno")).runId);
    const reply = await fetch(`${app.url}/api/v1/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ message: "and now?", ...pair }),
    });
    assert.equal(reply.status, 200);
    await reply.text();
    assert.doesNotMatch(JSON.stringify(model.calls.at(-1)), /two/);
    const fresh = new Talk(talk.client);
    assert.deepEqual(await fresh.contents(), ["uno", "ok", "and now?", "ok"]);
  });

  it("the one-shot endpoint shows a stream the end of its own run, and nothing of the revision that ended it", async (t) => {
    const { app, talk, model, pair } = await startAnswered(t, "one");
    model.script(...createPacedScript("half of it ", "never said").steps);
    const reply = fetch(`${app.url}/api/v1/chat`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({ message: "and now?", ...pair }),
    });
    await talk.heard("half of it ");
    const { runId } = await talk.edit("one", "uno");
    const body = await (await reply).text();
    assert.match(body, /half of it .*"type":"cancelled"/s);
    assert.doesNotMatch(body, /conversation\.edited|uno|never said/);
    await talk.run(runId);
    assert.deepEqual(await talk.contents(), ["uno", "ok"]);
  });
});
