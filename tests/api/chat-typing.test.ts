// Who is writing: told to the other connections of the conversation, at once or not at all, and kept nowhere.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Talk } from "../support/conversation.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { startAnswered, startRevising } from "./revising.ts";

function type(talk: Talk, state: "start" | "stop"): void {
  talk.client.send({ type: "typing", state });
}

const typingOf = ({ client }: Talk) => client.frames.filter(({ name }) => name === "typing");

async function connectionIdOf(talk: Talk): Promise<unknown> {
  return Object(await talk.custom("hello")).connectionId;
}

describe("typing", () => {
  it("is shown to the other connections of the conversation, under the connection that types, without a number", async (t) => {
    const { talk, tab, open } = await startAnswered(t, "one");
    const [one, two, stranger] = [await tab(), await tab(), await open()];
    await stranger.join();
    for (const each of [one, two]) await each.custom("replayed");
    const connectionId = await connectionIdOf(talk);
    for (const state of ["start", "stop", "start"] as const) {
      type(talk, state);
      for (const each of [one, two]) assert.deepEqual(await each.custom("typing"), { connectionId, state });
    }
    for (const each of [talk, stranger]) {
      await each.caughtUp();
      assert.deepEqual(typingOf(each), []);
    }
    for (const frame of typingOf(one)) assert.ok(!("seq" in frame));
    assert.deepEqual(one.events(), []);
  });

  it("is told once while it lasts, and its end only where it had begun", async (t) => {
    const { talk, tab } = await startAnswered(t, "one");
    const other = await tab();
    await other.custom("replayed");
    for (const state of ["stop", "start", "start", "start", "stop", "stop"] as const) type(talk, state);
    await talk.caughtUp();
    await other.caughtUp();
    assert.deepEqual(
      typingOf(other).map(({ value }) => Object(value).state),
      ["start", "stop"],
    );
  });

  it("ends when the connection goes, is cut, or joins another conversation", async (t) => {
    const { talk, tab } = await startAnswered(t, "one");
    for (const leave of [
      ({ client }: Talk) => void client.close(),
      ({ client }: Talk) => client.terminate(),
      (other: Talk) => void other.join(),
    ]) {
      const other = await tab();
      type(other, "start");
      assert.equal(Object(await talk.custom("typing")).state, "start");
      leave(other);
      assert.equal(Object(await talk.custom("typing")).state, "stop");
    }
  });

  it("is not shown to who comes later, by snapshot or by resuming, nor in the history", async (t) => {
    const { talk, tab, open, pair, epoch } = await startAnswered(t, "one");
    const other = await tab();
    await other.custom("replayed");
    type(talk, "start");
    await other.custom("typing");
    const late = await tab();
    await late.custom("replayed");
    const back = await open();
    await back.join({ ...pair, epoch, after: 0 });
    await back.custom("replayed");
    for (const each of [late, back]) {
      await each.caughtUp();
      assert.deepEqual(typingOf(each), []);
    }
    assert.doesNotMatch(JSON.stringify(await late.history()), /typing/);
  });

  it("goes between the words of a reply without breaking their row", async (t) => {
    const { talk, tab, model } = await startAnswered(t);
    const other = await tab();
    const script = createPacedScript("one ", "two ", "three");
    model.script(...script.steps);
    const { runId } = await talk.say("count");
    await other.heard("one ");
    type(talk, "start");
    await other.custom("typing");
    script.advance();
    await other.heard("two ");
    type(talk, "stop");
    await other.custom("typing");
    script.finish();
    assert.deepEqual(await other.run(runId), await talk.run(runId));
  });

  it("never comes over the one-shot endpoint", async (t) => {
    const { app, talk, tab, model, pair } = await startAnswered(t);
    const other = await tab();
    await other.custom("replayed");
    const script = createPacedScript("said ", "whole");
    model.script(...script.steps);
    const reply = fetch(`${app.url}/api/v1/chat`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({ message: "speak", ...pair }),
    });
    await other.heard("said ");
    type(talk, "start");
    await other.custom("typing");
    script.finish();
    const body = await (await reply).text();
    assert.match(body, /whole/);
    assert.doesNotMatch(body, /typing/);
  });

  it("is refused before a conversation was joined, and as no frame", async (t) => {
    const { open } = await startRevising(t);
    const talk = await open();
    type(talk, "start");
    assert.equal((await talk.refused()).code, "invalid_frame");
    await talk.join();
    for (const frame of [{}, { state: "pause" }, { state: true }, { state: "start", text: "so far" }]) {
      talk.client.send({ type: "typing", commandId: "t", ...frame });
      assert.partialDeepStrictEqual(await talk.refused(), { code: "invalid_frame", commandId: "t" });
    }
  });
});
