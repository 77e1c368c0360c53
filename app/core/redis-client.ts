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

/**
 * Calls back after `ms`. A process that was held up meanwhile has as long again: whatever held it up may have held up the
 * server, and what has come meanwhile is looked at first. Returns what calls it off.
 */
function afterPatience(ms: number, callback: () => void): () => void {
  const dueAtMs = performance.now() + ms;
  let timer = setTimeout(() => {
    const heldUpMs = performance.now() - dueAtMs;
    timer = setTimeout(callback, Math.min(Math.max(heldUpMs, 1), ms));
  }, ms);
  return () => clearTimeout(timer);
}

export class PatientRedis extends Redis {
  readonly #answerMs: number;
  readonly #unanswered = new Set<Command>();
  /** Since the connection was lost, until it is back. */
  #absence: { isLong: boolean; readonly end: () => void } | undefined;
  #back: Promise<void> | undefined;

  /** @param answerMs how long a command may take */
  constructor(options: PatientOptions, answerMs: number) {
    super(options);
    this.#answerMs = answerMs;
    this.on("close", () => {
      if (!this.#absence) this.#beginAbsence();
      for (const command of this.#unanswered) command.reject(new AnswerLostError());
    });
    for (const over of ["ready", "end"] as const) this.on(over, () => this.#endAbsence());
  }

  /** Whether a command would be sent at this moment. */
  get isReady(): boolean {
    return this.status === "ready" && this.stream.writable;
  }

  /** Waits for a connection that was lost just now, in a long outage not at all. Resolves with whether it is there. */
  async whenBack(): Promise<boolean> {
    if (this.isReady || this.status === "end") return this.isReady;
    if (this.#absence?.isLong) return false;
    // One promise for all that wait: a listener each would be a leak in the eyes of Node.
    this.#back ??= new Promise<void>((resolve) => {
      const done = (): void => {
        callOff();
        this.off("ready", done);
        this.#back = undefined;
        resolve();
      };
      const callOff = afterPatience(BACK_WITHIN_MS, done);
      this.once("ready", done);
    });
    await this.#back;
    return this.isReady;
  }

  /** The server is there, as another connection to it has found: comes back now, and is waited for. */
  hurryBack(): void {
    if (this.status !== "reconnecting") return;
    this.#endAbsence();
    this.#beginAbsence();
    // Private there, but it must not be left: ioredis forgets it behind the next pause, and comes back by it even where
    // it was disconnected meanwhile.
    // biome-ignore lint/complexity/useLiteralKeys: a private field cannot be had otherwise
    const pending: NodeJS.Timeout | null = this["reconnectTimeout"];
    clearTimeout(pending ?? undefined);
    // Where this attempt fails, the next one follows in its time.
    this.connect().catch(() => undefined);
  }

  override sendCommand(command: Command, stream?: Parameters<Redis["sendCommand"]>[1]): unknown {
    const callOff = afterPatience(this.#answerMs, () => {
      if (!command.isSettled) command.reject(new Error("Command timed out"));
    });
    const settled = (): void => {
      callOff();
      this.#unanswered.delete(command);
    };
    this.#unanswered.add(command);
    command.promise.then(settled, settled);
    return super.sendCommand(command, stream);
  }

  #beginAbsence(): void {
    const absence = {
      isLong: false,
      end: afterPatience(BACK_WITHIN_MS, () => {
        absence.isLong = true;
      }),
    };
    this.#absence = absence;
  }

  #endAbsence(): void {
    this.#absence?.end();
    this.#absence = undefined;
  }
}
