// One streamed chat completion, from the request to its end: post, parse, watch the clock, hand the text on.
// Promises: every way a stream can go wrong settles the call once, as an AppError; a success has a finish reason and
// text. After it has settled, or its signal has aborted, no delta comes out, and the provider's socket is closed.

import { AppError } from "#app/core/errors.ts";
import type { ChatModelReply, FirstText, TokenUsage } from "./client.ts";
import { ChunkReader, type CompletionChunk, MalformedChunkError } from "./completion-chunk.ts";
import { type Deadlines, Watchdog } from "./deadlines.ts";
import type { ModelEndpoint } from "./endpoint.ts";
import { EventStreamPost, type StreamReceiver } from "./event-stream-post.ts";
import { streamErrorOf } from "./provider-answer.ts";
import { lateness, modelError, sickness } from "./provider-fault.ts";
import { EventTooLongError, SseParser } from "./sse.ts";
import { VisibleText } from "./visible-text.ts";

export interface CompletionCallOptions {
  readonly endpoint: ModelEndpoint;
  /** The model that is asked: named in the usage when the provider names none. */
  readonly model: string;
  readonly body: string;
  readonly deadlines: Deadlines;
  readonly firstText?: FirstText | undefined;
  readonly onDelta: (delta: string) => void;
  /** Gets the data of each event as it came: for those who read over our shoulder. */
  readonly onEvent?: ((data: string) => void) | undefined;
  readonly signal: AbortSignal;
}

type Outcome = Omit<ChatModelReply, "source">;

const DONE = "[DONE]";
/** The words of OpenAI, and what others say for the same. Tool calls are skipped, so what is left of the text counts. */
const FINISH_REASONS: ReadonlyMap<string, ChatModelReply["finishReason"]> = new Map([
  ["stop", "stop"],
  ["eos", "stop"],
  ["eos_token", "stop"],
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["tool_calls", "stop"],
  ["function_call", "stop"],
  ["length", "length"],
  ["max_tokens", "length"],
  ["content_filter", "content_filter"],
]);
const MODEL_NAME = /^[\w.:/@-]{1,128}$/;

/** @throws AppError of category external_service, or the signal's reason */
export async function completeStreaming(options: CompletionCallOptions): Promise<Outcome> {
  options.signal.throwIfAborted();
  return await new CompletionCall(options).outcome;
}

class CompletionCall implements StreamReceiver {
  readonly outcome: Promise<Outcome>;
  readonly #options: CompletionCallOptions;
  readonly #settle = Promise.withResolvers<Outcome>();
  readonly #post: EventStreamPost;
  readonly #parser = new SseParser((data) => this.#takeEvent(data));
  readonly #chunks = new ChunkReader();
  readonly #visible = new VisibleText();
  readonly #watchdog = new Watchdog(() => this.#expired());
  readonly #totalTimer: NodeJS.Timeout;
  #firstTextTimer: NodeJS.Timeout | undefined;
  #settled = false;
  #spoke = false;
  /** Text has come, seen or thought, since the clock was last set. */
  #progressed = false;
  #finishReason: ChatModelReply["finishReason"] | undefined;
  #usage: CompletionChunk["usage"];
  #model: string;

  constructor(options: CompletionCallOptions) {
    this.#options = options;
    this.#model = options.model;
    this.outcome = this.#settle.promise;
    this.#totalTimer = setTimeout(
      () => this.fail(lateness("the whole answer took too long", false)),
      options.deadlines.totalMs,
    );
    if (options.firstText) {
      const leftMs = options.firstText.dueAtMs - performance.now();
      this.#firstTextTimer = setTimeout(() => this.fail(lateness("no text in time")), Math.max(0, leftMs));
    }
    options.signal.addEventListener("abort", this.#abort, { once: true });
    this.#post = new EventStreamPost(options.endpoint, options.body, options.deadlines, this);
  }

  open(): void {
    this.#watchdog.limit(this.#options.deadlines.firstContentMs);
  }

