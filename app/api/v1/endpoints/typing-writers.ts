// Who is writing over HTTP, where no event stream of theirs is open on this instance: each notice needs a session that
// lasts longer than its request, or nobody could say that it has ended.

import type { ChatSession } from "#app/services/chatbot/session.ts";

/** A little longer than a notice lasts by itself. */
const FORGET_AFTER_MS = 15_000;
/** A flood of names shall cost notices, not memory. */
const MAX_WRITERS = 1_000;

interface Writer {
  readonly session: ChatSession;
  readonly timer: NodeJS.Timeout;
}

export class TypingWriters {
  readonly #writers = new Map<string, Writer>();

  /** The session of that writer, made where there is none; undefined where there are too many. */
  of(key: string, make: () => ChatSession): ChatSession | undefined {
    const known = this.#writers.get(key);
    if (known) {
      known.timer.refresh();
      return known.session;
    }
    if (this.#writers.size >= MAX_WRITERS) return undefined;
    const session = make();
    const timer = setTimeout(() => this.#forget(key), FORGET_AFTER_MS).unref();
    this.#writers.set(key, { session, timer });
    return session;
  }

  close(): void {
    for (const key of [...this.#writers.keys()]) this.#forget(key);
  }

  #forget(key: string): void {
    const writer = this.#writers.get(key);
    this.#writers.delete(key);
    clearTimeout(writer?.timer);
    writer?.session.close();
  }
}
