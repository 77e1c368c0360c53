// The model's part of the environment: which provider `auto` takes, what each one needs, and what is refused by name.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConfigError, parseConfig } from "#app/core/config.ts";
import { isLoopback } from "#app/core/llm-config.ts";

const AZURE = {
  AZURE_AI_ENDPOINT: "https://x.services.ai.azure.com/models",
  AZURE_AI_CREDENTIAL: "azure-key",
  DEEPSEEK_MODEL_NAME: "DeepSeek-V3-0324",
};
const OPENAI = { OPENAI_API_KEY: "sk-1" };

const llmOf = (env: Readonly<Record<string, string>>) => parseConfig(env).llm;

function refusedVariables(env: Readonly<Record<string, string>>): string[] {
  try {
    parseConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.map(({ variable }) => variable);
  }
  return [];
}

describe("the provider of auto", () => {
  for (const [what, env, provider] of [
    ["offline when nothing is set", {}, "offline"],
    ["offline when only a model is named", { OPENAI_MODEL: "x", DEEPSEEK_MODEL_NAME: "y" }, "offline"],
    ["Azure when its variables are set", AZURE, "deepseek"],
    ["Azure before OpenAI", { ...AZURE, ...OPENAI }, "deepseek"],
    ["OpenAI with a key", OPENAI, "openai"],
    ["OpenAI's API with a base URL and no key", { OPENAI_BASE_URL: "http://localhost:11434/v1" }, "openai"],
  ] as const) {
    test(`is ${what}`, () => assert.equal(llmOf(env).provider, provider));
  }

  test("yields to a provider that is named", () => {
    assert.equal(llmOf({ ...AZURE, ...OPENAI, LLM_PROVIDER: "openai" }).provider, "openai");
    assert.equal(llmOf({ ...AZURE, ...OPENAI, LLM_PROVIDER: "offline" }).provider, "offline");
  });
});

describe("a provider that lacks a variable is refused by its name", () => {
  for (const [env, missing] of [
    [{ LLM_PROVIDER: "deepseek" }, ["AZURE_AI_ENDPOINT", "AZURE_AI_CREDENTIAL", "DEEPSEEK_MODEL_NAME"]],
    [{ LLM_PROVIDER: "openai" }, ["OPENAI_API_KEY"]],
    [{ AZURE_AI_CREDENTIAL: "azure-key" }, ["AZURE_AI_ENDPOINT", "DEEPSEEK_MODEL_NAME"]],
    [
      { AZURE_AI_ENDPOINT: AZURE.AZURE_AI_ENDPOINT, ...OPENAI },
      ["AZURE_AI_CREDENTIAL", "DEEPSEEK_MODEL_NAME"],
    ],
    [{ LANGSMITH_TRACING: "true" }, ["LANGSMITH_API_KEY"]],
    [{ FALLBACK_OPENAI_BASE_URL: "http://localhost:1/v1" }, ["FALLBACK_OPENAI_MODEL"]],
    [{ FALLBACK_OPENAI_API_KEY: "sk-2" }, ["FALLBACK_OPENAI_MODEL"]],
    [{ FALLBACK_OPENAI_MODEL: "m" }, ["FALLBACK_OPENAI_BASE_URL"]],
    [{ RETRY_WAIT_MIN: "5", RETRY_WAIT_MAX: "4.9" }, ["RETRY_WAIT_MAX"]],
    [{ RETRY_WAIT_MIN: "11" }, ["RETRY_WAIT_MAX"]],
  ] as const) {
    test(JSON.stringify(env), () => assert.deepEqual(refusedVariables(env), missing));
  }

  test("and only when it is the one that answers", () => {
    assert.deepEqual(refusedVariables({ AZURE_AI_CREDENTIAL: "azure-key", LLM_PROVIDER: "offline" }), []);
    assert.deepEqual(
      refusedVariables({ AZURE_AI_CREDENTIAL: "azure-key", LLM_PROVIDER: "openai", ...OPENAI }),
      [],
    );
  });
});

describe("an Azure endpoint that is none is refused", () => {
  for (const endpoint of [
    "x.services.ai.azure.com/models",
    "https://x.services.ai.azure.com",
    "https://x.services.ai.azure.com/api/projects/p",
    "https://x.services.ai.azure.com/models/y",
    "http://x.services.ai.azure.com/models",
    "https://user@x.services.ai.azure.com/models",
    "ftp://x.services.ai.azure.com/models",
  ])
    test(endpoint, () => {
      assert.deepEqual(refusedVariables({ ...AZURE, AZURE_AI_ENDPOINT: endpoint }), ["AZURE_AI_ENDPOINT"]);
    });

  test("and so is a key that no header can carry", () => {
    for (const key of ["two words", "kéy"])
      assert.deepEqual(refusedVariables({ ...AZURE, AZURE_AI_CREDENTIAL: key }), ["AZURE_AI_CREDENTIAL"]);
  });
});

