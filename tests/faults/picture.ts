// What a visitor sees of a conversation: its messages, made from a snapshot and the events after it, as a client does.
// Promises: throws where the events do not fit what is seen: a message that begins twice, a word of an unknown one.

import assert from "node:assert/strict";
import { z } from "zod";
import type { Frame } from "../support/socket-client.ts";

export interface SeenMessage {
  readonly id: string;
  readonly role: string;
  readonly content: string;
}

const messageSchema = z.object({
  id: z.string(),
  role: z.string(),
  content: z.string(),
  metadata: z.object({ waiting: z.boolean().optional() }).optional(),
});
const snapshotSchema = z.object({
  messages: z.array(messageSchema),
  metadata: z.object({ seq: z.int().min(0) }),
});
const editedSchema = z.object({ messageId: z.string(), removed: z.array(z.string()) });
const questionSchema = z.tuple([messageSchema]);

export class Picture {
  readonly #messages = new Map<string, SeenMessage>();
  readonly #waiting = new Map<string, SeenMessage>();

  /** The messages in the order in which they were taken up, those that wait at the end. */
  get messages(): readonly SeenMessage[] {
    return [...this.#messages.values(), ...this.#waiting.values()];
  }

  /** Begins anew; returns the position that the snapshot stands for. */
  reset(snapshot: Frame): number {
    this.#messages.clear();
    this.#waiting.clear();
    const { messages, metadata } = snapshotSchema.parse(snapshot);
    for (const { id, role, content, metadata: beside } of messages)
      (beside?.waiting ? this.#waiting : this.#messages).set(id, { id, role, content });
    return metadata.seq;
  }

  add(frame: Frame): void {
    if (frame.type === "RUN_STARTED") {
      const [{ id, role, content }] = questionSchema.parse(Object(frame.input).messages);
      this.#waiting.delete(id);
      this.#begin({ id, role, content });
    } else if (frame.type === "TEXT_MESSAGE_START")
      this.#begin({ id: String(frame.messageId), role: "assistant", content: "" });
    else if (frame.type === "TEXT_MESSAGE_CONTENT") this.#say(String(frame.messageId), String(frame.delta));
    else if (frame.name === "conversation.edited") this.#remove(editedSchema.parse(frame.value));
    else if (frame.name === "message.accepted") {
      const { messageId, text } = z.object({ messageId: z.string(), text: z.string() }).parse(frame.value);
      this.#waiting.set(messageId, { id: messageId, role: "user", content: text });
    }
  }

  /** What is revised begins anew with the run that answers it, behind all that is left. */
  #remove({ messageId, removed }: z.output<typeof editedSchema>): void {
    for (const id of [messageId, ...removed]) this.#messages.delete(id);
  }

  #begin(message: SeenMessage): void {
    assert.ok(!this.#messages.has(message.id), `${message.id} is seen already`);
    this.#messages.set(message.id, message);
  }

  #say(id: string, delta: string): void {
    const message = this.#messages.get(id);
    assert.ok(message, `a word of ${id}, which was not begun`);
    this.#messages.set(id, { ...message, content: message.content + delta });
  }
}
