// The events of an OpenAI-compatible stream, as text: what a scripted provider sends.
// Constants are whole events that never differ; functions make the others.

/** One event, as a provider writes it. */
function event(data: unknown): string {
  return `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
}

interface ChunkParts {
  readonly delta?: Readonly<Record<string, unknown>>;
  readonly finishReason?: string;
  readonly index?: number;
}

/** `chat.completion.chunk` with one choice. */
function chunk({ delta = {}, finishReason, index = 0 }: ChunkParts): string {
  const choice = { index, delta, logprobs: null, finish_reason: finishReason ?? null };
  return event({ ...frame, choices: [choice] });
}

const frame = {
  id: "chatcmpl-0001",
  object: "chat.completion.chunk",
  created: 1_760_000_000,
  model: "served-model",
  system_fingerprint: "fp_1",
};

const ROLE = chunk({ delta: { role: "assistant", content: "" } });
const STOP = chunk({ finishReason: "stop" });
const DONE = event("[DONE]");
const KEEP_ALIVE = ": keep-alive\n\n";

function content(text: string): string {
  return chunk({ delta: { content: text } });
}

function finish(finishReason: string): string {
  return chunk({ finishReason });
}

/** What `include_usage` asks for: a last chunk without choices. */
function usage(inputTokens: number, outputTokens: number): string {
  const total = inputTokens + outputTokens;
  return event({
    ...frame,
    choices: [],
    usage: { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: total },
  });
}

/** A whole answer, in the given pieces. */
function answer(...texts: readonly string[]): string[] {
  return [ROLE, ...texts.map(content), STOP, usage(12, texts.length), DONE];
}

/** `{"error": …}` as OpenAI words it. */
function errorBody(code: string, message = "sk-secret-in-the-body and the prompt"): object {
  return { error: { message, type: "invalid_request_error", param: null, code } };
}

export const say = { event, chunk, content, finish, usage, answer, errorBody, ROLE, STOP, DONE, KEEP_ALIVE };
