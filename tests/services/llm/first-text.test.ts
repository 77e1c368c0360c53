// How long silence may last where somebody else could answer: a limit that the provider's breaker hears of, that retries
// do not stretch, and that a model which thinks aloud does not meet.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { CircuitBreaker } from "#app/core/resilience.ts";
import { createChatCompletionsClient } from "#app/services/llm/chat-completions.ts";
import type { ChatModelClient } from "#app/services/llm/client.ts";
import { createGuardedClient, isProviderFailure } from "#app/services/llm/guarded-client.ts";
import { createTracedClient } from "#app/services/llm/traced-client.ts";
import { assertWithin } from "../../support/held-up.ts";
import { createLadderScene, stepsOf } from "../../support/ladder-scene.ts";
import { say } from "../../support/provider-chunks.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { ask, endpointAt, PATIENT, REQUEST } from "../../support/remote-request.ts";
import { type ProviderReply, startScriptableProvider } from "../../support/scriptable-provider.ts";
import { createScriptedModel } from "../../support/scripted-model.ts";
import { settle } from "../../support/settle.ts";
import { until } from "../../support/until.ts";

/** Long enough for a request to arrive on a loaded machine. */
const LIMIT_MS = 400;
/** Far below the deadlines of the provider's own (5 s), far above the limit on a loaded machine. */
const IN_TIME_MS = 3_000;
const THOUGHT = say.chunk({ delta: { reasoning_content: "hm" } });

/** It has answered once: what the first call loads, and its connection, is not the model's silence. */
async function startSilence(...replies: readonly ProviderReply[]) {
  const provider = await startScriptableProvider();
  const logger = createRecordingLogger();
  const breaker = new CircuitBreaker({
    name: "llm",
    failureThreshold: 5,
    recoveryMs: 60_000,
    isFailure: isProviderFailure,
    logger,
  });
  const plain = createChatCompletionsClient(endpointAt(provider.origin), PATIENT);
  const retry = { maxAttempts: 3, waitMinMs: 1, waitMaxMs: 10 };
  const model = createGuardedClient(plain, { breaker, retry, logger });
  provider.reply({ steps: say.answer("warm") });
  assert.equal((await ask(model)).text, "warm");
  provider.reply(...replies);
  const asked = () => provider.requests.length - 1;
  return { provider, breaker, model, asked, [Symbol.asyncDispose]: () => provider.close() };
}

/** Begins anew where the time was over before all that was asked had arrived: it was this machine's silence, not the model's. */
async function untilArrived(scene: () => Promise<boolean>): Promise<void> {
  for (let again = 0; again < 10; again += 1) if (await scene()) return;
  assert.fail("nothing arrives in time");
}

