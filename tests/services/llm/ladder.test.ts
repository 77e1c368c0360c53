// The ladder of a reply over real sockets: every fault of a provider, with and without a fallback model; what steps down
// and what does not; one text, never two glued together; and how long silence may last.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { CircuitBreaker } from "#app/core/resilience.ts";
import { createChatCompletionsClient } from "#app/services/llm/chat-completions.ts";
import type { Deadlines } from "#app/services/llm/deadlines.ts";
import { createGuardedClient, isProviderFailure } from "#app/services/llm/guarded-client.ts";
import { describeChatModelClient } from "../../contracts/chat-model-client.ts";
import { FAULTS } from "../../contracts/remote-faults.ts";
import { assertWithin } from "../../support/held-up.ts";
import { createLadderScene, recordSources, stepsOf } from "../../support/ladder-scene.ts";
import { say } from "../../support/provider-chunks.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { ask, endpointAt, KEY, PATIENT, REQUEST } from "../../support/remote-request.ts";
import {
  type ProviderReply,
  type ScriptableProvider,
  startScriptableProvider,
} from "../../support/scriptable-provider.ts";
import { createScriptedModel } from "../../support/scripted-model.ts";
import { until } from "../../support/until.ts";

const FINE: ProviderReply = { steps: say.answer("from the ", "substitute") };
const BROKEN: ProviderReply = { status: 503 };
const NO_RETRY = { maxAttempts: 1, waitMinMs: 4, waitMaxMs: 40 };
/** What ends a run before its first word, whoever could answer instead. */
const FINAL = ["llm_rejected", "llm_context_too_long"];

function guarded(origin: string, deadlines: Partial<Deadlines> = {}, retry = NO_RETRY) {
  const logger = createRecordingLogger();
  const breaker = new CircuitBreaker({
    name: "llm",
    failureThreshold: 5,
    recoveryMs: 60_000,
    isFailure: isProviderFailure,
    logger,
  });
  const client = createChatCompletionsClient(endpointAt(origin), { ...PATIENT, ...deadlines });
  return { breaker, logger, client: createGuardedClient(client, { breaker, retry, logger }) };
}

for (const rung of ["model", "fallback-model"] as const)
  describeChatModelClient(`the ladder at its ${rung}`, async (text) => {
    const provider = await startScriptableProvider();
    const words = text.match(/\S+\s*/g) ?? [];
    provider.reply({ steps: say.answer(...words).flatMap((event) => [event, { pauseMs: 1 }]) });
    const { client } = guarded(provider.origin);
    const down = createScriptedModel();
    for (let call = 0; call < 8; call += 1) down.script({ fail: new AppError("llm_unavailable") });
    const [model, fallback] = rung === "model" ? [client, undefined] : [down, client];
    return {
      client: createLadderScene({ model, fallback }).client,
      request: REQUEST,
      close: () => provider.close(),
    };
  });

