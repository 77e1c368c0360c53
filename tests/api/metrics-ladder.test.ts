// A provider that fails under the whole app: what the metrics say of the retries, the fallback model, tokens, cost and
// circuits. One app in this file, because a process has one client of its model.

import assert from "node:assert/strict";
import { it } from "node:test";
import { Talk } from "../support/conversation.ts";
import { parseMetrics } from "../support/metrics-text.ts";
import { say } from "../support/provider-chunks.ts";
import { startApp } from "../support/running-app.ts";
import { startScriptableProvider } from "../support/scriptable-provider.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

const BROKEN = { status: 500, steps: [JSON.stringify(say.errorBody("server_error"))] };
const FINE = { steps: say.answer("fine", " words") };

it("a failing model shows in retries, steps of the ladder, sources, circuits, tokens and cost", async (t) => {
  await using model = await startScriptableProvider();
  await using fallback = await startScriptableProvider();
  const env = {
    OPENAI_BASE_URL: `${model.origin}/v1`,
    OPENAI_MODEL: "main-model",
    FALLBACK_OPENAI_BASE_URL: `${fallback.origin}/v1`,
    FALLBACK_OPENAI_MODEL: "second-model",
    RETRY_WAIT_MIN: "0.01",
    RETRY_WAIT_MAX: "0.02",
    LLM_PRICE_PER_MILLION_INPUT_TOKENS: "1000000",
    LLM_PRICE_PER_MILLION_OUTPUT_TOKENS: "2000000",
    FALLBACK_LLM_PRICE_PER_MILLION_INPUT_TOKENS: "10000000",
    FALLBACK_LLM_PRICE_PER_MILLION_OUTPUT_TOKENS: "10000000",
    VISITOR_DAILY_TOKEN_BUDGET: "100000",
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: "5",
  };
  const app = await startApp(t, { registry: createSmallRegistry() }, env);
  const scrape = async () => parseMetrics(await (await fetch(`${app.url}/metrics`)).text());
  const talk = new Talk(await app.connect());
  const question = "Tell me something that nobody has written down anywhere.";

  model.reply(FINE, BROKEN);
  fallback.reply(FINE);
  assert.equal((await talk.ask(question)).text, "fine words");
  const well = await scrape();
  assert.equal(well.value("parley_runs_total", { outcome: "success", source: "model" }), 1);
  const tokens = { model: "main-model", direction: "input" };
  assert.equal(well.value("parley_tokens_total", tokens), 12);
  assert.equal(well.value("parley_tokens_total", { ...tokens, direction: "output" }), 2);
  assert.equal(well.value("parley_cost_total", { model: "main-model" }), 12 + 2 * 2);
  assert.deepEqual(well.of("parley_ladder_steps_total"), []);

  assert.equal((await talk.ask(question)).text, "fine words");
  const ill = await scrape();
  assert.equal(ill.value("parley_retries_total", { circuit: "llm" }), 2);
  assert.equal(ill.value("parley_runs_total", { outcome: "success", source: "fallback-model" }), 1);
  const step = { source: "fallback-model", reason: "llm_unavailable" };
  assert.equal(ill.value("parley_ladder_steps_total", step), 1);
  assert.equal(ill.value("parley_tokens_total", { model: "second-model", direction: "output" }), 2);
  assert.equal(ill.value("parley_cost_total", { model: "second-model" }), 140);
  assert.equal(ill.value("parley_cost_total", { model: "main-model" }), 16, "an HTTP refusal is on no bill");
  assert.equal(ill.value("parley_circuit_state", { circuit: "llm" }), 0);

  await talk.ask(question);
  const open = await scrape();
  assert.equal(open.value("parley_circuit_state", { circuit: "llm" }), 2);
  assert.equal(open.value("parley_circuit_state", { circuit: "fallback-llm" }), 0);
});
