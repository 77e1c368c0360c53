// A provider that nobody here wrote: @copilotkit/aimock. What our client says to it, and what it makes of its faults.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { LLMock } from "@copilotkit/aimock";
import { parseConfig } from "#app/core/config.ts";
import { AppError } from "#app/core/errors.ts";
import { type ChatModel, createChatModelClient } from "#app/services/llm/factory.ts";
import { faultOf } from "#app/services/llm/provider-fault.ts";
import { createRecordingLogger, type RecordingLogger } from "../../support/recording-logger.ts";
import { ask, REQUEST } from "../../support/remote-request.ts";

const REPLY = "I was born on 10 December 1815 in London. 😀 What else would you like to know?";

describe("aimock as the provider", () => {
  const mock = new LLMock({ port: 0, strict: true });
  let logger: RecordingLogger;
  before(() => mock.start());
  after(() => mock.stop());
  afterEach(() => mock.reset());
  const connect = (env: Readonly<Record<string, string>> = {}): ChatModel => {
    logger = createRecordingLogger();
    const { llm } = parseConfig({
      OPENAI_BASE_URL: `${mock.url}/v1`,
      OPENAI_API_KEY: "mock",
      RETRY_WAIT_MIN: "0.01",
      RETRY_MAX_ATTEMPTS: "2",
      ...env,
    });
    return createChatModelClient(llm, { logger });
  };

  for (const tracing of ["false", "true"]) {
    it(`streams its reply, with usage and the persona's prompt arrived, LANGSMITH_TRACING=${tracing}`, async () => {
      mock.onMessage(/When were you born/, { content: REPLY }, { chunkSize: 5 });
      const client = connect({ LANGSMITH_TRACING: tracing, LANGSMITH_API_KEY: "unused" });
      const heard = await ask(client);
      assert.equal(heard.error, undefined);
      assert.equal(heard.text, REPLY);
      assert.ok(heard.deltas.length > 5);
      assert.equal(heard.reply?.finishReason, "stop");
      assert.ok((heard.reply?.usage?.outputTokens ?? 0) > 0);
      const body: unknown = mock.journal.getLast()?.body;
      assert.ok(typeof body === "object" && body !== null && "messages" in body);
      assert.deepEqual(body.messages, REQUEST.messages);
    });
  }

  it("is asked again after a 500, and then answers", async () => {
    mock.onMessage(/born/, { content: REPLY });
    mock.nextRequestError(500, { message: "no", type: "server_error" });
    assert.equal((await ask(connect())).text, REPLY);
    assert.equal(logger.named("llm_call_retry").length, 1);
  });

  it("is asked again after a 429", async () => {
    mock.onMessage(/born/, { content: REPLY });
    mock.nextRequestError(429, { message: "slow down", type: "rate_limit_error" });
    assert.equal((await ask(connect())).text, REPLY);
  });

  it("is not asked again after a 401", async () => {
    mock.onMessage(/born/, { content: REPLY });
    mock.nextRequestError(401, { message: "no", type: "authentication_error" });
    const { error } = await ask(connect());
    assert.ok(error instanceof AppError && error.code === "llm_unavailable");
    assert.equal(faultOf(error)?.status, 401);
    assert.equal(logger.named("llm_call_retry").length, 0);
  });

  it("breaks off in mid-answer: what came is kept, the fault is told and counted", async () => {
    mock.onMessage(/born/, { content: REPLY }, { chunkSize: 5, latency: 5, truncateAfterChunks: 6 });
    const client = connect();
    const heard = await ask(client);
    assert.ok(heard.error instanceof AppError && heard.error.code === "llm_unavailable");
    assert.ok(heard.text !== "" && REPLY.startsWith(heard.text));
    assert.equal(client.breaker?.failures, 1);
  });

  it("answers malformed JSON, by its chaos options: never half a success", async () => {
    mock.onMessage(/born/, { content: REPLY }, { chaos: { malformedRate: 1 } });
    const heard = await ask(connect());
    assert.ok(heard.error instanceof AppError && heard.error.code === "llm_unavailable");
    assert.equal(heard.text, "");
  });

  it("disconnects, by its chaos options", async () => {
    mock.onMessage(/born/, { content: REPLY }, { chaos: { disconnectRate: 1 } });
    const heard = await ask(connect());
    assert.ok(heard.error instanceof AppError && heard.error.code === "llm_unavailable");
  });
});
