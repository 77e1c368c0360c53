// A language model behind the socket: what it says arrives whole, what goes wrong with it is said.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { Talk } from "../support/conversation.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel, type ScriptStep } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

async function startTalk(t: Parameters<typeof startApp>[0]) {
  const model = createScriptedModel();
  const app = await startApp(t, { model, registry: createSmallRegistry() });
  return { app, model, talk: new Talk(await app.connect()) };
}

describe("a model's words on the socket", () => {
  const texts: readonly (readonly [string, readonly string[]])[] = [
    [
      "an emoji cut between two deltas",
      ["See: \ud83d", "\ude00", " and \ud83d", "\udc69\u200d\ud83d\udd2c!"],
    ],
    ["Turkish", ["Şimdi ", "ığüşöç ", "İstanbul'da ", "ĞÜŞİÖÇ"]],
    ["control characters and JSON's own", ['"quoted" \\ ', "\u0000\u0001\u2028\u2029", "\r\n\t</script>"]],
    ["one long piece", ["wörd ".repeat(20_000)]],
  ];
  for (const [what, pieces] of texts) {
    it(`arrive byte for byte: ${what}`, async (t) => {
      const { model, talk } = await startTalk(t);
      const paced = createPacedScript(...pieces);
      model.script(...paced.steps);
      const { runId } = await talk.say("speak");
      // One piece a frame: each goes when the frame before it has come, so that the cut is where the script has it.
      await talk.client.next(({ type }) => type === "TEXT_MESSAGE_CONTENT");
      paced.advance();
      paced.finish();
      const run = await talk.run(runId);
      assert.equal(run.text, pieces.join(""));
      assert.equal((await talk.history()).messages[1]?.content, pieces.join(""));
    });
  }

  it("hold back half an emoji until its other half has come", async (t) => {
    const { model, talk } = await startTalk(t);
    const paced = createPacedScript("a\ud83d", "\ude00b");
    model.script(...paced.steps);
    const { runId } = await talk.say("smile");
    const first = await talk.client.next(({ type }) => type === "TEXT_MESSAGE_CONTENT");
    assert.equal(first.delta, "a");
    paced.finish();
    assert.equal((await talk.run(runId)).text, "a😀b");
  });

  it("carry half an emoji that never got its other half as a replacement character, shown and stored alike", async (t) => {
    const { model, talk } = await startTalk(t);
    model.script("end \ud83d");
    const run = await talk.ask("smile");
    assert.equal(run.text, "end \ufffd");
    assert.equal((await talk.history()).messages[1]?.content, run.text);
  });

  it("come with the model's usage and its reason to end", async (t) => {
    const model = createScriptedModel({ finishReason: "length" });
    const app = await startApp(t, { model, registry: createSmallRegistry() });
    const { frames } = await new Talk(await app.connect()).ask("speak");
    assert.partialDeepStrictEqual(frames.at(-2)?.metadata, { source: "model", finishReason: "length" });
    assert.partialDeepStrictEqual(frames.at(-1)?.usage, [{ model: "scripted", outputTokens: 1 }]);
  });
});

describe("a model that fails", () => {
  const failures: readonly (readonly [string, readonly ScriptStep[], string, string])[] = [
    ["before its first word", [{ fail: new AppError("llm_unavailable") }], "llm_unavailable", ""],
    ["after it", ["It was ", { fail: new AppError("llm_timeout") }], "llm_timeout", "It was "],
    ["with an error of no kind", [{ fail: new TypeError("secret-cause") }], "internal_error", ""],
    ["by saying nothing", [], "llm_unavailable", ""],
  ];
  for (const [when, steps, code, said] of failures) {
    it(`${when} ends the run with ${code}, keeps what was said, and the conversation goes on`, async (t) => {
      const { model, talk } = await startTalk(t);
      model.script(...steps);
      const run = await talk.ask("speak");
      assert.equal(run.outcome, code);
      assert.equal(run.text, said);
      const ends = run.frames.filter(({ type }) => type === "TEXT_MESSAGE_END");
      assert.equal(ends.length, said === "" ? 0 : 1);
      if (said !== "") assert.partialDeepStrictEqual(ends[0]?.metadata, { partial: true });
      assert.doesNotMatch(JSON.stringify(talk.client.frames), /secret-cause|\.ts:\d/);
      model.script("better now");
      assert.equal((await talk.ask("again")).text, "better now");
      const { messages } = await talk.history();
      assert.deepEqual(
        messages.map(({ content }) => content),
        ["speak", ...(said === "" ? [] : [said]), "again", "better now"],
      );
    });
  }

  it("tells a client when to try again", async (t) => {
    const { model, talk } = await startTalk(t);
    model.script({ fail: new AppError("llm_unavailable", { retryAfterMs: 1_234 }) });
    const { frames } = await talk.ask("speak");
    assert.deepEqual(frames.at(-1)?.metadata, { retryable: true, retryAfterMs: 1_234 });
  });
});
