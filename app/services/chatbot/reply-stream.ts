// A reply on its way out: joins the model's deltas, opens the message with the first, and keeps the text that was
// shown, so that what is stored equals what was read, byte for byte.

import type { ReplyMark } from "#app/services/llm/client.ts";
import { createDeltaJoiner, type DeltaJoiner } from "./delta-joiner.ts";
import type { EventWriter } from "./event-writer.ts";

export class ReplyStream {
  readonly #writer: EventWriter;
  readonly #joiner: DeltaJoiner;
  readonly #messageId: string;
  #text = "";
  #startedAt: number | undefined;
  #mark: ReplyMark | undefined;

  constructor(writer: EventWriter, messageId: string) {
    this.#writer = writer;
    this.#messageId = messageId;
    this.#joiner = createDeltaJoiner((piece) => this.#write(piece));
  }

  /** The sink that the agent writes to. */
  readonly push = (delta: string): void => this.#joiner.push(delta);

  /** Whose words are about to come. */
  readonly from = (mark: ReplyMark): void => {
    this.#mark = mark;
  };

  /** Whose words they are, as far as it was told. */
  get mark(): ReplyMark | undefined {
    return this.#mark;
  }

  get messageId(): string {
    return this.#messageId;
  }

  /** Everything that was shown. */
  get text(): string {
    return this.#text;
  }

  /** When the first piece went out, in milliseconds of `performance.now()`. */
  get startedAt(): number | undefined {
    return this.#startedAt;
  }

  /** Flushes and takes no more. Called before a terminal event is numbered. */
  close(): void {
    this.#joiner.close();
  }

  /** Takes no more, and lets nothing out that still waits. */
  drop(): void {
    this.#joiner.drop();
  }

  #write(piece: string): void {
    if (this.#startedAt === undefined) {
      this.#startedAt = performance.now();
      this.#writer.write({
        type: "TEXT_MESSAGE_START",
        messageId: this.#messageId,
        role: "assistant",
        ...(this.#mark && { metadata: this.#mark }),
      });
    }
    this.#text += piece;
    this.#writer.write({ type: "TEXT_MESSAGE_CONTENT", messageId: this.#messageId, delta: piece });
  }
}
