// A model that says what the test tells it to, when the test tells it to.

import type {
  ChatModelClient,
  ChatModelReply,
  ChatModelRequest,
  ReplyMark,
} from "#app/services/llm/client.ts";
import { until } from "../support/until.ts";

export class HeldModel implements ChatModelClient {
  readonly provider = "held";
  #request: ChatModelRequest | undefined;
  #say: ((delta: string) => void) | undefined;
  #finish: (() => void) | undefined;
  #mark: ReplyMark = { source: "model" };

  stream(
    request: ChatModelRequest,
    onDelta: (delta: string) => void,
    signal: AbortSignal,
  ): Promise<ChatModelReply> {
    const { promise, resolve, reject } = Promise.withResolvers<ChatModelReply>();
    const end = () => {
      this.#say = undefined;
      this.#finish = undefined;
    };
    this.#request = request;
    this.#mark = { source: "model" };
    this.#say = onDelta;
    this.#finish = () => {
      end();
      resolve({ ...this.#mark, finishReason: "stop" });
    };
    signal.addEventListener("abort", () => {
      end();
      reject(signal.reason);
    });
    return promise;
  }

  get isAsked(): boolean {
    return this.#say !== undefined;
  }

  /** Tells whose words are about to come; waits until there is a question. */
  async from(mark: ReplyMark): Promise<void> {
    await until("a question to the model", () => this.isAsked);
    this.#mark = mark;
    this.#request?.onSource?.(mark);
  }

  /** Streams a piece of the reply; waits until there is a question. */
  async say(delta: string): Promise<void> {
    await until("a question to the model", () => this.isAsked);
    this.#say?.(delta);
  }

  finish(): void {
    this.#finish?.();
  }
}
