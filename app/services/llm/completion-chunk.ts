// Reads the chunks of a streamed chat completion (`chat.completion.chunk` of the OpenAI API and those who speak it).
// Promises: a chunk that is not one is refused; only choice 0 is read; tool calls are nobody's words and are skipped.
// Providers repeat everything but the text from chunk to chunk: that frame is learnt, and then only the text is read.

/** What one chunk says. */
export interface CompletionChunk {
  /** Text for the visitor; may be empty. */
  readonly content: string;
  /** The model thinks aloud in a field of its own: not for the visitor, but a sign of life. */
  readonly reasons: boolean;
  readonly finishReason?: string;
  readonly usage?: { readonly inputTokens: number; readonly outputTokens: number };
  /** The model that answered, as the provider names it. */
  readonly model?: string;
  /** `{"error": …}` in a stream that began with 200. */
  readonly error?: unknown;
}

/** The data of an event is not a chunk of a completion. */
export class MalformedChunkError extends Error {
  override readonly name = "MalformedChunkError";
}

const CONTENT_KEY = /"content":\s*"/g;
/** Frames that differ every time (a random padding field) are not worth learning. */
const MAX_LESSONS = 16;

export class ChunkReader {
  #head = "";
  #tail = "";
  #lessons = 0;

  /** The text of a chunk whose frame is known; undefined: ask read(). */
  contentOf(data: string): string | undefined {
    const head = this.#head;
    const tail = this.#tail;
    const length = data.length - head.length - tail.length;
    if (head === "" || length < 0 || !data.startsWith(head) || !data.endsWith(tail)) return undefined;
    const raw = data.slice(head.length, head.length + length);
    // Without a quote and an escape the text stands for itself; with them it is a JSON string, or no text at all.
    return raw.includes('"') || raw.includes("\\") ? parseString(raw) : raw;
  }

  /** @throws MalformedChunkError */
  read(data: string): CompletionChunk {
    const chunk = toChunk(parseChunk(data));
    if (this.#lessons < MAX_LESSONS && isPlainText(chunk)) this.#learn(data, chunk.content);
    return chunk;
  }

  /** What stands around the text, if that is beyond doubt: one key of that name, followed by this very text. */
  #learn(data: string, content: string): void {
    this.#lessons += 1;
    this.#head = "";
    const [key, second] = data.matchAll(CONTENT_KEY);
    if (key === undefined || second !== undefined) return;
    const from = key.index + key[0].length;
    const raw = JSON.stringify(content).slice(1, -1);
    if (!data.startsWith(`${raw}"`, from)) return;
    this.#head = data.slice(0, from);
    this.#tail = data.slice(from + raw.length);
  }
}

function isPlainText(chunk: CompletionChunk): boolean {
  const { content, reasons, finishReason, usage, error } = chunk;
  return (
    content !== "" && !reasons && finishReason === undefined && usage === undefined && error === undefined
  );
}

function parseChunk(data: string): object {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    // The parser's own message quotes the text, which must not reach a log.
    throw new MalformedChunkError("an event's data is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new MalformedChunkError("an event's data is not an object");
  return value;
}

function parseString(raw: string): string | undefined {
  try {
    const value: unknown = JSON.parse(`"${raw}"`);
    return typeof value === "string" ? value : undefined;
  } catch {
    // The frame fits and what is inside does not: a chunk of another kind.
    return undefined;
  }
}

function toChunk(value: object): CompletionChunk {
  const error = fieldOf(value, "error");
  const isError = error !== undefined && error !== null;
  const choices = fieldOf(value, "choices");
  if (!isError && choices !== undefined && choices !== null && !Array.isArray(choices))
    throw new MalformedChunkError("the choices of a chunk are not a list");
  const choice: unknown = Array.isArray(choices) ? choices.find(isFirst) : undefined;
  const delta = fieldOf(choice, "delta");
  const finishReason = textOf(fieldOf(choice, "finish_reason"));
  const usage = toUsage(fieldOf(value, "usage"));
  const model = textOf(fieldOf(value, "model"));
  return {
    content: textOf(fieldOf(delta, "content")),
    reasons: textOf(fieldOf(delta, "reasoning_content")) !== "" || textOf(fieldOf(delta, "reasoning")) !== "",
    ...(finishReason !== "" && { finishReason }),
    ...(usage && { usage }),
    ...(model !== "" && { model }),
    ...(isError && { error }),
  };
}

/** A choice without an index is the only one. */
function isFirst(choice: unknown): boolean {
  const index = fieldOf(choice, "index");
  return index === undefined || index === 0;
}

function toUsage(value: unknown): CompletionChunk["usage"] {
  const inputTokens = fieldOf(value, "prompt_tokens");
  const outputTokens = fieldOf(value, "completion_tokens");
  return isCount(inputTokens) && isCount(outputTokens) ? { inputTokens, outputTokens } : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
