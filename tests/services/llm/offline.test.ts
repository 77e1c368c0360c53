// What the offline provider says and how it streams; it passes the contract of every provider.

import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import fc from "fast-check";
import type { AuthoredLines, ChatModelRequest, Passage } from "#app/services/llm/client.ts";
import { createOfflineClient } from "#app/services/llm/offline.ts";
import { describeChatModelClient } from "../../contracts/chat-model-client.ts";

const NEVER = new AbortController().signal;

function request(lines: Partial<AuthoredLines>, passages: readonly Passage[] = []): ChatModelRequest {
  return {
    messages: [
      { role: "system", content: "SECRET IDENTITY" },
      { role: "user", content: "question" },
    ],
    passages,
    lines: { fallback: "I do not know.", quota: "Used up.", suggestions: [], ...lines },
    model: { name: null, temperature: 0.7, topP: 1, maxOutputTokens: 600 },
  };
}

function passage(excerpt: string, coverage: number): Passage {
  return { id: "p", title: "Title", language: "en", text: `${excerpt} And more.`, excerpt, coverage };
}

async function reply(input: ChatModelRequest) {
  const deltas: string[] = [];
  const client = createOfflineClient({ wordsPerSecond: Number.POSITIVE_INFINITY });
  const { source, finishReason } = await client.stream(input, (delta) => deltas.push(delta), NEVER);
  return { text: deltas.join(""), source, finishReason, deltas };
}

describeChatModelClient("the offline provider", (text) => ({
  client: createOfflineClient({ wordsPerSecond: 2000 }),
  request: request({ intent: text }),
}));

describe("the offline provider", () => {
  it("says the line of an intent first, as an authored line", async () => {
    const said = await reply(request({ intent: "Good day." }, [passage("I was born in 1815.", 1)]));
    assert.equal(said.text, "Good day.");
    assert.equal(said.source, "scripted");
    assert.equal(said.finishReason, "stop");
  });

  it("quotes the first passage that covers more than half of the question, word for word", async () => {
    const passages = [passage("Half.", 0.5), passage("I was born in 1815.", 0.51), passage("Later.", 1)];
    const said = await reply(request({}, passages));
    assert.equal(said.text, "I was born in 1815.");
    assert.equal(said.source, "offline");
    assert.equal(said.finishReason, "stop");
  });

  it("says the fallback when no passage covers more than half", async () => {
    const said = await reply(request({}, [passage("Half.", 0.5), passage("", 1)]));
    assert.equal(said.text, "I do not know.");
    assert.equal(said.source, "scripted");
    assert.equal(said.finishReason, "stop");
  });

  it("offers the suggested questions with the fallback, and only with it", async () => {
    const suggestions = ["Who are you?", "When were you born?"];
    const lost = await reply(request({ suggestions }));
    assert.equal(lost.text, "I do not know.\n- Who are you?\n- When were you born?");
    const found = await reply(request({ suggestions }, [passage("In 1815.", 1)]));
    assert.equal(found.text, "In 1815.");
  });

  it("never says anything of the prompt", async () => {
    for (const input of [request({}), request({ intent: "Hello." }), request({}, [passage("Yes.", 1)])]) {
      assert.ok(!(await reply(input)).text.includes("SECRET"));
    }
  });

  it("streams word by word, and cuts a text without spaces too", async () => {
    assert.deepEqual((await reply(request({ intent: "one two  three" }))).deltas, ["one ", "two  ", "three"]);
    assert.ok((await reply(request({ intent: "x".repeat(100) }))).deltas.length > 3);
  });

  it("cuts no grapheme of any text", async () => {
    const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });
    const cut = (text: string) => Array.from(graphemes.segment(text), ({ segment }) => segment);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 }), async (text) => {
        const { deltas } = await reply(request({ intent: text }));
        assert.equal(deltas.join(""), text);
        assert.deepEqual(deltas.flatMap(cut), cut(text));
      }),
    );
  });

  it("says an empty line with no delta at all", async () => {
    const said = await reply(request({ intent: "" }));
    assert.deepEqual(said.deltas, []);
    assert.equal(said.source, "scripted");
  });

  it("keeps the pace it was given", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const deltas: string[] = [];
      const client = createOfflineClient({ wordsPerSecond: 10 });
      const streaming = client.stream(request({ intent: "a b c" }), (delta) => deltas.push(delta), NEVER);
      assert.deepEqual(deltas, ["a "]);
      mock.timers.tick(99);
      await Promise.resolve();
      assert.deepEqual(deltas, ["a "]);
      for (let ticks = 0; ticks < 2; ticks += 1) {
        mock.timers.tick(100);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await streaming;
      assert.deepEqual(deltas, ["a ", "b ", "c"]);
    } finally {
      mock.timers.reset();
    }
  });
});