describe("the model's settings", () => {
  test("of DeepSeek: the deployment's name goes before the model's", () => {
    const { DEEPSEEK_MODEL_NAME: name } = AZURE;
    assert.deepEqual(llmOf(AZURE), {
      ...llmOf({}),
      provider: "deepseek",
      endpoint: AZURE.AZURE_AI_ENDPOINT,
      apiKey: "azure-key",
      model: name,
      allowedModels: [name],
      callsAtOnce: 500,
    });
    const deployed = llmOf({ ...AZURE, DEEPSEEK_DEPLOYMENT_NAME: "mine" });
    assert.deepEqual(deployed.allowedModels, ["mine"]);
  });

  test("of OpenAI: its own address and a default model; elsewhere no key is needed", () => {
    const common = {
      ...llmOf({}),
      provider: "openai",
      model: "gpt-4.1-mini",
      allowedModels: ["gpt-4.1-mini"],
      callsAtOnce: 500,
    };
    assert.deepEqual(llmOf(OPENAI), { ...common, baseUrl: "https://api.openai.com/v1", apiKey: "sk-1" });
    const baseUrl = "http://localhost:8080/v1";
    assert.deepEqual(llmOf({ OPENAI_BASE_URL: baseUrl }), { ...common, baseUrl });
  });

  test("hold the configured model among the allowed ones, once", () => {
    const { allowedModels } = llmOf({ ...OPENAI, LLM_ALLOWED_MODELS: "a, gpt-4.1-mini,deepseek/b:free," });
    assert.deepEqual(allowedModels, ["gpt-4.1-mini", "a", "deepseek/b:free"]);
    assert.deepEqual(llmOf({ LLM_ALLOWED_MODELS: "a" }).allowedModels, ["a"]);
  });

  test("of retry and breaker come in milliseconds", () => {
    const env = {
      CIRCUIT_BREAKER_FAILURE_THRESHOLD: "7",
      CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "9",
      RETRY_MAX_ATTEMPTS: "1",
    };
    const { breaker, retry } = llmOf({ ...env, RETRY_WAIT_MIN: "0.5", RETRY_WAIT_MAX: "2.25" });
    assert.deepEqual(breaker, { failureThreshold: 7, recoveryMs: 9_000 });
    assert.deepEqual(retry, { maxAttempts: 1, waitMinMs: 500, waitMaxMs: 2_250 });
  });

  test("of the fallback model: its own address, or OpenAI's with a key", () => {
    const FALLBACK = { FALLBACK_OPENAI_MODEL: "small", FALLBACK_OPENAI_API_KEY: "sk-2" };
    const common = { model: "small", callsAtOnce: 100 };
    const atOpenAi = { ...common, baseUrl: "https://api.openai.com/v1", apiKey: "sk-2" };
    assert.deepEqual(llmOf({ ...AZURE, ...FALLBACK }).fallback, atOpenAi);
    const baseUrl = "http://localhost:8080/v1";
    const local = { FALLBACK_OPENAI_MODEL: "small", FALLBACK_OPENAI_BASE_URL: baseUrl };
    assert.deepEqual(llmOf({ ...OPENAI, ...local }).fallback, { ...common, baseUrl });
    assert.equal(llmOf(OPENAI).fallback, undefined);
    assert.deepEqual(llmOf({ ...OPENAI, ...local }).allowedModels, ["gpt-4.1-mini"]);
  });

  test("of the fallback model are none where no model is asked at all", () => {
    const env = { ...OPENAI, FALLBACK_OPENAI_MODEL: "small", FALLBACK_OPENAI_API_KEY: "sk-2" };
    assert.equal(llmOf({ ...env, LLM_PROVIDER: "offline" }).fallback, undefined);
  });

  test("take tracing from LangSmith's own variable", () => {
    assert.equal(llmOf({ LANGSMITH_API_KEY: "ls" }).tracing, false);
    assert.equal(llmOf({ LANGSMITH_API_KEY: "ls", LANGSMITH_TRACING: "true" }).tracing, true);
  });

  test("cannot be changed", () => {
    for (const env of [{}, AZURE, OPENAI]) {
      const llm = llmOf(env);
      for (const part of [llm, llm.breaker, llm.retry, llm.allowedModels]) assert.ok(Object.isFrozen(part));
    }
  });
});

test("what stays on this machine is told from what leaves it", () => {
  for (const [url, stays] of [
    ["http://localhost:1/v1", true],
    ["http://127.0.0.1", true],
    ["http://[::1]:8", true],
    ["http://127.0.0.1.example.org", false],
    ["http://localhost.example.org", false],
    ["http://10.0.0.1", false],
  ] as const)
    assert.equal(isLoopback(new URL(url)), stays, url);
});

describe("how many calls of a model are under way at once", () => {
  const SECOND = { FALLBACK_OPENAI_API_KEY: "sk-2", FALLBACK_OPENAI_MODEL: "m" };
  const placesOf = (env: Readonly<Record<string, string>>) => {
    const { fallback, ...llm } = llmOf(env);
    return [llm.provider === "offline" ? undefined : llm.callsAtOnce, fallback?.callsAtOnce];
  };
  for (const [what, env, expected] of [
    ["as many as replies, and 100 at the fallback", { ...OPENAI, ...SECOND }, [500, 100]],
    ["as many as replies where only these are set", { ...AZURE, RUNS_AT_ONCE: "2000" }, [2000, undefined]],
    ["its own number", { ...OPENAI, RUNS_AT_ONCE: "2000", LLM_CALLS_AT_ONCE: "8" }, [8, undefined]],
    [
      "its own number each",
      { ...AZURE, ...SECOND, LLM_CALLS_AT_ONCE: "8", FALLBACK_LLM_CALLS_AT_ONCE: "2" },
      [8, 2],
    ],
    ["none where there is no model", { LLM_CALLS_AT_ONCE: "8" }, [undefined, undefined]],
  ] as const) {
    test(`is ${what}`, () => assert.deepEqual(placesOf(env), expected));
  }

  test("is refused where it is no number of calls, with the variable that holds where it is left out", () => {
    for (const value of ["0", "100001", "1.5", "all"]) {
      assert.deepEqual(refusedVariables({ FALLBACK_LLM_CALLS_AT_ONCE: value }), [
        "FALLBACK_LLM_CALLS_AT_ONCE",
      ]);
      const refusal = /LLM_CALLS_AT_ONCE must .+ \(leave it out for that of RUNS_AT_ONCE\)/;
      assert.throws(() => parseConfig({ LLM_CALLS_AT_ONCE: value }), refusal);
    }
  });
});
