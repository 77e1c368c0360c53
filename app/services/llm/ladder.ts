// The ladder of a reply: the configured model, the fallback model, the persona's own text, its authored line.
// Promises: a step down is taken before the first word only, so that one model's text is never glued to another's; each is
// marked (`source`, `reason`), logged and counted; silence costs a visitor a bounded time. Nothing is tried again here.

import { BulkheadFullError } from "#app/core/bulkhead.ts";
import { AppError, type ErrorCode } from "#app/core/errors.ts";
import type { Logger } from "#app/core/logging.ts";
import type { Metrics } from "#app/core/metrics.ts";
import { CircuitOpenError } from "#app/core/resilience.ts";
import { untilAborted } from "#app/core/until-aborted.ts";
import type { ChatModelClient, ChatModelReply, ChatModelRequest, ReplySource, TokenUsage } from "./client.ts";
import { FirstTextLimit } from "./first-text-limit.ts";
import type { Meter } from "./metering.ts";
import type { OfflineClient } from "./offline.ts";
import { faultOf, sickness } from "./provider-fault.ts";

/** A model, and what it may cost. */
export interface LadderStep {
  readonly source: "model" | "fallback-model";
  readonly client: ChatModelClient;
  readonly meter: Meter;
}

export interface LadderOptions {
  /** From the top; at least one. */
  readonly steps: readonly [LadderStep, ...LadderStep[]];
  /** The ground: it always answers. */
  readonly offline: OfflineClient;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
  /** What each model gets to its first text, retries included; by default {@link firstTextMsOf}. */
  readonly firstTextMs?: number;
}

/**
 * What a model gets to its first text. Two that are silent cost 24 s together, which is what a visitor may be asked to
 * sit through; one alone has as long as the provider's own deadline for its first content.
 */
function firstTextMsOf(models: number): number {
  return models > 1 ? 12_000 : 20_000;
}

export function createLadder(options: LadderOptions): ChatModelClient {
  return {
    provider: options.steps[0].client.provider,
    async stream(request, onDelta, signal) {
      return await new LadderReply(options, request, onDelta, signal).run();
    },
  };
}

/** One reply on its way down. */
class LadderReply {
  readonly #options: LadderOptions;
  readonly #request: ChatModelRequest;
  readonly #signal: AbortSignal;
  readonly #listen: (delta: string) => void;
  #said = "";
  #spentMicros = 0;
  #source: ReplySource;
  #reason: ErrorCode | undefined;

  constructor(
    options: LadderOptions,
    request: ChatModelRequest,
    onDelta: (delta: string) => void,
    signal: AbortSignal,
  ) {
    this.#options = options;
    this.#request = request;
    this.#signal = signal;
    this.#source = options.steps[0].source;
    // All that a token costs here: the text is kept for the bill, and for the question whether anything was said.
    this.#listen = (delta) => {
      this.#said += delta;
      onDelta(delta);
    };
  }

  async run(): Promise<ChatModelReply> {
    this.#signal.throwIfAborted();
    for (const step of this.#options.steps) {
      this.#stepTo(step.source);
      try {
        return this.#marked(await this.#ask(step));
      } catch (error) {
        this.#reason = this.#reasonToStepDown(error);
        // The purses are the same for every model.
        if (this.#reason === "quota_exceeded") break;
      }
    }
    return await this.#speakOffline();
  }

  /** One model, within its time and the budgets. */
  async #ask({ source, client, meter }: LadderStep): Promise<ChatModelReply> {
    const { steps, firstTextMs = firstTextMsOf(steps.length) } = this.#options;
    const call = await meter.open(this.#request, this.#spentMicros);
    let asked = !this.#signal.aborted;
    let isInLine = false;
    const onLine = (isWaiting: boolean) => {
      isInLine = isWaiting;
    };
    let usage: TokenUsage | undefined;
    const hasSubstitute = source !== steps.at(-1)?.source;
    const limit = new FirstTextLimit(firstTextMs, hasSubstitute, this.#signal, () => this.#said !== "");
    try {
      this.#signal.throwIfAborted();
      const request = { ...call.request, firstText: limit.firstText, onLine };
      const streaming = client.stream(request, this.#listen, limit.signal);
      const reply = await untilAborted(streaming, limit.signal);
      usage = reply.usage;
      // A reply without a word is a failure, whatever the provider called it.
      if (this.#said === "") throw sickness("the model ended without a word");
      return { ...reply, source };
    } catch (error) {
      if (isInLine || (this.#said === "" && isUnbilled(error))) asked = false;
      if (isFull(error)) this.#options.metrics?.count("limits_total", { limit: "llm-calls" });
      throw error;
    } finally {
      limit.stop();
      this.#spentMicros += call.settle({ asked, said: this.#said, usage });
    }
  }

  /**
   * Why the next step may answer. Throws what ends the run as it is:
   * - a visitor's stop, a lost lease, the run's deadline, a drain: nobody waits for another answer;
   * - everything after the first word: what was said stands, and is marked as cut;
   * - `llm_rejected`: asking another model until one agrees would get around the filter, and an answer from notes would
   *   leave the visitor guessing what is wrong with the question. The page says that it was refused; they reword it;
   * - `llm_context_too_long`: it would come again at every further message. The page says that the conversation is too
   *   long, which the visitor can mend by a new one, and answers from notes would hide;
   * - what is no fault of a provider is ours (`internal_error`), and is not to be papered over.
   */
  #reasonToStepDown(error: unknown): ErrorCode {
    this.#signal.throwIfAborted();
    const code = error instanceof AppError ? error.code : undefined;
    const stepsDown = code === "llm_unavailable" || code === "llm_timeout" || code === "quota_exceeded";
    if (this.#said !== "" || !stepsDown) throw error;
    return code;
  }

  async #speakOffline(): Promise<ChatModelReply> {
    const { offline } = this.#options;
    const { lines } = this.#request;
    // Once the budget is used up the line says so: asking again today will not help.
    const fallback = this.#reason === "quota_exceeded" ? lines.quota : lines.fallback;
    // Whose words come is said here, with the reason, which the offline client does not know.
    const request = { ...this.#request, lines: { ...lines, fallback }, onSource: () => undefined };
    this.#stepTo(offline.sourceOf(request));
    return this.#marked(await offline.stream(request, this.#listen, this.#signal));
  }

  /** Says whose words come next; a step down is logged and counted. */
  #stepTo(source: ReplySource): void {
    const from = this.#source;
    const code = this.#reason;
    this.#source = source;
    if (code !== undefined) {
      const { conversationId } = this.#request.payer ?? {};
      this.#options.logger.warn({ conversationId, from, to: source, code }, "llm_ladder_step");
      this.#options.metrics?.count("ladder_steps_total", { source, reason: code });
    }
    this.#request.onSource?.({ source, ...(code && { reason: code }) });
  }

  #marked(reply: ChatModelReply): ChatModelReply {
    return this.#reason === undefined ? reply : { ...reply, reason: this.#reason };
  }
}

/** Nobody was asked, or the answer was an HTTP refusal: that is on no bill. */
function isUnbilled(error: unknown): boolean {
  if (error instanceof AppError && error.cause instanceof CircuitOpenError) return true;
  return faultOf(error)?.status !== undefined;
}

function isFull(error: unknown): boolean {
  return error instanceof AppError && error.cause instanceof BulkheadFullError;
}