describe("the ladder, when", () => {
  let provider: ScriptableProvider;
  let substitute: ScriptableProvider;
  before(async () => {
    [provider, substitute] = await Promise.all([startScriptableProvider(), startScriptableProvider()]);
    substitute.reply(FINE);
  });
  after(() => Promise.all([provider.close(), substitute.close()]));

  for (const [name, { reply, deadlines, expected, text = "" }] of Object.entries(FAULTS)) {
    const steps = text === "" && !FINAL.includes(expected.code);

    it(`${name}: ${steps ? "the fallback model answers" : "the run ends, and nobody else is asked"}`, async () => {
      provider.reply(reply);
      const asked = substitute.requests.length;
      const { marks, onSource } = recordSources();
      const fallback = guarded(substitute.origin).client;
      const scene = createLadderScene({ model: guarded(provider.origin, deadlines).client, fallback });
      const heard = await ask(scene.client, { request: { ...REQUEST, onSource } });
      assert.equal(substitute.requests.length - asked, steps ? 1 : 0);
      if (steps) {
        assert.equal(heard.text, "from the substitute");
        assert.partialDeepStrictEqual(heard.reply, { source: "fallback-model", reason: expected.code });
        assert.deepEqual(stepsOf(scene), [["model", "fallback-model", expected.code]]);
        assert.deepEqual(marks.at(-1), { source: "fallback-model", reason: expected.code });
      } else {
        assert.equal(heard.text, text);
        assert.ok(heard.error instanceof AppError && heard.error.code === expected.code);
        assert.deepEqual(stepsOf(scene), []);
        assert.deepEqual(marks, [{ source: "model" }]);
      }
      assert.doesNotMatch(JSON.stringify(scene.logger.lines), new RegExp(`${KEY}|THE-PROMPT|sk-secret`));
    });

    it(`${name}, and there is no fallback model: ${steps ? "the persona's line is said" : "the run ends"}`, async () => {
      provider.reply(reply);
      const scene = createLadderScene({ model: guarded(provider.origin, deadlines).client });
      const heard = await ask(scene.client);
      if (steps) {
        assert.equal(heard.text, REQUEST.lines.fallback);
        assert.deepEqual(heard.reply, { source: "scripted", finishReason: "stop", reason: expected.code });
        assert.deepEqual(stepsOf(scene), [["model", "scripted", expected.code]]);
        const labels = `{source="scripted",reason="${expected.code}"}`;
        assert.equal(await scene.counted(`parley_ladder_steps_total${labels}`), 1);
      } else {
        assert.equal(heard.text, text);
        assert.ok(heard.error instanceof AppError && heard.error.code === expected.code);
      }
    });
  }

  it("all models are down: the persona answers from its own text, and each step is told", async () => {
    provider.reply(BROKEN);
    const passage = { id: "p", title: "T", language: "en", text: "whole", excerpt: "I know.", coverage: 1 };
    const request = { ...REQUEST, passages: [passage] };
    const fallback = guarded(provider.origin).client;
    const scene = createLadderScene({ model: guarded(provider.origin).client, fallback });
    const heard = await ask(scene.client, { request });
    assert.equal(heard.text, "I know.");
    assert.deepEqual(heard.reply, { source: "offline", finishReason: "stop", reason: "llm_unavailable" });
    assert.deepEqual(stepsOf(scene), [
      ["model", "fallback-model", "llm_unavailable"],
      ["fallback-model", "offline", "llm_unavailable"],
    ]);
  });

  it("the persona's own text knows nothing either: its line comes with the questions worth asking", async () => {
    provider.reply(BROKEN);
    const lines = { ...REQUEST.lines, suggestions: ["When were you born?"] };
    const { client } = createLadderScene({ model: guarded(provider.origin).client });
    const heard = await ask(client, { request: { ...REQUEST, lines } });
    assert.equal(heard.text, "I do not know.\n- When were you born?");
    assert.equal(heard.reply?.source, "scripted");
  });

  it("the model ends without a word and calls it success: the next step answers", async () => {
    const mute = createScriptedModel();
    mute.script();
    const { client } = createLadderScene({ model: mute });
    assert.partialDeepStrictEqual((await ask(client)).reply, {
      source: "scripted",
      reason: "llm_unavailable",
    });
  });

  it("a fault is ours and no provider's: the run ends with it", async () => {
    const model = createScriptedModel();
    const fault = new TypeError("ours");
    model.script({ fail: fault });
    const fallback = createScriptedModel();
    const heard = await ask(createLadderScene({ model, fallback }).client);
    assert.equal(heard.error, fault);
    assert.equal(fallback.calls.length, 0);
  });

  it("the fallback model dies in mid-answer: what it said stands alone", async () => {
    provider.reply(BROKEN, { steps: [say.content("half"), { pauseMs: 5 }], ending: "reset" });
    const model = guarded(provider.origin).client;
    const { marks, onSource } = recordSources();
    const { client } = createLadderScene({ model, fallback: guarded(provider.origin).client });
    const heard = await ask(client, { request: { ...REQUEST, onSource } });
    assert.equal(heard.text, "half");
    assert.ok(heard.error instanceof AppError);
    assert.deepEqual(marks.at(-1), { source: "fallback-model", reason: "llm_unavailable" });
  });

  for (const [where, replies] of [
    ["the model is silent", [{ silent: true }]],
    ["the model is silent, behind headers", [{ ending: "stall" }]],
    ["a refused call waits to be made again", [{ status: 429, headers: { "retry-after": "9" } }]],
  ] as const)
    it(`the visitor stops while ${where}: nothing else is asked, and the stop is what comes out`, async () => {
      provider.reply(...replies);
      const asked = provider.requests.length;
      const { client: model } = guarded(
        provider.origin,
        {},
        { ...NO_RETRY, maxAttempts: 2, waitMaxMs: 10_000 },
      );
      const fallback = createScriptedModel();
      const stop = new AbortController();
      const scene = createLadderScene({ model, fallback });
      const asking = ask(scene.client, { signal: stop.signal });
      await until("the request", () => provider.requests.length > asked);
      const reason = new Error("stopped");
      stop.abort(reason);
      assert.equal((await asking).error, reason);
      assert.equal(fallback.calls.length, 0);
      assert.deepEqual(stepsOf(scene), []);
    });

  it("the run's own deadline is over, although that is an llm_timeout too: nobody else is asked", async () => {
    provider.reply({ silent: true });
    const asked = provider.requests.length;
    const fallback = createScriptedModel();
    const run = new AbortController();
    const asking = ask(createLadderScene({ model: guarded(provider.origin).client, fallback }).client, {
      signal: run.signal,
    });
    await until("the request", () => provider.requests.length > asked);
    const reason = new AppError("llm_timeout");
    run.abort(reason);
    assert.equal((await asking).error, reason);
    assert.equal(fallback.calls.length, 0);
  });

  it("the breaker is open: the fallback model answers at once, and nobody knocks at the model", async () => {
    const fallback = guarded(substitute.origin).client;
    provider.reply(BROKEN);
    const { client: model, breaker } = guarded(provider.origin);
    const scene = createLadderScene({ model, fallback, firstTextMs: 60_000 });
    for (let call = 0; call < 5; call += 1) await ask(scene.client);
    assert.equal(breaker.state, "open");
    const asked = provider.requests.length;
    const startedAt = performance.now();
    const heard = await ask(scene.client);
    const tookMs = performance.now() - startedAt;
    assert.partialDeepStrictEqual(heard.reply, { source: "fallback-model", reason: "llm_unavailable" });
    assert.equal(provider.requests.length, asked);
    assertWithin("the answer", tookMs, 1_000, startedAt);
  });
});
