// Where a chat completion is asked for, and in which dialect: what the providers differ in, as data.

import type { ChatModelRequest } from "./client.ts";

export interface ModelEndpoint {
  /** For logs and health: `openai`, `deepseek`. */
  readonly provider: string;
  readonly url: URL;
  /** Carries the key: never logged, never part of an error. */
  readonly headers: Readonly<Record<string, string>>;
  readonly defaultModel: string;
  /** Further names that a persona may ask for. */
  readonly allowedModels: readonly string[];
  /** OpenAI's own API knows `max_completion_tokens`, and its newer models refuse the other; everyone else knows that. */
  readonly tokenLimitField: "max_tokens" | "max_completion_tokens";
}

/** OpenAI's models that think first refuse every temperature but their own. A gateway puts a maker before the name. */
const FIXED_SAMPLING = /^(?:.*\/)?(?:o\d|gpt-[5-9](?!-chat))/;

/** The model that answers: the persona's choice where it is allowed, else the configured one. */
export function modelFor(
  endpoint: Pick<ModelEndpoint, "defaultModel" | "allowedModels">,
  name: string | null,
): string {
  return name !== null && endpoint.allowedModels.includes(name) ? name : endpoint.defaultModel;
}

/** The body of `POST …/chat/completions`. The length of the reply is always bounded. */
export function toCompletionBody(endpoint: ModelEndpoint, request: ChatModelRequest): object {
  const model = modelFor(endpoint, request.model.name);
  const { temperature, topP, maxOutputTokens } = request.model;
  return {
    model,
    messages: request.messages.map(({ role, content }) => ({ role, content })),
    stream: true,
    stream_options: { include_usage: true },
    ...(!FIXED_SAMPLING.test(model) && { temperature, top_p: topP }),
    [endpoint.tokenLimitField]: maxOutputTokens,
  };
}
