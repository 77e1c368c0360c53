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

/** Whose budgets a reply is paid from. Each id may stand in a key as it is. */
export interface Payer {
  readonly conversationId?: string;
  /** Hashed: never an address. */
  readonly visitor?: string;
  readonly organisation?: string;
}

/** Whose words are about to come. */
export interface ReplyMark {
  readonly source: ReplySource;
  /** As in {@link ChatModelReply}. */
  readonly reason?: ErrorCode;
}

/** How long somebody else, who could answer instead, waits for the first text. */
export interface FirstText {
  /** The instant, in milliseconds of `performance.now()`. */
  readonly dueAtMs: number;
  /** Another model could answer at once: there is no sense in waiting behind somebody's probe of this one. */
  readonly hasSubstitute: boolean;
  /** Called when the model thinks aloud: it is alive, and is held to its own deadlines from then on. */
  readonly onThought: () => void;
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
  readonly payer?: Payer;
  readonly firstText?: FirstText;
  /** Called when the call has to ask for a place at the model, and again at its turn: until then the model was not asked. */
  readonly onLine?: (isWaiting: boolean) => void;
  /** Called before the first word of each source that is tried; the last call tells whose words were heard. */
  readonly onSource?: (mark: ReplyMark) => void;
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
  /** Why the words do not come from a step higher up the ladder, where something stood in its way. */
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
