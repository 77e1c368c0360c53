// Which client a configuration makes, what is logged of it, and that a process has one.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createCircuits } from "#app/core/circuits.ts";
import { parseConfig } from "#app/core/config.ts";
import {
  createChatModelClient,
  createFallbackClient,
  getChatModelClient,
} from "#app/services/llm/factory.ts";
import { isProviderFailure } from "#app/services/llm/guarded-client.ts";
import { createModelStack } from "../../support/model-stack.ts";
import { say } from "../../support/provider-chunks.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { ask, KEY } from "../../support/remote-request.ts";
import { startScriptableProvider } from "../../support/scriptable-provider.ts";

function make(env: Readonly<Record<string, string>>) {
  const logger = createRecordingLogger();
  return { logger, client: createChatModelClient(parseConfig(env).llm, { logger }) };
}

describe("the factory of model clients", () => {
  it("makes the offline client without a breaker", () => {
    const { client, logger } = make({});
    assert.equal(client.provider, "offline");
    assert.equal(client.breaker, undefined);
    assert.deepEqual(logger.lines, [
      { level: "info", event: "llm_manager_initialized", fields: { provider: "offline" } },
    ]);
  });

  it("logs provider, model and host of a remote one, and never its key", () => {
    const { logger } = make({
      AZURE_AI_ENDPOINT: "https://x.services.ai.azure.com/models",
      AZURE_AI_CREDENTIAL: KEY,
      DEEPSEEK_MODEL_NAME: "DeepSeek-V3-0324",
    });
    assert.deepEqual(
      logger.lines.map(({ fields }) => fields),
      [{ provider: "deepseek", model: "DeepSeek-V3-0324", host: "x.services.ai.azure.com", tracing: false }],
    );
  });

  it("warns of a key that leaves the machine unencrypted, and of nothing else", () => {
    const warnings = (env: Readonly<Record<string, string>>) =>
      make(env).logger.named("llm_key_sent_unencrypted").length;
    assert.equal(warnings({ OPENAI_BASE_URL: "http://vllm:8000/v1", OPENAI_API_KEY: KEY }), 1);
    assert.equal(warnings({ OPENAI_BASE_URL: "http://vllm:8000/v1" }), 0);
    assert.equal(warnings({ OPENAI_BASE_URL: "http://localhost:8000/v1", OPENAI_API_KEY: KEY }), 0);
    assert.equal(warnings({ OPENAI_API_KEY: KEY }), 0);
  });

  for (const [name, path, env] of [
    ["openai", "/v1/chat/completions", (origin: string) => ({ OPENAI_BASE_URL: `${origin}/v1` })],
    [
      "deepseek",
      "/models/chat/completions?api-version=2024-05-01-preview",
      (origin: string) => ({
        AZURE_AI_ENDPOINT: `${origin}/models`,
        AZURE_AI_CREDENTIAL: KEY,
        DEEPSEEK_DEPLOYMENT_NAME: "mine",
      }),
    ],
  ] as const) {
    for (const tracing of ["false", "true"]) {
      it(`makes a client of ${name} that answers, retries and counts, LANGSMITH_TRACING=${tracing}`, async () => {
        await using provider = await startScriptableProvider();
        provider.reply({ status: 503 }, { steps: say.answer("fine") });
        const { client, logger } = make({
          ...env(provider.origin),
          RETRY_WAIT_MIN: "0.01",
          LANGSMITH_TRACING: tracing,
          LANGSMITH_API_KEY: "ls-key",
        });
        assert.equal(client.provider, name);
        assert.equal((await ask(client)).text, "fine");
        assert.equal(provider.requests.at(-1)?.url, path);
        assert.equal(logger.named("llm_call_retry").length, 1);
        assert.equal(client.breaker?.failures, 1);
      });
    }
  }

  it("takes the process's breaker and other pauses where they are given", async () => {
    await using provider = await startScriptableProvider();
    provider.reply({ status: 503 }, { status: 503 }, { steps: say.answer("fine") });
    const { llm, circuits: settings } = parseConfig({
      OPENAI_BASE_URL: `${provider.origin}/v1`,
      RETRY_MAX_ATTEMPTS: "1",
    });
    const logger = createRecordingLogger();
    const circuits = createCircuits({ settings, isFailure: { "fallback-llm": isProviderFailure }, logger });
    const breaker = circuits.get("fallback-llm");
    const retry = { maxAttempts: 3, waitMinMs: 1, waitMaxMs: 10 };
    const client = createChatModelClient(llm, { logger, breaker, retry });
    assert.equal(client.breaker, breaker);
    assert.equal((await ask(client)).text, "fine");
    assert.deepEqual(
      circuits.list().map(({ name, failures }) => [name, failures]),
      [
        ["llm", 0],
        ["fallback-llm", 2],
        ["redis", 0],
        ["mail", 0],
      ],
    );
    circuits.close();
  });

  it("makes a fallback client under a name of its own, with the process's breaker for it", async () => {
    await using provider = await startScriptableProvider();
    provider.reply({ status: 503 }, { steps: say.answer("fine") });
    const logger = createRecordingLogger();
    const { circuits: settings } = parseConfig({});
    const circuits = createCircuits({ settings, isFailure: { "fallback-llm": isProviderFailure }, logger });
    const breaker = circuits.get("fallback-llm");
    const config = { baseUrl: `${provider.origin}/v1`, apiKey: KEY, model: "small", callsAtOnce: 1 };
    const retry = { maxAttempts: 2, waitMinMs: 1, waitMaxMs: 10 };
    const client = createFallbackClient(config, { logger, breaker, retry, tracing: false });
    assert.equal((await ask(client)).text, "fine");
    const { body, headers } = provider.requests.at(-1) ?? assert.fail("nothing was asked");
    assert.deepEqual([body.model, headers.authorization], ["small", `Bearer ${KEY}`]);
    assert.equal(breaker.failures, 1);
    assert.partialDeepStrictEqual(logger.named("llm_manager_initialized")[0]?.fields, {
      provider: "fallback",
    });
    assert.partialDeepStrictEqual(logger.named("llm_call_retry")[0]?.fields, { provider: "fallback" });
    assert.ok(!JSON.stringify(logger.lines).includes(KEY));
    circuits.close();
  });

  it("puts no ladder under the offline provider: it is the ground itself, and asks nobody", async (t) => {
    await using provider = await startScriptableProvider();
    const env = {
      OPENAI_BASE_URL: `${provider.origin}/v1`,
      FALLBACK_OPENAI_BASE_URL: `${provider.origin}/v1`,
    };
    const { model } = createModelStack(t, { ...env, FALLBACK_OPENAI_MODEL: "m", LLM_PROVIDER: "offline" });
    assert.equal(model.provider, "offline");
    assert.deepEqual((await ask(model)).reply, { source: "scripted", finishReason: "stop" });
    assert.equal(provider.requests.length, 0);
  });

  it("gives every client that stands alone a breaker of its own, and the process one client", () => {
    const env = { OPENAI_API_KEY: KEY };
    assert.notEqual(make(env).client.breaker, make(env).client.breaker);
    const logger = createRecordingLogger();
    const first = getChatModelClient(parseConfig(env).llm, { logger });
    assert.equal(getChatModelClient(parseConfig({}).llm, { logger }), first);
    assert.equal(logger.named("llm_manager_initialized").length, 1);
  });
});