  data(bytes: Buffer): void {
    this.#progressed = false;
    this.#parse(() => this.#parser.push(bytes));
    if (this.#progressed && !this.#settled && this.#finishReason === undefined) {
      if (this.#firstTextTimer !== undefined) this.#begin();
      this.#watchdog.limit(this.#options.deadlines.idleMs);
    }
  }

  end(): void {
    this.#parse(() => this.#parser.end());
    if (!this.#settled) this.#conclude();
  }

  fail(error: unknown): void {
    if (this.#settled) return;
    // All of the text has come: what breaks afterwards takes nothing from it.
    if (this.#finishReason !== undefined && error instanceof AppError) this.#conclude();
    else this.#reject(error);
  }

  /** The first text has come; where it was only thought, whoever waits for words is told that some are on their way. */
  #begin(): void {
    clearTimeout(this.#firstTextTimer);
    this.#firstTextTimer = undefined;
    if (!this.#spoke) this.#options.firstText?.onThought();
  }

  readonly #abort = (): void => {
    if (!this.#settled) this.#reject(this.#options.signal.reason);
  };

  #reject(error: unknown): void {
    this.#close();
    this.#post.cut();
    this.#settle.reject(error);
  }

  #parse(work: () => void): void {
    try {
      work();
    } catch (error) {
      const isTheirs = error instanceof MalformedChunkError || error instanceof EventTooLongError;
      // Anything else was thrown by the one who takes the text: it is theirs to hear of.
      this.fail(isTheirs ? sickness(error.message) : error);
    }
  }

  #takeEvent(data: string): void {
    const content = this.#chunks.contentOf(data);
    const chunk = content === undefined && data !== DONE ? this.#chunks.read(data) : undefined;
    // Only what could be read: others print what they cannot.
    this.#options.onEvent?.(data);
    if (content !== undefined) this.#say(content);
    else if (chunk === undefined) this.#conclude();
    else this.#takeChunk(chunk);
  }

  #takeChunk(chunk: CompletionChunk): void {
    if (chunk.error !== undefined) {
      this.fail(streamErrorOf(chunk.error));
      return;
    }
    if (chunk.model !== undefined && MODEL_NAME.test(chunk.model)) this.#model = chunk.model;
    if (chunk.usage) this.#usage = chunk.usage;
    if (chunk.reasons) this.#progressed = true;
    this.#say(chunk.content);
    if (chunk.finishReason !== undefined && !this.#settled) this.#finish(chunk.finishReason);
  }

  #say(content: string): void {
    if (content === "") return;
    this.#progressed = true;
    this.#emit(this.#visible.push(content));
  }

  #emit(text: string): void {
    if (text === "" || this.#settled) return;
    this.#spoke = true;
    this.#options.onDelta(text);
  }

  #finish(reason: string): void {
    const finishReason = FINISH_REASONS.get(reason);
    if (finishReason === undefined) {
      this.fail(sickness("the provider gave up on the answer"));
      return;
    }
    this.#finishReason = finishReason;
    this.#emit(this.#visible.end());
    // Only the usage is missing now: a provider that keeps the stream open does not keep the visitor.
    this.#watchdog.limit(this.#options.deadlines.trailerMs);
  }

  /** The stream said that it is over, or just ended. */
  #conclude(): void {
    const finishReason = this.#finishReason;
    if (finishReason === undefined) {
      this.fail(
        sickness(this.#spoke ? "the stream ended in mid-answer" : "the stream ended without an answer"),
      );
      return;
    }
    this.#close();
    this.#post.release(this.#options.deadlines.trailerMs);
    const usage: TokenUsage | undefined = this.#usage && { model: this.#model, ...this.#usage };
    if (!this.#spoke) this.#settle.reject(wordless(finishReason));
    else this.#settle.resolve({ finishReason, ...(usage && { usage }) });
  }

  #expired(): void {
    if (this.#finishReason !== undefined) this.#conclude();
    else this.fail(lateness(this.#spoke ? "the stream stalled" : "no text in time"));
  }

  #close(): void {
    this.#settled = true;
    this.#parser.stop();
    this.#watchdog.stop();
    clearTimeout(this.#totalTimer);
    clearTimeout(this.#firstTextTimer);
    this.#options.signal.removeEventListener("abort", this.#abort);
  }
}

/** An answer that was ended properly and holds nothing. */
function wordless(finishReason: ChatModelReply["finishReason"]): AppError {
  const asked = { transient: false, counts: false };
  if (finishReason === "content_filter")
    return modelError("llm_rejected", "the provider filtered the whole answer", asked);
  if (finishReason === "length")
    return modelError("llm_unavailable", "the model spent all its tokens before the first word", asked);
  return sickness("the provider ended an empty answer");
}
