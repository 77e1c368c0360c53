// The ladder as a visitor meets it: the real app over a WebSocket, two scriptable providers, and what the frames, the log
// and the metrics say when one of them, or both, fail.

import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import type { SeenRun } from "../support/conversation.ts";
import { Talk } from "../support/conversation.ts";
import { assertWithin } from "../support/held-up.ts";
import { createModelStack, type ModelStackOptions } from "../support/model-stack.ts";
import { say } from "../support/provider-chunks.ts";
import { KEY } from "../support/remote-request.ts";
import { startApp } from "../support/running-app.ts";
import {
  type ProviderReply,
  type ScriptableProvider,
  startScriptableProvider,
} from "../support/scriptable-provider.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { until } from "../support/until.ts";

const AWAY: ProviderReply = { status: 503, steps: ["sk-secret-in-the-body"] };
const DYING: ProviderReply = { steps: [say.content("I was "), { pauseMs: 20 }], ending: "reset" };
const refusing = (word: string): ProviderReply => ({
  status: 400,
  steps: [JSON.stringify(say.errorBody(word))],
});
/** What the persona's own text says of her birth. */
const FROM_NOTES = "I was born on 10 December 1815 in London.";
const KNOWN = "When were you born?";
const UNKNOWN = "Who won the football match yesterday?";

let provider: ScriptableProvider;
let substitute: ScriptableProvider;
before(async () => {
  [provider, substitute] = await Promise.all([startScriptableProvider(), startScriptableProvider()]);
});
after(() => Promise.all([provider.close(), substitute.close()]));

