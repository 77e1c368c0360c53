// A client of ioredis that does not blame Redis for what its own process did.
// Promises: a command that is not answered in its time is rejected; but the timer of a process that was held up itself
// fires before the sockets are read, so the answers that have come meanwhile are looked at first.

import { type Command, Redis, type RedisOptions } from "ioredis";

/** Without a time-out of ioredis' own, and with replies in its default form. */
type PatientOptions = Omit<RedisOptions, "commandTimeout" | "replyMapping"> & {
  readonly replyMapping?: never;
};

export class PatientRedis extends Redis {
  readonly #answerMs: number;

  /** @param answerMs how long a command may take */
  constructor(options: PatientOptions, answerMs: number) {
    super(options);
    this.#answerMs = answerMs;
  }

  override sendCommand(command: Command, stream?: Parameters<Redis["sendCommand"]>[1]): unknown {
    const late = (): void => {
      if (!command.isSettled) command.reject(new Error("Command timed out"));
    };
    const timer = setTimeout(() => setImmediate(late), this.#answerMs);
    const settled = (): void => clearTimeout(timer);
    command.promise.then(settled, settled);
    return super.sendCommand(command, stream);
  }
}
