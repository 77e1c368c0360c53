// A ChatModelClient for everyone who speaks `POST …/chat/completions`: the hot path, with a reader of our own.
// Measured: the SDK's and LangChain's iterators cost 2 to 2.7 times what a plain relay costs a token. One attempt only:
// retry and breaker are in guarded-client.ts.

import type { ChatModelClient } from "./client.ts";
import { completeStreaming } from "./completion-call.ts";
import { DEFAULT_DEADLINES, type Deadlines } from "./deadlines.ts";
import { type ModelEndpoint, modelFor, toCompletionBody } from "./endpoint.ts";

export function createChatCompletionsClient(
  endpoint: ModelEndpoint,
  deadlines: Deadlines = DEFAULT_DEADLINES,
): ChatModelClient {
  return {
    provider: endpoint.provider,
    async stream(request, onDelta, signal) {
      const outcome = await completeStreaming({
        endpoint,
        model: modelFor(endpoint, request.model.name),
        body: JSON.stringify(toCompletionBody(endpoint, request)),
        deadlines,
        firstText: request.firstText,
        onDelta,
        signal,
      });
      return { source: "model", ...outcome };
    },
  };
}
