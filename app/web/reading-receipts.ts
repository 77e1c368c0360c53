// Tells the server how far the client has read: every 32 events, or a second after the first unreported one.

const EVERY_EVENTS = 32;
const AFTER_MS = 1_000;

export class ReadingReceipts {
  readonly #send: (seq: number) => void;
  #reported = 0;
  #read = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (seq: number) => void) {
    this.#send = send;
  }

  /** Begins at a position that needs no report. */
  reset(seq: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#reported = seq;
    this.#read = seq;
  }

  read(seq: number): void {
    this.#read = seq;
    if (seq - this.#reported >= EVERY_EVENTS) this.#report();
    else this.#timer ??= setTimeout(() => this.#report(), AFTER_MS);
  }

  #report(): void {
    const seq = this.#read;
    this.reset(seq);
    this.#send(seq);
  }
}
