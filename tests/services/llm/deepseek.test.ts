// DeepSeek on Azure AI Foundry: both forms of the address, under the contract of remote models, and beside what
// LangChain's ChatOpenAI sends to the same address.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ChatOpenAI } from "@langchain/openai";
import { createChatCompletionsClient } from "#app/services/llm/chat-completions.ts";
import { deepSeekEndpoint } from "#app/services/llm/deepseek.ts";
import { describeRemoteChatModel } from "../../contracts/remote-chat-model.ts";
import { say } from "../../support/provider-chunks.ts";
import { ask, KEY, PATIENT, REQUEST } from "../../support/remote-request.ts";
import { startScriptableProvider } from "../../support/scriptable-provider.ts";

const SETTINGS = { apiKey: KEY, model: "DeepSeek-V3-0324", allowedModels: [] };
const FORMS = ["/models", "/openai/v1"] as const;

for (const form of FORMS) {
  describeRemoteChatModel(`DeepSeek at …${form}`, (origin, deadlines) =>
    createChatCompletionsClient(deepSeekEndpoint({ ...SETTINGS, endpoint: origin + form }), deadlines),
  );
}

describe("the address of DeepSeek on Azure", () => {
  const host = "https://x.services.ai.azure.com";
  const versioned = `${host}/models/chat/completions?api-version=2024-05-01-preview`;
  for (const [path, expected] of [
    ["/models", versioned],
    ["/models/", versioned],
    ["/models//", versioned],
    ["/models/chat/completions", versioned],
    ["/models?api-version=2025-01-01", `${host}/models/chat/completions?api-version=2025-01-01`],
    ["/openai/v1", `${host}/openai/v1/chat/completions`],
    ["/openai/v1/", `${host}/openai/v1/chat/completions`],
    ["/openai/v1/chat/completions", `${host}/openai/v1/chat/completions`],
  ] as const) {
    it(`${path} becomes ${expected.slice(host.length)}`, () => {
      assert.equal(deepSeekEndpoint({ ...SETTINGS, endpoint: host + path }).url.href, expected);
    });
  }

  it("carries the key as Azure wants it, and has unknown parameters dropped by the form that refuses them", () => {
    const [models, openAi] = FORMS.map(
      (form) => deepSeekEndpoint({ ...SETTINGS, endpoint: host + form }).headers,
    );
    assert.deepEqual(models, { "api-key": KEY, "extra-parameters": "drop" });
    assert.deepEqual(openAi, { "api-key": KEY, authorization: `Bearer ${KEY}` });
  });
});

describe("a request to DeepSeek on Azure", () => {
  for (const form of FORMS) {
    it(`is at …${form} the one that ChatOpenAI sends: path, query, key and body`, async () => {
      await using provider = await startScriptableProvider();
      provider.reply({ steps: say.answer("ok") });
      const baseURL = provider.origin + form;
      await ask(createChatCompletionsClient(deepSeekEndpoint({ ...SETTINGS, endpoint: baseURL }), PATIENT));
      const isModels = form === "/models";
      const chat = new ChatOpenAI({
        model: SETTINGS.model,
        apiKey: KEY,
        temperature: REQUEST.model.temperature,
        topP: REQUEST.model.topP,
        maxTokens: REQUEST.model.maxOutputTokens,
        maxRetries: 0,
        configuration: {
          baseURL,
          defaultHeaders: { "api-key": KEY, ...(isModels && { "extra-parameters": "drop" }) },
          ...(isModels && { defaultQuery: { "api-version": "2024-05-01-preview" } }),
        },
      });
      const messages = REQUEST.messages.map(({ role, content }) => ({ role, content }));
      let text = "";
      for await (const piece of await chat.stream(messages)) text += piece.text;
      assert.equal(text, "ok");

      const [ours, theirs] = provider.requests;
      assert.ok(ours && theirs);
      assert.equal(ours.url, theirs.url);
      assert.deepEqual(ours.body, theirs.body);
      for (const header of ["api-key", "extra-parameters", "content-type"])
        assert.equal(ours.headers[header], theirs.headers[header], header);
      // ChatOpenAI always sends a bearer token; the form …/models does not want one.
      assert.equal(ours.headers.authorization, isModels ? undefined : theirs.headers.authorization);
    });
  }
});