describe("a model that says nothing in time", () => {
  for (const [what, reply] of [
    ["accepts and never answers", { silent: true }],
    ["sends headers and nothing more", { ending: "stall" }],
    ["sends a role and keep-alives", { steps: [say.ROLE, say.KEEP_ALIVE], ending: "stall" }],
  ] as const)
    it(`is left when it ${what}; its breaker hears of it, and it is not asked again`, () =>
      untilArrived(async () => {
        await using silence = await startSilence(reply);
        const fallback = createScriptedModel();
        const scene = createLadderScene({ model: silence.model, fallback, firstTextMs: LIMIT_MS });
        const startedAt = performance.now();
        const heard = await ask(scene.client);
        assertWithin("the answer", performance.now() - startedAt, IN_TIME_MS, startedAt);
        assert.partialDeepStrictEqual(heard.reply, { source: "fallback-model", reason: "llm_timeout" });
        assert.equal(silence.breaker.failures, 1);
        if (silence.asked() === 0) return false;
        assert.equal(silence.asked(), 1);
        return true;
      }));

  it("opens its breaker by that, so that later visitors do not wait", () =>
    untilArrived(async () => {
      await using silence = await startSilence({ silent: true });
      const scene = createLadderScene({ model: silence.model, firstTextMs: LIMIT_MS });
      await Promise.all(Array.from({ length: 5 }, () => ask(scene.client)));
      assert.equal(silence.breaker.state, "open");
      const haveArrived = silence.asked() >= 5;
      const patient = createLadderScene({ model: silence.model, firstTextMs: 60_000 });
      assert.equal((await ask(patient.client)).reply?.reason, "llm_unavailable");
      if (!haveArrived) return false;
      assert.equal(silence.asked(), 5);
      return true;
    }));

  it("costs two silent models their two times together, and then the persona answers", async () => {
    await using first = await startSilence({ silent: true });
    await using second = await startSilence({ ending: "stall" });
    const scene = createLadderScene({ model: first.model, fallback: second.model, firstTextMs: LIMIT_MS });
    const startedAt = performance.now();
    const heard = await ask(scene.client);
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs >= 2 * LIMIT_MS - 5, `${tookMs} ms`);
    assertWithin("the answer", tookMs, IN_TIME_MS, startedAt);
    assert.deepEqual(stepsOf(scene), [
      ["model", "fallback-model", "llm_timeout"],
      ["fallback-model", "scripted", "llm_timeout"],
    ]);
    assert.equal(heard.text, REQUEST.lines.fallback);
  });

  it("is left also where the client itself does not care for the limit", async () => {
    const deaf: ChatModelClient = { provider: "deaf", stream: () => new Promise(() => undefined) };
    const heard = await ask(createLadderScene({ model: deaf, firstTextMs: LIMIT_MS }).client);
    assert.equal(heard.reply?.reason, "llm_timeout");
  });

  for (const [count, totalMs] of [
    [1, 20_250],
    [2, 24_500],
  ] as const)
    it(`is given its time by default: ${count} of them cost ${totalMs} ms to the persona's answer`, async (t) => {
      t.mock.timers.enable({ apis: ["setTimeout"] });
      const deaf: ChatModelClient = { provider: "deaf", stream: () => new Promise(() => undefined) };
      let isOver = false;
      const scene = createLadderScene({ model: deaf, fallback: count > 1 ? deaf : undefined });
      const asking = ask(scene.client).then((heard) => {
        isOver = true;
        return heard;
      });
      for (let part = 1; part <= count; part += 1) {
        await settle();
        t.mock.timers.tick(totalMs / count - 1);
        await settle();
        assert.equal(isOver, false);
        t.mock.timers.tick(1);
      }
      assert.equal((await asking).reply?.reason, "llm_timeout");
    });

  it("keeps nobody waiting behind the probe of its breaker, where a substitute could answer", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    await using silence = await startSilence({ status: 503 });
    const alone = createLadderScene({ model: silence.model, firstTextMs: 60_000 });
    await ask(alone.client);
    await ask(alone.client);
    assert.equal(silence.breaker.state, "open");
    t.mock.timers.tick(60_000);
    const word = Promise.withResolvers<void>();
    silence.provider.reply({ steps: [say.ROLE, { until: word.promise }, ...say.answer("Back.")] });
    const asked = silence.provider.requests.length;
    const fallback = createScriptedModel();
    const scene = createLadderScene({ model: silence.model, fallback, firstTextMs: 60_000 });
    const probe = ask(scene.client);
    await until("the probe at the provider", () => silence.provider.requests.length > asked);
    assert.equal((await ask(scene.client)).reply?.source, "fallback-model");
    // Where there is only the persona's own text below, the model's first word is worth waiting for.
    const waiting = ask(alone.client);
    await settle();
    word.resolve();
    assert.deepEqual([(await probe).text, (await waiting).text], ["Back.", "Back."]);
  });

  it("is not asked again where the pause and another attempt do not fit into the time", async () => {
    await using silence = await startSilence({ status: 503 });
    const scene = createLadderScene({ model: silence.model, firstTextMs: 900 });
    assert.equal((await ask(scene.client)).reply?.reason, "llm_unavailable");
    assert.equal(silence.asked(), 1);
    const patient = createLadderScene({ model: silence.model, firstTextMs: 60_000 });
    await ask(patient.client);
    assert.equal(silence.asked(), 4);
  });
});

describe("a model that speaks in time", () => {
  for (const [name, create] of [
    ["plain", createChatCompletionsClient],
    ["traced", createTracedClient],
  ] as const) {
    const open = async (reply: ProviderReply) => {
      const provider = await startScriptableProvider();
      const model = create(endpointAt(provider.origin), PATIENT);
      // What the first call loads is not the model's silence.
      await ask(model);
      provider.reply(reply);
      const { client } = createLadderScene({ model, firstTextMs: LIMIT_MS * 3 });
      return { client, [Symbol.asyncDispose]: () => provider.close() };
    };

    it(`may take longer than the limit for the rest (${name})`, async () => {
      const rest: ProviderReply = {
        steps: [say.content("a"), { pauseMs: LIMIT_MS * 4 }, say.content("b"), say.STOP, say.DONE],
      };
      await using speaker = await open(rest);
      assert.equal((await ask(speaker.client)).text, "ab");
    });

    for (const [how, thought] of [
      ["in a field of its own", THOUGHT],
      ["in its text", say.content("<think>hm")],
    ] as const)
      it(`or only thinks aloud ${how}, is held to its own deadlines (${name})`, async () => {
        const closing = how === "in its text" ? [say.content("</think>")] : [];
        await using speaker = await open({
          steps: [thought, { pauseMs: LIMIT_MS * 4 }, ...closing, ...say.answer("thought out")],
        });
        const heard = await ask(speaker.client);
        assert.equal(heard.error, undefined);
        assert.deepEqual([heard.text, heard.reply?.source], ["thought out", "model"]);
      });
  }

  it("but thinks until its own deadlines are over, is left all the same", async () => {
    await using stack = new AsyncDisposableStack();
    const provider = await startScriptableProvider();
    stack.defer(() => provider.close());
    provider.reply({ steps: [THOUGHT], ending: "stall" });
    const model = createChatCompletionsClient(endpointAt(provider.origin), { ...PATIENT, idleMs: 60 });
    const heard = await ask(createLadderScene({ model, firstTextMs: 60_000 }).client);
    assert.equal(heard.reply?.reason, "llm_timeout");
  });

  it("never hears of the limit again: its error afterwards is its own", async () => {
    const model = createScriptedModel();
    const gate = Promise.withResolvers<void>();
    const fault = new AppError("llm_unavailable");
    model.script("a", { until: gate.promise }, { fail: fault });
    setTimeout(gate.resolve, 600);
    const heard = await ask(createLadderScene({ model, firstTextMs: 10 }).client);
    assert.equal(heard.error, fault);
    assert.equal(heard.text, "a");
  });
});
