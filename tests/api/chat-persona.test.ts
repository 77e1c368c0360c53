// Changing who answers, in the middle of a conversation.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { z } from "zod";
import { Talk } from "../support/conversation.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

async function start(t: TestContext) {
  const model = createScriptedModel();
  const app = await startApp(t, { model, registry: createSmallRegistry() });
  return { model, open: async () => new Talk(await app.connect()) };
}

const metadataSchema = z.object({ persona: z.object({ id: z.string(), kind: z.string() }) });

describe("the persona frame", () => {
  it("lets somebody else answer from now on; the conversation goes on", async (t) => {
    const { model, open } = await start(t);
    const talk = await open();
    const { conversationId } = await talk.join();
    await talk.ask("first");
    for (const [frame, kind, id] of [
      [{ persona: "engineer" }, "persona", "engineer"],
      [{ object: "card" }, "object", "card"],
      [{ persona: "ada" }, "persona", "ada"],
    ] as const) {
      talk.client.send({ type: "persona", ...frame });
      assert.partialDeepStrictEqual(await talk.custom("persona.changed"), { kind, id });
      const { frames } = await talk.ask(`to ${id}`);
      assert.deepEqual(metadataSchema.parse(frames[0]?.metadata).persona, { kind, id });
      assert.equal(frames[0]?.threadId, conversationId);
    }
    const { messages } = await talk.history();
    assert.deepEqual(
      messages.map(({ content }) => content),
      ["first", "ok", "to engineer", "ok", "to card", "ok", "to ada", "ok"],
    );
    const said = model.calls.map(({ messages: prompt }) => prompt.map(({ content }) => content).join("|"));
    assert.match(said[1] ?? "", /first/, "a persona knows what was said to another");
    assert.doesNotMatch(said[2] ?? "", /first|to engineer/, "an object does not");
  });

  it("stops a running reply first, and is seen by every tab after its end", async (t) => {
    const { model, open } = await start(t);
    const script = createPacedScript("said ", "never");
    model.script(...script.steps);
    const [talk, tab] = [await open(), await open()];
    const { conversationId, resumeToken } = await talk.join();
    await tab.join({ conversationId, resumeToken });
    const { runId } = await talk.say("speak");
    await tab.heard("said ");
    tab.client.send({ type: "persona", object: "card" });
    for (const each of [talk, tab]) {
      assert.equal((await each.run(runId)).outcome, "cancelled");
      await each.custom("persona.changed");
      assert.deepEqual(
        each
          .events()
          .slice(-2)
          .map(({ name, type }) => name ?? type),
        ["RUN_FINISHED", "persona.changed"],
      );
    }
    script.finish();
    assert.equal(model.active, 0);
  });

  it("goes before the messages that wait, which the new persona answers", async (t) => {
    const { model, open } = await start(t);
    model.script(...createPacedScript("said ", "never").steps);
    const talk = await open();
    await talk.say("running");
    await talk.heard("said ");
    const waiting = await talk.say("waiting");
    talk.client.send({ type: "persona", persona: "engineer" });
    const { frames } = await talk.run(waiting.runId);
    assert.equal(metadataSchema.parse(frames[0]?.metadata).persona.id, "engineer");
  });

  it("is kept: who comes back finds the new persona, and resumes over the change", async (t) => {
    const { open } = await start(t);
    const talk = await open();
    const { conversationId, resumeToken, epoch } = await talk.join();
    await talk.ask("first");
    const reached = talk.events().length;
    talk.client.send({ type: "persona", object: "card" });
    await talk.custom("persona.changed");
    const back = await open();
    const joined = await back.join({ conversationId, resumeToken, epoch, after: reached });
    assert.partialDeepStrictEqual(joined, { recovered: true, persona: { kind: "object", id: "card" } });
    assert.partialDeepStrictEqual(await back.custom("persona.changed"), { id: "card" });
    const fresh = await open();
    await fresh.join({ conversationId, resumeToken });
    assert.equal((await fresh.snapshot()).seq, reached + 1);
    await fresh.custom("replayed");
    assert.deepEqual(fresh.events(), []);
  });

  it("is seen in the order of the commands when many come at once; the last one answers", async (t) => {
    const { open } = await start(t);
    const talk = await open();
    await talk.join();
    const ids = ["engineer", "ada", "engineer", "ada", "engineer"];
    for (const persona of ids) talk.client.send({ type: "persona", persona });
    const { frames } = await talk.ask("who are you?");
    assert.equal(metadataSchema.parse(frames[0]?.metadata).persona.id, "engineer");
    const changes = talk.client.frames.filter(({ name }) => name === "persona.changed");
    assert.partialDeepStrictEqual(changes.at(-1)?.value, { id: "engineer" });
  });

  it("speaks the conversation's language", async (t) => {
    const { open } = await start(t);
    const talk = await open();
    await talk.join({ locale: "tr" });
    talk.client.send({ type: "persona", object: "card" });
    assert.partialDeepStrictEqual(await talk.custom("persona.changed"), { language: "tr" });
  });

  it("that names nobody that exists changes nothing, and stops nothing", async (t) => {
    const { model, open } = await start(t);
    const script = createPacedScript("said ", "whole");
    model.script(...script.steps);
    const talk = await open();
    const { runId } = await talk.say("speak");
    await talk.heard("said ");
    for (const [frame, code] of [
      [{ persona: "nobody" }, "persona_not_found"],
      [{ object: "engineer" }, "persona_not_found"],
      [{ persona: "constructor" }, "persona_not_found"],
      [{ persona: "../ada" }, "invalid_frame"],
      [{}, "invalid_frame"],
      [{ persona: "ada", object: "card" }, "invalid_frame"],
    ] as const) {
      talk.client.send({ type: "persona", ...frame });
      assert.equal((await talk.refused()).code, code);
    }
    script.finish();
    assert.equal((await talk.run(runId)).text, "said whole");
  });
});
