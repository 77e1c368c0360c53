// DeepSeek on Azure AI Foundry, in both forms of its address.
// `…/models` is Azure's own inference API: it has a version, and refuses parameters it does not know (`stream_options`)
// unless it is told to drop them. `…/openai/v1` is OpenAI's API, with either header for the key.

import type { LlmConfig } from "#app/core/llm-config.ts";
import type { ModelEndpoint } from "./endpoint.ts";

type DeepSeekSettings = Pick<
  Extract<LlmConfig, { provider: "deepseek" }>,
  "endpoint" | "apiKey" | "model" | "allowedModels"
>;

const API_VERSION = "2024-05-01-preview";

/** The form is told by the end of the path; slashes and `/chat/completions` at its end do no harm. */
export function deepSeekEndpoint({
  endpoint,
  apiKey,
  model,
  allowedModels,
}: DeepSeekSettings): ModelEndpoint {
  const url = new URL(endpoint);
  const base = url.pathname.replace(/\/*(?:\/chat\/completions)?\/*$/, "");
  const isModelsForm = base.endsWith("/models");
  url.pathname = `${base}/chat/completions`;
  if (isModelsForm && !url.searchParams.has("api-version")) url.searchParams.set("api-version", API_VERSION);
  return {
    provider: "deepseek",
    url,
    headers: isModelsForm
      ? { "api-key": apiKey, "extra-parameters": "drop" }
      : { "api-key": apiKey, authorization: `Bearer ${apiKey}` },
    defaultModel: model,
    allowedModels,
    tokenLimitField: "max_tokens",
  };
}
