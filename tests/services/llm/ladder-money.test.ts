// What a reply costs in money, at each model's price, and what one run may cost.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { modelError, sickness } from "#app/services/llm/provider-fault.ts";
import { REQUEST, start } from "../../support/paid-ladder.ts";
import { createScriptedModel } from "../../support/scripted-model.ts";

describe("the budget of one run", () => {
  it("shortens a reply to so many tokens, and never lengthens one", async () => {
    const { ask, model } = start(0, { settings: { run: { tokens: 30, costMicros: 0 } } });
    await ask();
    await ask({ ...REQUEST, model: { ...REQUEST.model, maxOutputTokens: 10 } });
    assert.deepEqual(
      model.calls.map((call) => call.model.maxOutputTokens),
      [30, 10],
    );
  });

  it("shortens a reply to what its money buys after the prompt, and refuses one that it buys nothing of", async () => {
    const prices = { model: { input: 2, output: 8 }, "fallback-model": { input: 0, output: 0 } };
    // 20 tokens of prompt cost 40 millionths; of 200 that leaves 160, which buys 20.
    const { ask, model, counted } = start(0, { settings: { run: { tokens: 0, costMicros: 200 }, prices } });
    await ask();
    assert.equal(model.calls[0]?.model.maxOutputTokens, 20);
    const poor = start(0, { settings: { run: { tokens: 0, costMicros: 47 }, prices } });
    assert.deepEqual([(await poor.ask()).reason, poor.model.calls.length], ["quota_exceeded", 0]);
    assert.equal(await poor.counted('parley_budget_refusals_total{scope="run"}'), 1);
    assert.equal(await counted('parley_budget_refusals_total{scope="run"}'), 0);
  });

  it("is one for both models: what the first has cost, the second does not get", async () => {
    const price = { input: 1, output: 1 };
    const fallback = createScriptedModel();
    const { ask, model } = start(0, {
      fallback,
      settings: { run: { tokens: 0, costMicros: 90 }, prices: { model: price, "fallback-model": price } },
    });
    model.script({ fail: sickness("gone") });
    assert.equal((await ask()).source, "fallback-model");
    // 90, less 20 for the prompt that the first may bill, less 20 for its own.
    assert.equal(fallback.calls[0]?.model.maxOutputTokens, 50);
  });
});

describe("the money of a reply", () => {
  const prices = { model: { input: 0.15, output: 0.6 }, "fallback-model": { input: 3, output: 15 } };
  const usage = { model: "m", inputTokens: 1_000, outputTokens: 500 };
  const day = { tokens: 0, costMicros: 1_000_000 };
  const COST = "parley:cost:day:all:2026-11-21";

  it("is counted at the model's price, in millionths, and told to the metrics in whole units", async () => {
    const { ask, spent, counted } = start(0, { finish: { usage }, settings: { prices, day } });
    await ask();
    assert.equal(await spent(COST), 450);
    assert.equal(await counted('parley_cost_total{model="model"}'), 0.00045);
  });

  it("is told to the metrics by the name of the model that answered, where a persona has chosen one", async () => {
    const { ask, counted } = start(0, { finish: { usage }, settings: { prices, day } });
    await ask({ ...REQUEST, model: { ...REQUEST.model, name: "chosen" } });
    assert.equal(await counted('parley_cost_total{model="chosen"}'), 0.00045);
    assert.equal(await counted('parley_tokens_total{model="chosen",direction="input"}'), 1_000);
  });

  it("is counted at the fallback model's price, where that one answers", async () => {
    const fallback = createScriptedModel({ usage });
    const { ask, model, spent } = start(0, { fallback, settings: { prices, day } });
    model.script({
      fail: modelError("llm_unavailable", "refused", { transient: false, counts: true, status: 503 }),
    });
    await ask();
    assert.equal(await spent(COST), 1_000 * 3 + 500 * 15);
  });

  it("is taken beforehand at its worst case: two that would not fit together do not both begin", async () => {
    // At most 20 × 3 and 80 × 15 millionths: 1,260.
    const both = { model: prices["fallback-model"], "fallback-model": prices["fallback-model"] };
    const { ask, model } = start(0, { settings: { prices: both, day: { tokens: 0, costMicros: 2_519 } } });
    const reasons = (await Promise.all([ask(), ask()])).map(({ reason }) => reason);
    assert.deepEqual(reasons, [undefined, "quota_exceeded"]);
    assert.equal(model.calls.length, 1);
  });
});
