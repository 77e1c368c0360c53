// So many calls of a model at once, through everything between the agent and a real HTTP provider: who is asked, who waits
// in line, who steps down at once, and how long a place lasts. The line itself is in model-line.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BulkheadFullError } from "#app/core/bulkhead.ts";
import { parseConfig } from "#app/core/config.ts";
import { AppError } from "#app/core/errors.ts";
import { createChatModelClient } from "#app/services/llm/factory.ts";
import { describeChatModelClient } from "../../contracts/chat-model-client.ts";
import { askedOf, asking, hold, openPlaces } from "../../support/model-places.ts";
import { say } from "../../support/provider-chunks.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { ask, REQUEST } from "../../support/remote-request.ts";
import { type ProviderReply, startScriptableProvider } from "../../support/scriptable-provider.ts";
import { settle } from "../../support/settle.ts";
import { until } from "../../support/until.ts";

const OK: ProviderReply = { steps: say.answer("fine") };
const BROKEN: ProviderReply = { status: 503 };
const SILENT: ProviderReply = { silent: true };
const REFUSED = { source: "scripted", reason: "llm_unavailable" };
const TOO_LATE = { source: "scripted", reason: "llm_timeout" };

describe("a model that takes so many calls at once", () => {
  const env = { LLM_CALLS_AT_ONCE: "2", FALLBACK_LLM_CALLS_AT_ONCE: "1" };

  it("answers two, then two in line in their order, and the fifth is the next step's at once", async (t) => {
    const scene = await openPlaces(t, { env });
    const { provider, fallback, model } = scene;
    const [a, b] = [await hold(scene, "a"), await hold(scene, "b")];
    const [c, d] = [ask(model, { request: asking("c") }), ask(model, { request: asking("d") })];
    await settle();
    assert.deepEqual(await scene.calls("llm"), { running: 2, waiting: 2 });
    provider.reply(OK);
    fallback.reply(OK);
    const fifth = await ask(model, { request: asking("e") });
    assert.partialDeepStrictEqual(fifth, {
      text: "fine",
      reply: { source: "fallback-model", reason: "llm_unavailable" },
    });
    // Two are speaking still: a place lasts until the last word.
    assert.deepEqual(askedOf(provider), ["a", "b"]);
    a.release();
    for (const waited of [await c, await d])
      assert.deepEqual(
        [waited.text, waited.reply?.source, waited.reply?.reason],
        ["fine", "model", undefined],
      );
    assert.deepEqual(askedOf(provider), ["a", "b", "c", "d"]);
    b.release();
    for (const { ended } of [a, b]) assert.equal((await ended).text, "ab");
    assert.deepEqual(await scene.calls("llm"), { running: 0, waiting: 0 });
  });

  it("logs and counts who was refused, like every other step, and as refused by a limit", async (t) => {
    const scene = await openPlaces(t);
    const held = await hold(scene);
    const waiting = ask(scene.model);
    await settle();
    assert.partialDeepStrictEqual((await ask(scene.model)).reply, REFUSED);
    assert.deepEqual(
      scene.logger.named("llm_ladder_step").map(({ fields: { from, to, code } }) => [from, to, code]),
      [["model", "scripted", "llm_unavailable"]],
    );
    const scraped = await scene.scrape();
    assert.equal(scraped.value("parley_ladder_steps_total", REFUSED), 1);
    assert.equal(scraped.value("parley_limits_total", { limit: "llm-calls" }), 1);
    scene.provider.reply(OK);
    held.release();
    await waiting;
  });

  it("has a fallback with places of its own: who finds none there either hears the persona", async (t) => {
    const scene = await openPlaces(t, { env });
    const { provider, fallback, model } = scene;
    provider.reply(BROKEN);
    const gate = Promise.withResolvers<void>();
    fallback.reply({ steps: [say.ROLE, { until: gate.promise }, ...say.answer("fine")] });
    const first = ask(model);
    await until("the first at the fallback", () => fallback.requests.length === 1);
    const second = ask(model);
    await until("the second refused", () => scene.logger.named("llm_ladder_step").length === 2);
    await settle();
    assert.partialDeepStrictEqual((await ask(model)).reply, REFUSED);
    assert.deepEqual(await scene.calls("fallback-llm"), { running: 1, waiting: 1 });
    gate.resolve();
    for (const { reply } of await Promise.all([first, second])) assert.equal(reply?.source, "fallback-model");
  });
});

