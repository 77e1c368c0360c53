// A client of ioredis that does not blame Redis for what its own process did, and does not wait for what cannot come.
// Promises: a command that is not answered in its time is rejected. A process that was held up itself looks at the
// answers that have come meanwhile first, and where there is none it waits as long again as it was held up: a machine
// that stood still stood still for Redis, too. A command whose connection is lost is rejected at once: ioredis itself
// drops it behind the next connection, and leaves it to its time-out.

import { type Command, Redis, type RedisOptions } from "ioredis";

/** Without a time-out of ioredis' own, and with replies in its default form. */
type PatientOptions = Omit<RedisOptions, "commandTimeout" | "replyMapping"> & {
  readonly replyMapping?: never;
};

/** How long a call waits for a connection that was lost just now. With the call's own 500 ms below a second. */
const BACK_WITHIN_MS = 300;

/** The connection went while a command was under way: nobody can say whether it was carried out. */
export class AnswerLostError extends Error {
  constructor() {
    super("The connection was lost before the answer came");
  }
}

/** Lost so soon that with the way back and another 500 ms it can be had within a second of its start. */
const EARLY_MS = 200;

/** @param startedAtMs of the call, `performance.now()` */
export function wasLostEarly(error: unknown, startedAtMs: number): boolean {
  return error instanceof AnswerLostError && performance.now() - startedAtMs < EARLY_MS;
}

export class PatientRedis extends Redis {
  readonly #answerMs: number;
  readonly #unanswered = new Set<Command>();
  #lostAtMs: number | undefined;
  #back: Promise<void> | undefined;

  /** @param answerMs how long a command may take */
  constructor(options: PatientOptions, answerMs: number) {
    super(options);
    this.#answerMs = answerMs;
    this.on("close", () => {
      this.#lostAtMs ??= performance.now();
      for (const command of this.#unanswered) command.reject(new AnswerLostError());
    });
    this.on("ready", () => {
      this.#lostAtMs = undefined;
    });
  }

  /** Whether a command would be sent at this moment. */
  get isReady(): boolean {
    return this.status === "ready" && this.stream.writable;
  }

  /** Waits for a connection that was lost just now, in a long outage not at all. Resolves with whether it is there. */
  async whenBack(): Promise<boolean> {
    if (this.isReady || this.status === "end") return this.isReady;
    if (this.#lostAtMs !== undefined && performance.now() - this.#lostAtMs >= BACK_WITHIN_MS) return false;
    // One promise for all that wait: a listener each would be a leak in the eyes of Node.
    this.#back ??= new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.off("ready", done);
        this.#back = undefined;
        resolve();
      };
      const timer = setTimeout(done, BACK_WITHIN_MS);
      this.once("ready", done);
    });
    await this.#back;
    return this.isReady;
  }

  override sendCommand(command: Command, stream?: Parameters<Redis["sendCommand"]>[1]): unknown {
    const dueAtMs = performance.now() + this.#answerMs;
    const late = (): void => {
      if (!command.isSettled) command.reject(new Error("Command timed out"));
    };
    let timer = setTimeout(() => {
      // Whatever held this process up may have held up the server: it has as long again.
      const heldUpMs = performance.now() - dueAtMs;
      timer = setTimeout(late, Math.min(Math.max(heldUpMs, 1), this.#answerMs));
    }, this.#answerMs);
    const settled = (): void => {
      clearTimeout(timer);
      this.#unanswered.delete(command);
    };
    this.#unanswered.add(command);
    command.promise.then(settled, settled);
    return super.sendCommand(command, stream);
  }
}
