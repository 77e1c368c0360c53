// What the tests of remote models ask, and how they listen.

import type { ChatModelClient, ChatModelReply, ChatModelRequest } from "#app/services/llm/client.ts";
import type { Deadlines } from "#app/services/llm/deadlines.ts";
import type { ModelEndpoint } from "#app/services/llm/endpoint.ts";

export const REQUEST: ChatModelRequest = {
  messages: [
    { role: "system", content: "You are Ada. THE-PROMPT" },
    { role: "user", content: "When were you born? 😀" },
  ],
  passages: [],
  lines: { quota: "Enough for today.", fallback: "I do not know.", suggestions: [] },
  model: { name: null, temperature: 0.7, topP: 0.9, maxOutputTokens: 600 },
};

export const KEY = "sk-test-0123456789";

/** Far above what a loopback needs: a test that runs into one of these shows it. */
export const PATIENT: Deadlines = {
  connectMs: 5_000,
  headersMs: 5_000,
  firstContentMs: 5_000,
  idleMs: 5_000,
  totalMs: 10_000,
  trailerMs: 1_000,
};

export function endpointAt(origin: string, parts: Partial<ModelEndpoint> = {}): ModelEndpoint {
  return {
    provider: "openai",
    url: new URL(`${origin}/v1/chat/completions`),
    headers: { authorization: `Bearer ${KEY}` },
    defaultModel: "test-model",
    allowedModels: [],
    tokenLimitField: "max_tokens",
    ...parts,
  };
}

export interface Heard {
  readonly deltas: readonly string[];
  readonly text: string;
  readonly reply?: ChatModelReply;
  readonly error?: unknown;
}

/** Asks once and tells what came out, whichever way it ended. */
export async function ask(
  client: ChatModelClient,
  options: { readonly request?: ChatModelRequest; readonly signal?: AbortSignal } = {},
): Promise<Heard> {
  const deltas: string[] = [];
  const signal = options.signal ?? new AbortController().signal;
  const ended = await client
    .stream(options.request ?? REQUEST, (delta) => deltas.push(delta), signal)
    .then(
      (reply) => ({ reply }),
      (error: unknown) => ({ error }),
    );
  return { deltas, text: deltas.join(""), ...ended };
}
