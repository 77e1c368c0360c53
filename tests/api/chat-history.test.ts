// The pages of a history: what a client can read back, and what a model is shown of it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Talk } from "../support/conversation.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

describe("the history of a conversation", () => {
  it("comes in pages that join without a gap or a repeat", async (t) => {
    const model = createScriptedModel();
    const app = await startApp(t, { model, registry: createSmallRegistry() });
    const talk = new Talk(await app.connect());
    const wanted: string[] = [];
    for (let turn = 1; turn <= 6; turn += 1) {
      model.script(`answer ${turn}`);
      await talk.ask(`question ${turn}`);
      wanted.push(`question ${turn}`, `answer ${turn}`);
    }
    const got: string[] = [];
    let page = await talk.history({ limit: 5, commandId: "first" });
    assert.equal(page.commandId, "first");
    for (;;) {
      got.unshift(...page.messages.map(({ content }) => content));
      assert.equal(page.before, page.messages[0]?.id);
      if (!page.hasMore) break;
      page = await talk.history({ limit: 5, before: page.before });
    }
    assert.deepEqual(got, wanted);
  });

  it("is empty before the first message", async (t) => {
    const app = await startApp(t, { model: createScriptedModel(), registry: createSmallRegistry() });
    const talk = new Talk(await app.connect());
    await talk.join();
    assert.deepEqual(await talk.history(), { messages: [], before: null, hasMore: false });
  });

  it("does not know a message of another conversation", async (t) => {
    const app = await startApp(t, { model: createScriptedModel(), registry: createSmallRegistry() });
    const other = new Talk(await app.connect());
    const { messageId } = await other.say("hello", { id: "theirs" });
    const talk = new Talk(await app.connect());
    await talk.ask("hello");
    talk.client.send({ type: "history", before: messageId, commandId: "h" });
    assert.partialDeepStrictEqual(await talk.refused(), { code: "message_not_found", commandId: "h" });
  });

  it("needs a conversation", async (t) => {
    const app = await startApp(t, { model: createScriptedModel(), registry: createSmallRegistry() });
    const talk = new Talk(await app.connect());
    for (const frame of [{ type: "history" }, { type: "stop" }, { type: "persona", persona: "engineer" }]) {
      talk.client.send(frame);
      assert.equal((await talk.refused()).code, "invalid_frame");
    }
    assert.equal((await talk.ask("still here")).outcome, "success");
  });

  it("shows a model what was said before, and never what is not finished", async (t) => {
    const model = createScriptedModel();
    const app = await startApp(t, { model, registry: createSmallRegistry() });
    const talk = new Talk(await app.connect());
    model.script("the first answer");
    await talk.ask("the first question");
    await talk.ask("the second question");
    const second = model.calls[1]?.messages.filter(({ role }) => role !== "system");
    assert.deepEqual(
      second?.map(({ content }) => content),
      ["the first question", "the first answer", "the second question"],
    );
  });
});
