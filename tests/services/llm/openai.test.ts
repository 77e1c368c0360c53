// OpenAI's own API and the servers that speak it: addresses, headers, dialect, and the contract of remote models.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createChatCompletionsClient } from "#app/services/llm/chat-completions.ts";
import { modelFor, toCompletionBody } from "#app/services/llm/endpoint.ts";
import { openAiEndpoint } from "#app/services/llm/openai.ts";
import { describeRemoteChatModel } from "../../contracts/remote-chat-model.ts";
import { KEY, REQUEST } from "../../support/remote-request.ts";

const SETTINGS = {
  baseUrl: "https://api.openai.com/v1",
  apiKey: KEY,
  model: "gpt-4.1-mini",
  allowedModels: ["other"],
};

describeRemoteChatModel("an OpenAI-compatible server", (origin, deadlines) =>
  createChatCompletionsClient(openAiEndpoint({ ...SETTINGS, baseUrl: `${origin}/v1` }), deadlines),
);

describe("the address of an OpenAI-compatible server", () => {
  for (const [baseUrl, expected] of [
    ["https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"],
    ["http://localhost:11434/v1/", "http://localhost:11434/v1/chat/completions"],
    ["http://localhost:8080", "http://localhost:8080/chat/completions"],
    ["http://host/v1/chat/completions", "http://host/v1/chat/completions"],
    ["http://host/v1/chat/completions/", "http://host/v1/chat/completions"],
    ["https://gateway.example/openai//?tenant=7", "https://gateway.example/openai/chat/completions?tenant=7"],
  ] as const) {
    it(`${baseUrl} becomes ${expected}`, () => {
      assert.equal(openAiEndpoint({ ...SETTINGS, baseUrl }).url.href, expected);
    });
  }
});

describe("the dialect of an OpenAI-compatible server", () => {
  it("carries the key as a bearer token, and no header without a key", () => {
    assert.deepEqual(openAiEndpoint(SETTINGS).headers, { authorization: `Bearer ${KEY}` });
    const { apiKey: _, ...keyless } = SETTINGS;
    assert.deepEqual(openAiEndpoint(keyless).headers, {});
  });

  it("bounds the reply by max_completion_tokens at OpenAI, by max_tokens elsewhere", () => {
    const bodyAt = (baseUrl: string) => toCompletionBody(openAiEndpoint({ ...SETTINGS, baseUrl }), REQUEST);
    const own = bodyAt("https://api.openai.com/v1");
    assert.ok("max_completion_tokens" in own && own.max_completion_tokens === 600 && !("max_tokens" in own));
    const other = bodyAt("http://localhost:8000/v1");
    assert.ok("max_tokens" in other && other.max_tokens === 600 && !("max_completion_tokens" in other));
  });

  it("sends no sampling to models that refuse it", () => {
    for (const [model, samples] of [
      ["gpt-4.1-mini", true],
      ["gpt-4o", true],
      ["gpt-5-chat-latest", true],
      ["llama-o3", true],
      ["gpt-5-mini", false],
      ["o3", false],
      ["o4-mini", false],
      ["openai/o3-mini", false],
    ] as const) {
      const body = toCompletionBody(openAiEndpoint({ ...SETTINGS, model }), REQUEST);
      assert.equal("temperature" in body, samples, model);
      assert.equal("top_p" in body, samples, model);
    }
  });

  it("asks for the persona's model where that is allowed, else for the configured one", () => {
    const endpoint = openAiEndpoint(SETTINGS);
    assert.equal(modelFor(endpoint, null), "gpt-4.1-mini");
    assert.equal(modelFor(endpoint, "other"), "other");
    assert.equal(modelFor(endpoint, "expensive"), "gpt-4.1-mini");
  });
});
