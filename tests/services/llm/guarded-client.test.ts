// Retry and breaker around a real client, against a provider that fails: what is tried again, what is counted, what a
// visitor gets to hear.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it, mock } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { CircuitBreaker } from "#app/core/resilience.ts";
import { createChatCompletionsClient } from "#app/services/llm/chat-completions.ts";
import type { ChatModelClient } from "#app/services/llm/client.ts";
import { createGuardedClient, isProviderFailure } from "#app/services/llm/guarded-client.ts";
import { describeChatModelClient } from "../../contracts/chat-model-client.ts";
import { say } from "../../support/provider-chunks.ts";
import { createRecordingLogger, type RecordingLogger } from "../../support/recording-logger.ts";
import { ask, endpointAt, KEY, PATIENT, REQUEST } from "../../support/remote-request.ts";
import {
  type ProviderReply,
  type ScriptableProvider,
  startScriptableProvider,
} from "../../support/scriptable-provider.ts";
import { until } from "../../support/until.ts";

const OK: ProviderReply = { steps: say.answer("fine") };
const BROKEN: ProviderReply = {
  status: 500,
  headers: { "x-request-id": "req_7" },
  steps: [JSON.stringify(say.errorBody("server_error"))],
};
const DYING: ProviderReply = { steps: [say.content("a"), { pauseMs: 5 }], ending: "reset" };
/** Pauses of some milliseconds instead of seconds. */
const RETRY = { maxAttempts: 3, waitMinMs: 4, waitMaxMs: 40 };

function guard(client: ChatModelClient, logger: RecordingLogger) {
  const breaker = new CircuitBreaker({
    name: "llm",
    failureThreshold: 5,
    recoveryMs: 60_000,
    isFailure: isProviderFailure,
    logger,
  });
  return { breaker, client: createGuardedClient(client, { breaker, retry: RETRY, logger }) };
}

describeChatModelClient("the guarded client", async (text) => {
  const provider = await startScriptableProvider();
  const events = say.answer(...(text.match(/\S+\s*/g) ?? []));
  provider.reply({ steps: events.flatMap((event) => [event, { pauseMs: 1 }]) });
  const { client } = guard(
    createChatCompletionsClient(endpointAt(provider.origin), PATIENT),
    createRecordingLogger(),
  );
  return { client, request: REQUEST, close: () => provider.close() };
});

