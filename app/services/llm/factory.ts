// Chooses the language model: the one place that knows which providers there are.

import type { ChatModelClient } from "./client.ts";
import { createOfflineClient } from "./offline.ts";

/** A provider was named that this version, or this environment, cannot serve. */
export class ModelUnavailableError extends Error {
  override readonly name = "ModelUnavailableError";
}

/**
 * The client of the configured provider. `auto` takes the first that the environment has a key for.
 * @throws ModelUnavailableError naming the variable to change
 */
export function createChatModelClient(provider: "auto" | "deepseek" | "openai" | "offline"): ChatModelClient {
  switch (provider) {
    case "auto":
    case "offline":
      return createOfflineClient();
    case "deepseek":
    case "openai":
      throw new ModelUnavailableError(
        `LLM_PROVIDER=${provider} is not available in this version; use auto or offline, which answer from the personas' own text.`,
      );
    default:
      return provider satisfies never;
  }
}
