// What every (epoch, seq) has meant, over all frames that any connection ever saw.
// Promises: throws at the frame that gives a number a second meaning.

import assert from "node:assert/strict";
import type { Frame } from "../support/socket-client.ts";

export class Meanings {
  readonly #texts = new Map<string, string>();
  readonly #epochs = new Map<string, Set<string>>();

  /** Numbers that have been seen. */
  get count(): number {
    return this.#texts.size;
  }

  /** Lives of that conversation's log that have been seen. */
  epochsOf(conversationId: string): number {
    return this.#epochs.get(conversationId)?.size ?? 0;
  }

  note(conversationId: string, epoch: string, frame: Frame): void {
    const epochs = this.#epochs.get(conversationId) ?? new Set();
    this.#epochs.set(conversationId, epochs.add(epoch));
    const key = `${conversationId} ${epoch} ${Number(frame.seq)}`;
    const text = JSON.stringify(frame);
    const known = this.#texts.get(key);
    if (known === undefined) this.#texts.set(key, text);
    else assert.equal(text, known, `a second meaning of ${key}`);
  }
}
