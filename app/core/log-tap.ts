// A logger that lets listeners read along: what health and metrics tell is fed from the same lines that stand in the log.
// Promises: the log gets every line as it was; the listeners see lines of every level, also of those that are not
// written, with the fields of child(). Does not decide which lines matter.

import type { Logger } from "./logging.ts";

/** Must not throw, and must be quick: it is called for every line. */
export type LogListener = (event: string, fields: Readonly<Record<string, unknown>>) => void;

/** Several listeners are called in their order. */
export function tapLogger(logger: Logger, ...listeners: readonly LogListener[]): Logger {
  return new TappedLogger(logger, listeners, {});
}

/** A class: there is one for every live conversation, which shall hold three fields and no functions of its own. */
class TappedLogger implements Logger {
  readonly #logger: Logger;
  readonly #listeners: readonly LogListener[];
  readonly #inherited: object;

  constructor(logger: Logger, listeners: readonly LogListener[], inherited: object) {
    this.#logger = logger;
    this.#listeners = listeners;
    this.#inherited = inherited;
  }

  debug(fields: object, event: string): void {
    this.#logger.debug(fields, event);
    this.#tell(fields, event);
  }

  info(fields: object, event: string): void {
    this.#logger.info(fields, event);
    this.#tell(fields, event);
  }

  warn(fields: object, event: string): void {
    this.#logger.warn(fields, event);
    this.#tell(fields, event);
  }

  error(fields: object, event: string): void {
    this.#logger.error(fields, event);
    this.#tell(fields, event);
  }

  child(fields: object): Logger {
    return new TappedLogger(this.#logger.child(fields), this.#listeners, { ...this.#inherited, ...fields });
  }

  #tell(fields: object, event: string): void {
    const all = { ...this.#inherited, ...fields };
    for (const listener of this.#listeners) listener(event, all);
  }
}
