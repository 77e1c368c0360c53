// OpenAI, and every server that speaks its API: vLLM, Ollama, llama-server, gateways.

import type { LlmConfig } from "#app/core/llm-config.ts";
import type { ModelEndpoint } from "./endpoint.ts";

type OpenAiSettings = Pick<
  Extract<LlmConfig, { provider: "openai" }>,
  "baseUrl" | "apiKey" | "model" | "allowedModels"
>;

/** `POST {baseUrl}/chat/completions`; a query of the base URL is kept, slashes at its end do no harm. */
export function openAiEndpoint({ baseUrl, apiKey, model, allowedModels }: OpenAiSettings): ModelEndpoint {
  const url = new URL(baseUrl);
  url.pathname = `${url.pathname.replace(/(?:\/chat\/completions)?\/*$/, "")}/chat/completions`;
  return {
    provider: "openai",
    url,
    headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
    defaultModel: model,
    allowedModels,
    tokenLimitField: url.hostname === "api.openai.com" ? "max_completion_tokens" : "max_tokens",
  };
}
