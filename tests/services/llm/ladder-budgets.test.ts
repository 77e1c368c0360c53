// What a reply costs on the ladder, and what is said when a purse is empty.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { CircuitBreaker } from "#app/core/resilience.ts";
import type { ChatModelClient } from "#app/services/llm/client.ts";
import { createGuardedClient, isProviderFailure } from "#app/services/llm/guarded-client.ts";
import { modelError } from "#app/services/llm/provider-fault.ts";
import type { SpendCounter } from "#app/services/llm/spend-counter.ts";
import { stepsOf } from "../../support/ladder-scene.ts";
import { REQUEST, start } from "../../support/paid-ladder.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { createScriptedModel } from "../../support/scripted-model.ts";
import { settle } from "../../support/settle.ts";

/** Twenty for the prompt and eighty for the longest reply. */
const MOST = 100;

describe("a reply within the budget", () => {
  it("is the model's own, and nothing says otherwise", async () => {
    const { ask, model } = start(1_000);
    model.script("Good", " day");
    const { text, source, reason } = await ask();
    assert.deepEqual([text, source, reason], ["Good day", "model", undefined]);
    assert.partialDeepStrictEqual(model.calls[0], REQUEST);
  });

  it("costs what the provider bills, not what was taken beforehand", async () => {
    const { ask, spent } = start(1_000, {
      finish: { usage: { model: "m", inputTokens: 7, outputTokens: 5 } },
    });
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
    const scene = start(1);
    const { text, source, reason } = await scene.ask();
    assert.equal(text, "I have used up my words.\n- What else?");
    assert.deepEqual([source, reason, scene.model.calls.length], ["scripted", "quota_exceeded", 0]);
    assert.equal(await scene.spent(), 0, "that costs nothing");
    assert.deepEqual(stepsOf(scene), [["model", "scripted", "quota_exceeded"]]);
    assert.equal(await scene.counted('parley_budget_refusals_total{scope="day"}'), 1);
  });

  it("still answers what the persona knows, and its authored lines", async () => {
    const { ask } = start(1);
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

  it("is asked for once: the fallback model is paid from the same purse", async () => {
    const fallback = createScriptedModel();
    const { ask } = start(1, { fallback });
    assert.equal((await ask()).reason, "quota_exceeded");
    assert.equal(fallback.calls.length, 0);
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

  for (const scope of ["conversation", "visitor", "organisation"] as const)
    it(`may be that of the ${scope}, whose name is counted`, async () => {
      const { ask, counted } = start(0, { settings: { [scope]: { tokens: MOST + 20, costMicros: 0 } } });
      assert.equal((await ask()).reason, undefined);
      assert.equal((await ask()).reason, undefined, "the first one cost less than was taken");
      const replies = await Promise.all([ask(), ask()]);
      assert.ok(replies.some(({ reason }) => reason === "quota_exceeded"));
      assert.ok((await counted(`parley_budget_refusals_total{scope="${scope}"}`)) > 0);
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

  it("costs its prompt when the model was silent, which it may bill", async () => {
    const { ask, model, spent } = start(1_000);
    model.script({ fail: new AppError("llm_timeout") });
    assert.equal((await ask()).source, "scripted");
    assert.equal(await spent(), 20);
  });

  it("costs nothing when it was stopped before the model was asked", async () => {
    const { ask, model, spent } = start(1_000);
    const why = new Error("stopped");
    await assert.rejects(ask(REQUEST, AbortSignal.abort(why)), why);
    assert.deepEqual([await spent(), model.calls.length], [0, 0]);
  });

  it("costs nothing when the breaker refused it, or the provider did", async () => {
    const logger = createRecordingLogger();
    const fault = modelError("llm_unavailable", "refused", { transient: false, counts: true, status: 503 });
    const ill: ChatModelClient = { provider: "ill", stream: () => Promise.reject(fault) };
    const isFailure = isProviderFailure;
    const breaker = new CircuitBreaker({
      name: "llm",
      failureThreshold: 1,
      recoveryMs: 60_000,
      isFailure,
      logger,
    });
    const retry = { maxAttempts: 1, waitMinMs: 1, waitMaxMs: 1 };
    const { ask, spent } = start(1_000, { model: createGuardedClient(ill, { breaker, retry, logger }) });
    assert.equal((await ask()).reason, "llm_unavailable");
    assert.equal(await spent(), 0, "the provider refused");
    assert.equal(breaker.state, "open");
    for (let call = 0; call < 20; call += 1) assert.equal((await ask()).reason, "llm_unavailable");
    assert.equal(await spent(), 0, "the breaker refused");
  });

  it("costs an estimate where the provider sends no bill", async () => {
    const model: ChatModelClient = {
      provider: "p",
      stream: (_request, onDelta) => {
        onDelta("123");
        return Promise.resolve({ source: "model", finishReason: "stop" });
      },
    };
    const { ask, spent } = start(MOST, { model });
    await ask();
    assert.equal(await spent(), 23);
  });
});

describe("a counter that fails", () => {
  it("closes the purse: the persona answers without the model", async () => {
    const { ask, model } = start(1_000, { counter: { add: () => Promise.reject(new Error("away")) } });
    const { reason, text } = await ask();
    assert.deepEqual([reason, model.calls.length], ["quota_exceeded", 0]);
    assert.ok(text.startsWith("I have used up my words."));
  });

  it("under a running reply does not spoil it, and is waited for by nobody", async () => {
    let asked = 0;
    const counter: SpendCounter = {
      add: (changes) => {
        asked += 1;
        return asked === 1 ? Promise.resolve(changes.map(({ by }) => by)) : new Promise(() => undefined);
      },
    };
    const { ask } = start(1_000, { counter });
    assert.equal((await ask()).text, "ok");
    assert.equal(asked, 2);
  });
});