interface StartOptions extends ModelStackOptions {
  readonly withFallback?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

async function start(t: TestContext, { withFallback = false, env = {}, ...options }: StartOptions = {}) {
  const fallback = {
    FALLBACK_OPENAI_BASE_URL: `${substitute.origin}/v1`,
    FALLBACK_OPENAI_MODEL: "substitute",
  };
  const stack = createModelStack(
    t,
    {
      OPENAI_BASE_URL: `${provider.origin}/v1`,
      OPENAI_API_KEY: KEY,
      ...(withFallback && fallback),
      ...env,
    },
    options,
  );
  const app = await startApp(t, { model: stack.model, registry: createSmallRegistry() });
  const talk = new Talk(await app.connect());
  t.after(() => {
    const seen = JSON.stringify([talk.client.frames, stack.logger.lines, app.log.lines]);
    assert.doesNotMatch(seen, /sk-secret|sk-test|IDENTITY-TEXT|VOICE-TEXT/);
  });
  const steps = () => stack.logger.named("llm_ladder_step").map(({ fields }) => fields);
  return { ...stack, app, talk, steps };
}

/** What TEXT_MESSAGE_END says of the words' origin, as TEXT_MESSAGE_START had said; one message a run. */
function originOf({ frames }: SeenRun) {
  const ends = frames.filter(({ type }) => type === "TEXT_MESSAGE_END");
  assert.equal(ends.length, 1);
  const { source, reason, partial } = Object(ends[0]?.metadata);
  const start = frames.find(({ type }) => type === "TEXT_MESSAGE_START");
  assert.deepEqual(start?.metadata, { source, ...(reason !== undefined && { reason }) });
  return { source, reason, ...(partial !== undefined && { partial }) };
}

describe("a model that fails before its first word", () => {
  it("costs nobody their answer: it comes from the persona's text, and says so", async (t) => {
    const { talk, steps, metrics, app } = await start(t);
    provider.reply(AWAY);
    const run = await talk.ask(KNOWN);
    assert.deepEqual([run.text, run.outcome], [FROM_NOTES, "success"]);
    assert.deepEqual(originOf(run), { source: "offline", reason: "llm_unavailable" });
    assert.equal((await talk.history()).messages.at(-1)?.metadata.source, "offline");
    assert.partialDeepStrictEqual(steps(), [{ from: "model", to: "offline", code: "llm_unavailable" }]);
    assert.match(await metrics.text(), /ladder_steps_total\{source="offline",reason="llm_unavailable"\} 1/);
    await until("the line of the run", () => app.log.named("run_finished").length === 1);
    assert.partialDeepStrictEqual(app.log.named("run_finished")[0]?.fields, {
      outcome: "success",
      source: "offline",
    });
  });

  it("is followed by the fallback model, where there is one", async (t) => {
    const { talk, steps } = await start(t, { withFallback: true });
    provider.reply(AWAY);
    substitute.reply({ steps: say.answer("In ", "1815.") });
    const run = await talk.ask(KNOWN);
    assert.deepEqual([run.text, run.outcome], ["In 1815.", "success"]);
    assert.deepEqual(originOf(run), { source: "fallback-model", reason: "llm_unavailable" });
    assert.partialDeepStrictEqual(steps(), [
      { from: "model", to: "fallback-model", code: "llm_unavailable" },
    ]);
    assert.equal(substitute.requests.at(-1)?.body.model, "substitute");
    assert.equal(substitute.requests.at(-1)?.headers.authorization, undefined);
  });

  it("and a fallback model that fails too leave the persona's text", async (t) => {
    const { talk, steps } = await start(t, { withFallback: true });
    provider.reply(AWAY);
    substitute.reply(AWAY);
    const run = await talk.ask(KNOWN);
    assert.deepEqual([run.text, originOf(run).source], [FROM_NOTES, "offline"]);
    assert.partialDeepStrictEqual(
      steps().map(({ from, to }) => [from, to]),
      [
        ["model", "fallback-model"],
        ["fallback-model", "offline"],
      ],
    );
  });

  it("and a text that knows nothing of it leave the persona's line, with questions worth asking", async (t) => {
    const { talk } = await start(t);
    provider.reply(AWAY);
    const run = await talk.ask(UNKNOWN);
    assert.match(run.text, /^I do not know\.\n- When were you born\?\n/);
    assert.deepEqual(originOf(run), { source: "scripted", reason: "llm_unavailable" });
  });

  it("by silence, is left in time", async (t) => {
    const { talk } = await start(t, { withFallback: true, firstTextMs: 200 });
    provider.reply({ silent: true });
    substitute.reply({ ending: "stall" });
    const startedAt = performance.now();
    const run = await talk.ask(KNOWN);
    assertWithin("the answer", performance.now() - startedAt, 5_000, startedAt);
    assert.deepEqual(originOf(run), { source: "offline", reason: "llm_timeout" });
  });

  it("five times, is not asked any more: the fallback model answers at once", async (t) => {
    const { talk, circuits } = await start(t, { withFallback: true });
    provider.reply(AWAY);
    substitute.reply({ steps: say.answer("In 1815.") });
    for (let turn = 0; turn < 5; turn += 1) await talk.ask(KNOWN);
    assert.equal(circuits.get("llm").state, "open");
    const asked = provider.requests.length;
    const run = await talk.ask(KNOWN);
    assert.deepEqual(originOf(run), { source: "fallback-model", reason: "llm_unavailable" });
    assert.equal(provider.requests.length, asked);
    assert.equal(circuits.get("fallback-llm").state, "closed");
  });

  it("and comes back, answers again, and nothing says otherwise", async (t) => {
    const { talk } = await start(t);
    provider.reply(AWAY, { steps: say.answer("Back.") });
    await talk.ask(KNOWN);
    const run = await talk.ask(KNOWN);
    assert.deepEqual([run.text, originOf(run)], ["Back.", { source: "model", reason: undefined }]);
  });
});

describe("what does not step down", () => {
  it("is a death after the first word: the run ends with what was said, and nobody else's words are put to it", async (t) => {
    const { talk, steps } = await start(t, { withFallback: true });
    const asked = substitute.requests.length;
    provider.reply(DYING, { steps: say.answer("Again.") });
    const run = await talk.ask(KNOWN);
    assert.deepEqual([run.text, run.outcome], ["I was ", "llm_unavailable"]);
    assert.deepEqual(originOf(run), { source: "model", reason: undefined, partial: true });
    assert.equal(substitute.requests.length, asked);
    assert.deepEqual(steps(), []);
    assert.equal((await talk.ask("again")).text, "Again.");
  });

  it("is a fallback model's death after its first word: its words are marked as its own", async (t) => {
    const { talk } = await start(t, { withFallback: true });
    provider.reply(AWAY);
    substitute.reply(DYING);
    const run = await talk.ask(KNOWN);
    assert.deepEqual([run.text, run.outcome], ["I was ", "llm_unavailable"]);
    assert.deepEqual(originOf(run), { source: "fallback-model", reason: "llm_unavailable", partial: true });
    assert.equal((await talk.history()).messages.at(-1)?.metadata.source, "fallback-model");
  });

  for (const [word, code] of [
    ["content_filter", "llm_rejected"],
    ["context_length_exceeded", "llm_context_too_long"],
  ] as const)
    it(`is ${code}: the visitor hears it, and can do something about it`, async (t) => {
      const { talk, steps } = await start(t, { withFallback: true });
      const asked = substitute.requests.length;
      provider.reply(refusing(word));
      const run = await talk.ask(KNOWN);
      assert.deepEqual([run.text, run.outcome], ["", code]);
      assert.deepEqual(run.frames.at(-1)?.metadata, { retryable: false });
      assert.equal(substitute.requests.length, asked);
      assert.deepEqual(steps(), []);
    });

  it("is a visitor's stop, whatever is being waited for", async (t) => {
    const { talk, steps, circuits } = await start(t, { withFallback: true });
    provider.reply({ silent: true });
    const [asked, others] = [provider.requests.length, substitute.requests.length];
    const { runId } = await talk.say(KNOWN);
    await until("the model is asked", () => provider.requests.length > asked);
    talk.client.send({ type: "stop", runId });
    const run = await talk.run(runId);
    assert.deepEqual([run.text, run.outcome], ["", "cancelled"]);
    assert.ok((await provider.requests.at(-1)?.left) !== undefined, "the provider is told");
    assert.equal(substitute.requests.length, others);
    assert.deepEqual(steps(), []);
    assert.equal(circuits.get("llm").failures, 0);
  });

  it("is a stop in the midst of the persona's own text, which is marked as such", async (t) => {
    const { talk } = await start(t);
    provider.reply(AWAY);
    const { runId } = await talk.say(KNOWN);
    await talk.client.next(({ type }) => type === "TEXT_MESSAGE_CONTENT");
    talk.client.send({ type: "stop", runId });
    const run = await talk.run(runId);
    assert.equal(run.outcome, "cancelled");
    assert.ok(FROM_NOTES.startsWith(run.text) && run.text !== FROM_NOTES, run.text);
    assert.deepEqual(originOf(run), { source: "offline", reason: "llm_unavailable", partial: true });
  });
});

describe("the budgets on the ladder", () => {
  for (const [scope, env] of [
    ["conversation", { CONVERSATION_TOKEN_BUDGET: "1000" }],
    ["conversation", { CONVERSATION_COST_BUDGET: "0.001", LLM_PRICE_PER_MILLION_OUTPUT_TOKENS: "1" }],
    ["visitor", { VISITOR_DAILY_TOKEN_BUDGET: "1000" }],
    ["visitor", { VISITOR_DAILY_COST_BUDGET: "0.001", LLM_PRICE_PER_MILLION_OUTPUT_TOKENS: "1" }],
    ["organisation", { ORGANISATION_MONTHLY_TOKEN_BUDGET: "1000" }],
    ["organisation", { ORGANISATION_MONTHLY_COST_BUDGET: "0.001", LLM_PRICE_PER_MILLION_OUTPUT_TOKENS: "1" }],
    ["day", { DAILY_TOKEN_BUDGET: "1000" }],
    ["day", { DAILY_COST_BUDGET: "0.001", LLM_PRICE_PER_MILLION_OUTPUT_TOKENS: "1" }],
    ["run", { RUN_COST_BUDGET: "0.000001", LLM_PRICE_PER_MILLION_INPUT_TOKENS: "1" }],
  ] as const)
    it(`of the ${scope} (${Object.keys(env)[0]}), used up, leave the persona's text and say why`, async (t) => {
      const { talk, app, metrics, steps } = await start(t, { env });
      // A bill of a thousand tokens, whatever was said.
      provider.reply({ steps: [say.content("Dear."), say.STOP, say.usage(100, 1_000), say.DONE] });
      const first = await talk.ask(KNOWN);
      assert.equal(originOf(first).source, scope === "run" ? "offline" : "model");
      const second = await talk.ask(KNOWN);
      assert.deepEqual(originOf(second), { source: "offline", reason: "quota_exceeded" });
      assert.deepEqual([second.text, second.outcome], [FROM_NOTES, "success"]);
      assert.partialDeepStrictEqual(steps().at(-1), { from: "model", to: "offline", code: "quota_exceeded" });
      assert.match(await metrics.text(), new RegExp(`budget_refusals_total\\{scope="${scope}"\\} [12]`));
      assert.match((await talk.ask(UNKNOWN)).text, /^I do not know\. .+\n- When were you born\?/);
      // Another conversation of the same visitor: only the conversation's own purse is full again.
      const elsewhere = await new Talk(await app.connect()).ask(KNOWN);
      assert.equal(originOf(elsewhere).source, scope === "conversation" ? "model" : "offline");
    });
});
