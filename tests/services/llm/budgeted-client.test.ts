// A model with a purse: what a reply costs, and what is said when the purse is empty.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { createBudgetedClient } from "#app/services/llm/budgeted-client.ts";
import type { ChatModelReply, ChatModelRequest } from "#app/services/llm/client.ts";
import { createOfflineClient } from "#app/services/llm/offline.ts";
import {
  createMemoryTokenCounter,
  createTokenBudget,
  type TokenCounter,
} from "#app/services/llm/token-budget.ts";
import { describeChatModelClient } from "../../contracts/chat-model-client.ts";
import { createScriptedModel } from "../../support/scripted-model.ts";
import { settle } from "../../support/settle.ts";

const NEVER = new AbortController().signal;
const REQUEST: ChatModelRequest = {
  messages: [
    { role: "system", content: "1234567890" },
    { role: "user", content: "1234567890" },
  ],
  passages: [],
  lines: { fallback: "I do not know.", quota: "I have used up my words.", suggestions: ["What else?"] },
  model: { name: null, temperature: 0.7, topP: 1, maxOutputTokens: 80 },
};
/** Twenty for the prompt and eighty for the longest reply. */
const MOST = 100;

function start(dailyTokens: number, finish: Partial<ChatModelReply> = {}, counter?: TokenCounter) {
  const model = createScriptedModel(finish);
  const sums = counter ?? createMemoryTokenCounter();
  const client = createBudgetedClient({
    model,
    offline: createOfflineClient({ wordsPerSecond: Number.POSITIVE_INFINITY }),
    budget: createTokenBudget(dailyTokens, sums),
    estimate: (text) => text.length,
  });
  const ask = async (request = REQUEST, signal = NEVER) => {
    let text = "";
    const listen = (delta: string) => {
      text += delta;
    };
    const reply = await client.stream(request, listen, signal);
    await settle(2);
    return { ...reply, text };
  };
  /** What has been counted today. */
  const spent = async (): Promise<number> => {
    await settle(2);
    return sums.add(new Date().toISOString().slice(0, 10), 0);
  };
  return { model, client, ask, spent };
}

describeChatModelClient("a model with a purse", (text) => ({
  client: createBudgetedClient({
    model: createOfflineClient({ wordsPerSecond: 2_000 }),
    offline: createScriptedModel(),
    budget: createTokenBudget(1_000_000, createMemoryTokenCounter()),
    estimate: (said) => said.length,
  }),
  request: { ...REQUEST, lines: { ...REQUEST.lines, intent: text } },
}));

describe("a reply within the budget", () => {
  it("is the model's own, and nothing says otherwise", async () => {
    const { ask, model } = start(1_000);
    model.script("Good", " day");
    const { text, source, reason } = await ask();
    assert.deepEqual([text, source, reason], ["Good day", "model", undefined]);
    assert.equal(model.calls[0], REQUEST);
  });

  it("costs what the provider bills, not what was taken beforehand", async () => {
    const { ask, spent } = start(1_000, { usage: { model: "m", inputTokens: 7, outputTokens: 5 } });
    await ask();
    assert.equal(await spent(), 12);
  });

  it("is not begun where its longest form would not fit, although a short one would", async () => {
    const { ask, model } = start(MOST - 1);
    const { reason } = await ask();
    assert.deepEqual([reason, model.calls.length], ["quota_exceeded", 0]);
    const { ask: askAgain } = start(MOST);
    assert.equal((await askAgain()).reason, undefined);
  });
});

describe("a budget that is used up", () => {
  it("lets the persona answer from its own text, and says why", async () => {
    const { ask, model, spent } = start(0);
    const { text, source, reason } = await ask();
    assert.equal(text, "I have used up my words.\n- What else?");
    assert.deepEqual([source, reason, model.calls.length], ["scripted", "quota_exceeded", 0]);
    assert.equal(await spent(), 0, "that costs nothing");
  });

  it("still answers what the persona knows, and its authored lines", async () => {
    const { ask } = start(0);
    const passage = {
      id: "p",
      title: "T",
      language: "en",
      text: "whole",
      excerpt: "I know this.",
      coverage: 1,
    };
    const known = await ask({ ...REQUEST, passages: [passage] });
    assert.deepEqual([known.text, known.source, known.reason], ["I know this.", "offline", "quota_exceeded"]);
    const greeted = await ask({ ...REQUEST, lines: { ...REQUEST.lines, intent: "Hello." } });
    assert.equal(greeted.text, "Hello.");
  });

  it("is not exceeded by replies that begin at the same moment", async () => {
    const { ask, model } = start(3 * MOST);
    const gate = Promise.withResolvers<void>();
    for (let count = 0; count < 3; count += 1) model.script({ until: gate.promise }, "ok");
    const replies = Array.from({ length: 10 }, () => ask());
    await settle();
    gate.resolve();
    const reasons = (await Promise.all(replies)).map(({ reason }) => reason);
    assert.equal(reasons.filter((reason) => reason === undefined).length, 3);
    assert.equal(model.calls.length, 3);
  });
});

describe("a reply that comes to nothing", () => {
  it("costs its prompt and what was said, when it was stopped", async () => {
    const { ask, model, spent } = start(1_000);
    const stop = new AbortController();
    model.script("12345", { until: new Promise(() => undefined) });
    const stopped = ask(REQUEST, stop.signal);
    await settle();
    const why = new Error("stopped");
    stop.abort(why);
    await assert.rejects(stopped, why);
    assert.equal(await spent(), 25);
  });

  it("costs its prompt and what was said, when the model failed", async () => {
    const { ask, model, spent } = start(1_000);
    model.script("12345", { fail: new AppError("llm_unavailable") });
    await assert.rejects(ask(), { code: "llm_unavailable" });
    assert.equal(await spent(), 25);
  });

  it("costs nothing when it was stopped before the model was asked", async () => {
    const { ask, model, spent } = start(1_000);
    const why = new Error("stopped");
    await assert.rejects(ask(REQUEST, AbortSignal.abort(why)), why);
    assert.deepEqual([await spent(), model.calls.length], [0, 0]);
  });

  it("costs an estimate where the provider sends no bill", async () => {
    const counter = createMemoryTokenCounter();
    const client = createBudgetedClient({
      model: {
        provider: "p",
        stream: async (_request, onDelta) => {
          onDelta("123");
          return { source: "model", finishReason: "stop" };
        },
      },
      offline: createScriptedModel(),
      budget: createTokenBudget(MOST, counter),
      estimate: (text) => text.length,
    });
    await client.stream(REQUEST, () => undefined, NEVER);
    await settle(2);
    assert.equal(await counter.add(new Date().toISOString().slice(0, 10), 0), 23);
  });
});

describe("a counter that fails", () => {
  const away: TokenCounter = { add: () => Promise.reject(new Error("away")) };

  it("closes the purse: the persona answers without the model", async () => {
    const { ask, model } = start(1_000, {}, away);
    const { reason, text } = await ask();
    assert.deepEqual([reason, model.calls.length], ["quota_exceeded", 0]);
    assert.ok(text.startsWith("I have used up my words."));
  });

  it("under a running reply does not spoil it, and is waited for by nobody", async () => {
    let asked = 0;
    const counter: TokenCounter = {
      add: (_day, tokens) => {
        asked += 1;
        return asked === 1 ? Promise.resolve(tokens) : new Promise(() => undefined);
      },
    };
    const { ask } = start(1_000, {}, counter);
    assert.equal((await ask()).text, "ok");
    assert.equal(asked, 2);
  });
});