describe("the guarded client", () => {
  let provider: ScriptableProvider;
  let logger: RecordingLogger;
  let breaker: CircuitBreaker;
  let client: ChatModelClient;
  let asked: number;
  before(async () => {
    provider = await startScriptableProvider();
  });
  after(() => provider.close());
  beforeEach(() => {
    logger = createRecordingLogger();
    const plain = createChatCompletionsClient(endpointAt(provider.origin), PATIENT);
    ({ breaker, client } = guard(plain, logger));
    asked = provider.requests.length;
  });
  const attempts = () => provider.requests.length - asked;

  it("tries again before the first word, at most three times in all, and logs each pause", async () => {
    provider.reply(BROKEN, BROKEN, OK);
    const heard = await ask(client);
    assert.equal(heard.text, "fine");
    assert.equal(attempts(), 3);
    const retries = logger.named("llm_call_retry").map(({ fields }) => fields);
    assert.deepEqual(
      retries.map(({ attempt, code, status, providerCode, providerRequestId }) => [
        attempt,
        code,
        status,
        providerCode,
        providerRequestId,
      ]),
      [
        [1, "llm_unavailable", 500, "server_error", "req_7"],
        [2, "llm_unavailable", 500, "server_error", "req_7"],
      ],
    );
  });

  it("gives up after the third attempt with the last error", async () => {
    provider.reply(BROKEN);
    const { error } = await ask(client);
    assert.ok(error instanceof AppError && error.code === "llm_unavailable");
    assert.equal(attempts(), 3);
  });

  it("never tries again once a word has been said", async () => {
    provider.reply(DYING, OK);
    const heard = await ask(client);
    assert.equal(heard.text, "a");
    assert.ok(heard.error instanceof AppError);
    assert.equal(attempts(), 1);
    assert.equal((await ask(client)).text, "fine");
  });

  for (const status of [400, 401, 403, 404]) {
    it(`never tries a ${status} again, and does not count it`, async () => {
      provider.reply({ status });
      for (let calls = 0; calls < 6; calls += 1) assert.ok((await ask(client)).error instanceof AppError);
      assert.equal(attempts(), 6);
      assert.equal(breaker.failures, 0);
      assert.equal(breaker.state, "closed");
    });
  }

  it("waits as long as Retry-After says", async () => {
    provider.reply({ status: 429, headers: { "retry-after-ms": "35" } }, OK);
    assert.equal((await ask(client)).text, "fine");
    const delayMs = logger.named("llm_call_retry")[0]?.fields.delayMs;
    assert.ok(typeof delayMs === "number" && delayMs >= 35, `${String(delayMs)} ms`);
  });

  it("does not ask again a provider that wants to be left alone for longer, and tells the visitor when", async () => {
    provider.reply({ status: 429, headers: { "retry-after": "30" } });
    const { error } = await ask(client);
    assert.ok(error instanceof AppError && error.retryAfterMs === 30_000);
    assert.equal(attempts(), 1);
  });

  it("opens after five failures, attempts included, and then asks nobody and says when", async () => {
    provider.reply(BROKEN);
    await ask(client);
    const second = await ask(client);
    assert.equal(attempts(), 5);
    assert.equal(breaker.state, "open");
    assert.equal(logger.named("circuit_breaker_opened").length, 1);
    const third = await ask(client);
    assert.equal(attempts(), 5);
    for (const { error } of [second, third]) {
      assert.ok(error instanceof AppError && error.code === "llm_unavailable");
      assert.ok(error.retryAfterMs !== undefined && error.retryAfterMs > 59_000);
    }
    assert.equal(logger.named("llm_call_retry").length, 4);
  });

  it("opens after five streams that die in mid-answer", async () => {
    provider.reply(DYING);
    for (let calls = 0; calls < 5; calls += 1) assert.equal((await ask(client)).text, "a");
    assert.equal(attempts(), 5);
    assert.equal(breaker.state, "open");
  });

  it("opens when every second stream dies in mid-answer", async () => {
    provider.reply(OK, DYING, OK, DYING, OK, DYING, OK, DYING, OK, DYING);
    for (let calls = 0; calls < 9; calls += 1) await ask(client);
    assert.equal(breaker.state, "closed");
    assert.equal((await ask(client)).text, "a");
    assert.equal(breaker.state, "open");
    assert.equal(attempts(), 10);
  });

  it("does not open when a hundred visitors stop their replies", async () => {
    provider.reply({ steps: [say.content("a")], ending: "stall" });
    for (let calls = 0; calls < 100; calls += 1) {
      const stop = new AbortController();
      const reason = new Error("stopped");
      const streaming = client.stream(REQUEST, () => stop.abort(reason), stop.signal);
      await assert.rejects(streaming, (error) => error === reason);
    }
    assert.equal(attempts(), 100);
    assert.equal(breaker.state, "closed");
    assert.equal(breaker.failures, 0);
  });

  it("half-open: one stream probes to its first word, then the others go while it is still speaking", async () => {
    mock.timers.enable({ apis: ["Date"], now: Date.now() });
    provider.reply(BROKEN);
    await ask(client);
    await ask(client);
    assert.equal(breaker.state, "open");
    mock.timers.tick(60_000);
    const word = Promise.withResolvers<void>();
    const rest = Promise.withResolvers<void>();
    provider.reply(
      { steps: [say.ROLE, { until: word.promise }, say.content("a"), { until: rest.promise }, say.STOP] },
      OK,
    );
    asked = provider.requests.length;
    const probe = ask(client);
    await until("the probe at the provider", () => attempts() === 1);
    const others = Promise.all([ask(client), ask(client)]);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(attempts(), 1);
    word.resolve();
    assert.deepEqual(
      (await others).map(({ text }) => text),
      ["fine", "fine"],
    );
    rest.resolve();
    assert.equal((await probe).text, "a");
    assert.equal(breaker.state, "closed");
    assert.equal(logger.named("circuit_breaker_closed").length, 1);
    mock.timers.reset();
  });

  it("asks again at once over a new connection when the kept ones were closed", async () => {
    provider.reply(OK);
    await Promise.all([ask(client), ask(client), ask(client)]);
    const { connections } = provider;
    // The client has not yet heard of it when it sends the next request.
    provider.breakConnections();
    assert.equal((await ask(client)).text, "fine");
    assert.equal(provider.connections, connections + 1);
    assert.equal(logger.named("llm_call_retry").length, 0);
  });

  it("keeps its connection from reply to reply", async () => {
    provider.reply(OK);
    await ask(client);
    const { connections } = provider;
    for (let calls = 0; calls < 5; calls += 1) assert.equal((await ask(client)).text, "fine");
    assert.equal(provider.connections, connections);
  });

  it("logs neither key, prompt, reply nor the provider's words", async () => {
    provider.reply(BROKEN, DYING);
    await ask(client);
    const lines = JSON.stringify(logger.lines);
    for (const secret of [KEY, "THE-PROMPT", "sk-secret-in-the-body"]) assert.ok(!lines.includes(secret));
  });
});