describe("a call that has a place", () => {
  it("keeps it from attempt to attempt: a retry is never overtaken", async (t) => {
    const { provider, model } = await openPlaces(t, {
      env: { RETRY_MAX_ATTEMPTS: "3", RETRY_WAIT_MIN: "0.01" },
    });
    provider.reply(BROKEN, BROKEN, OK);
    const replies = await Promise.all(["a", "b"].map((content) => ask(model, { request: asking(content) })));
    assert.deepEqual(
      replies.map(({ text }) => text),
      ["fine", "fine"],
    );
    assert.deepEqual(askedOf(provider), ["a", "a", "a", "b"]);
  });

  it("gives it back when its stream breaks, and when its visitor stops, who has then to pay for it", async (t) => {
    const scene = await openPlaces(t);
    const { provider, model } = scene;
    provider.reply({ steps: [say.content("a"), { pauseMs: 5 }], ending: "reset" });
    assert.equal((await ask(model)).text, "a");
    const input = async () =>
      (await scene.scrape()).value("parley_tokens_total", { model: "main", direction: "input" });
    const before = await input();
    provider.reply({ steps: [say.content("a")], ending: "stall" });
    const stop = new AbortController();
    await assert.rejects(
      model.stream(REQUEST, () => stop.abort(new Error("stopped")), stop.signal),
      /stopped/,
    );
    assert.ok((await input()) > before);
    assert.deepEqual(await scene.calls("llm"), { running: 0, waiting: 0 });
    provider.reply(OK);
    assert.equal((await ask(model)).text, "fine");
  });

  it("that did not wait answers for its silence: the breaker hears of it", async (t) => {
    const { provider, model, failures } = await openPlaces(t, { firstTextMs: 400 });
    provider.reply(SILENT);
    assert.partialDeepStrictEqual((await ask(model)).reply, TOO_LATE);
    assert.deepEqual(failures(), [1, 0, 0, 0]);
  });
});

describe("the client of a model whose places are all taken", () => {
  it("says that the model is unavailable, that trying again makes sense, when, and why", async (t) => {
    const provider = await startScriptableProvider();
    t.after(() => provider.close());
    provider.reply({ steps: [say.content("a")], ending: "stall" });
    const { llm } = parseConfig({ OPENAI_BASE_URL: `${provider.origin}/v1`, LLM_CALLS_AT_ONCE: "1" });
    const client = createChatModelClient(llm, { logger: createRecordingLogger() });
    const stop = new AbortController();
    const places = [ask(client, { signal: stop.signal }), ask(client, { signal: stop.signal })];
    await settle();
    const { error } = await ask(client);
    assert.ok(error instanceof AppError && error.code === "llm_unavailable" && error.retryable);
    assert.equal(error.retryAfterMs, 5_000);
    assert.ok(error.cause instanceof BulkheadFullError);
    stop.abort(new Error("stopped"));
    await Promise.all(places);
    assert.deepEqual(client.bulkhead?.counts, { running: 0, waiting: 0 });
  });
});

describeChatModelClient("a client with one place", async (text) => {
  const provider = await startScriptableProvider();
  const events = say.answer(...(text.match(/\S+\s*/g) ?? []));
  provider.reply({ steps: events.flatMap((event) => [event, { pauseMs: 1 }]) });
  const { llm } = parseConfig({ OPENAI_BASE_URL: `${provider.origin}/v1`, LLM_CALLS_AT_ONCE: "1" });
  const client = createChatModelClient(llm, { logger: createRecordingLogger() });
  return { client, request: REQUEST, close: () => provider.close() };
});
