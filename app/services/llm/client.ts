// What every language model is to the product, the offline one included.

import type { ErrorCode } from "#app/core/errors.ts";

/** One message of a prompt. */
export interface PromptMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** A text that retrieval found for the visitor's message. */
export interface Passage {
  readonly id: string;
  readonly title: string;
  readonly language: string;
  /** The whole chunk, as a model gets it. */
  readonly text: string;
  /** Its one or two best sentences, verbatim and in their original order. */
  readonly excerpt: string;
  /** Share of the question's content terms that the passage holds, 0 to 1. */
  readonly coverage: number;
}

/** The persona's own authored lines for this turn, in the visitor's language. */
export interface AuthoredLines {
  /** The line that answers a question no index is needed for (a greeting, "are you a bot?"), if it is one. */
  readonly intent?: string;
  /** Said when nothing is known and no model answers. */
  readonly fallback: string;
  /** Said instead of the fallback once the day's budget for a model is used up. */
  readonly quota: string;
  /** Questions worth offering with either. */
  readonly suggestions: readonly string[];
}

export interface ChatModelRequest {
  readonly messages: readonly PromptMessage[];
  /** Best first. */
  readonly passages: readonly Passage[];
  readonly lines: AuthoredLines;
  readonly model: {
    readonly name: string | null;
    readonly temperature: number;
    readonly topP: number;
    readonly maxOutputTokens: number;
  };
}

/** Where the words came from: protocol, `TEXT_MESSAGE_END.metadata.source`. */
export type ReplySource = "model" | "fallback-model" | "offline" | "scripted";

export interface TokenUsage {
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface ChatModelReply {
  readonly source: ReplySource;
  /** `length` and `content_filter` are told to the visitor. */
  readonly finishReason: "stop" | "length" | "content_filter";
  readonly usage?: TokenUsage;
  /** Why the words did not come from the configured model, where something stood in its way. */
  readonly reason?: ErrorCode;
}

export interface ChatModelClient {
  /** For logs and health: `offline`, `openai`, `deepseek`. */
  readonly provider: string;
  /**
   * Streams one reply. `onDelta` is called synchronously with text that is never empty, never after the promise has
   * settled, and never after `signal` has aborted. Rejects with an AppError of category `external_service`, or with
   * the signal's reason within 250 ms of an abort.
   */
  stream(
    request: ChatModelRequest,
    onDelta: (delta: string) => void,
    signal: AbortSignal,
  ): Promise<ChatModelReply>;
}
