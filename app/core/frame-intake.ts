// Brings one connection's text frames to its handler.
// Promises: no frame is lost while the handler is being made; an error of a handler ends its own connection with 1011
// and no other; a client that sends faster than its frames are handled is not read any further until they are.

import type { SocketConnection } from "./connection.ts";
import type { Logger } from "./logging.ts";

export interface ConnectionHandler {
  /** One text frame of the client. A promise keeps its place among the unfinished; a rejection closes with 1011. */
  onText(text: string): void | Promise<void>;
  /** Once, after the socket is gone. */
  onClose?(): void;
}

/** Frames in the making at once. With 64 KiB a frame this bounds what one client can make us hold to 2 MiB. */
const MAX_UNFINISHED_FRAMES = 32;

export class FrameIntake {
  readonly #connection: SocketConnection;
  readonly #logger: Logger;
  #handler: ConnectionHandler | undefined;
  #early: string[] | undefined;
  #unfinished = 0;
  #ended = false;

  constructor(connection: SocketConnection, logger: Logger) {
    this.#connection = connection;
    this.#logger = logger;
  }

  /** Calls `makeHandler` at once. Until it has a result, the socket is not read; what had been read already waits. */
  start(makeHandler: () => ConnectionHandler | Promise<ConnectionHandler>): void {
    try {
      const made = makeHandler();
      if (!(made instanceof Promise)) {
        this.#begin(made);
        return;
      }
      this.#early = [];
      this.#connection.pause();
      made.then((handler) => this.#begin(handler)).catch((error: unknown) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    }
  }

  accept(text: string): void {
    if (this.#early) this.#early.push(text);
    // What comes after we have said goodbye is not handled; what came before a client's own goodbye is.
    else if (this.#handler && this.#connection.closeName === undefined) this.#handle(this.#handler, text);
  }

  /** The socket is gone. A handler that is still being made gets its early frames first. */
  end(): void {
    this.#ended = true;
    if (this.#handler) this.#release(this.#handler);
  }

  #begin(handler: ConnectionHandler): void {
    const early = this.#early;
    this.#early = undefined;
    this.#handler = handler;
    if (early) this.#connection.resume();
    for (const text of early ?? []) this.accept(text);
    if (this.#ended) this.#release(handler);
  }

  #release(handler: ConnectionHandler): void {
    this.#handler = undefined;
    try {
      handler.onClose?.();
    } catch (error) {
      this.#fail(error);
    }
  }

  #handle(handler: ConnectionHandler, text: string): void {
    try {
      const done = handler.onText(text);
      if (done instanceof Promise) this.#await(done);
    } catch (error) {
      this.#fail(error);
    }
  }

  #await(done: Promise<void>): void {
    this.#unfinished += 1;
    if (this.#unfinished === MAX_UNFINISHED_FRAMES && this.#connection.isOpen) this.#connection.pause();
    const settle = () => {
      this.#unfinished -= 1;
      if (this.#unfinished === MAX_UNFINISHED_FRAMES - 1) this.#connection.resume();
    };
    done.catch((error: unknown) => this.#fail(error)).finally(settle);
  }

  #fail(error: unknown): void {
    this.#logger.error({ connectionId: this.#connection.id, err: error }, "connection_handler_failed");
    this.#early = undefined;
    this.#connection.close("internalError");
  }
}
