// A call that waits for a place at a model: who leaves the line, when, and that the waiting is neither billed nor held
// against the provider; nor is it to be refused.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { sickness } from "#app/services/llm/provider-fault.ts";
import { assertWithin } from "../../support/held-up.ts";
import { hold, openPlaces, type Places, type PlacesOptions } from "../../support/model-places.ts";
import { say } from "../../support/provider-chunks.ts";
import { ask } from "../../support/remote-request.ts";
import type { ProviderReply } from "../../support/scriptable-provider.ts";
import { settle } from "../../support/settle.ts";
import { until } from "../../support/until.ts";

const NEVER = new AbortController().signal;
const OK: ProviderReply = { steps: say.answer("fine") };
const SILENT: ProviderReply = { silent: true };
const REFUSED = { source: "scripted", reason: "llm_unavailable" };
const TOO_LATE = { source: "scripted", reason: "llm_timeout" };

const instant = (): number => performance.now();

describe("a call that waits in line", () => {
  let scene: Places;
  let held: Awaited<ReturnType<typeof hold>>;
  const begin = async (t: TestContext, options: PlacesOptions = {}) => {
    scene = await openPlaces(t, options);
    held = await hold(scene);
  };

  it("leaves it at once when its visitor stops, is never asked for and costs nothing", async (t) => {
    await begin(t);
    const before = (await scene.scrape()).of("parley_tokens_total");
    const stop = new AbortController();
    const reason = new Error("stopped");
    const waiting = ask(scene.model, { signal: stop.signal });
    await settle();
    assert.deepEqual(await scene.calls("llm"), { running: 1, waiting: 1 });
    stop.abort(reason);
    const startedAt = instant();
    assert.equal((await waiting).error, reason);
    assertWithin("the end", instant() - startedAt, 250, startedAt);
    assert.deepEqual(await scene.calls("llm"), { running: 1, waiting: 0 });
    assert.deepEqual((await scene.scrape()).of("parley_tokens_total"), before);
    held.release();
    await held.ended;
    scene.provider.reply(OK);
    assert.equal((await ask(scene.model)).text, "fine");
    assert.equal(scene.provider.requests.length, 2);
    assert.deepEqual(scene.failures(), [0, 0, 0, 0]);
  });

  it("goes down the ladder when the time to its first word is over, unasked, unbilled and uncounted", async (t) => {
    await begin(t, { firstTextMs: 300 });
    const before = (await scene.scrape()).of("parley_tokens_total");
    const startedAt = instant();
    const heard = await ask(scene.model);
    const tookMs = instant() - startedAt;
    assert.partialDeepStrictEqual(heard.reply, TOO_LATE);
    assert.ok(tookMs >= 300, `${tookMs} ms`);
    assertWithin("the answer", tookMs, 3_000, startedAt);
    assert.deepEqual(await scene.calls("llm"), { running: 1, waiting: 0 });
    assert.deepEqual((await scene.scrape()).of("parley_tokens_total"), before);
    assert.deepEqual(scene.failures(), [0, 0, 0, 0]);
    held.release();
    await held.ended;
    assert.equal(scene.provider.requests.length, 1);
  });

  it("is not asked any more where its turn leaves no chance for a first word", async (t) => {
    await begin(t, { firstTextMs: 900 });
    scene.provider.reply(SILENT);
    const startedAt = instant();
    const waiting = ask(scene.model);
    await until("most of the time is over", () => instant() > startedAt + 700);
    held.release();
    assert.partialDeepStrictEqual((await waiting).reply, TOO_LATE);
    // Its last words may still be unread: they and the time fall due together where the machine stood still.
    await held.ended;
    assert.equal(scene.provider.requests.length, 1);
    assert.deepEqual(await scene.calls("llm"), { running: 0, waiting: 0 });
  });

  it("and then meets silence in what is left of its time, does not hold that against the provider", async (t) => {
    await begin(t, { firstTextMs: 3_000 });
    scene.provider.reply(SILENT);
    const startedAt = instant();
    const waiting = ask(scene.model);
    await until("some of the time is over", () => instant() > startedAt + 700);
    held.release();
    const heard = await waiting;
    // The wait in line is part of the time.
    assertWithin("the answer", instant() - startedAt, 6_000, startedAt);
    assert.partialDeepStrictEqual(heard.reply, TOO_LATE);
    assert.equal(scene.provider.requests.length, 2);
    assert.deepEqual(scene.failures(), [0, 0, 0, 0]);
  });

  it("does not begin to wait where the breaker takes no calls anyway", async (t) => {
    await begin(t);
    const breaker = scene.circuits.get("llm");
    for (let failed = 0; failed < 5; failed += 1)
      await assert.rejects(breaker.run(() => Promise.reject(sickness("ill")), NEVER));
    assert.equal(breaker.state, "open");
    assert.partialDeepStrictEqual((await ask(scene.model)).reply, REFUSED);
    assert.deepEqual(await scene.calls("llm"), { running: 1, waiting: 0 });
    assert.equal((await scene.scrape()).value("parley_limits_total", { limit: "llm-calls" }), 0);
    held.release();
    await held.ended;
  });

  it("a hundred that are refused neither open the breaker nor are tried again", async (t) => {
    await begin(t, { env: { RETRY_MAX_ATTEMPTS: "3", RETRY_WAIT_MIN: "0.01" } });
    const waiting = ask(scene.model);
    await settle();
    const refused = await Promise.all(Array.from({ length: 100 }, () => ask(scene.model)));
    for (const { reply } of refused) assert.partialDeepStrictEqual(reply, REFUSED);
    assert.deepEqual(scene.failures(), [0, 0, 0, 0]);
    assert.equal(scene.circuits.get("llm").state, "closed");
    assert.equal(scene.logger.named("llm_call_retry").length, 0);
    assert.equal(scene.provider.requests.length, 1);
    scene.provider.reply(OK);
    held.release();
    assert.equal((await waiting).reply?.source, "model");
  });
});
