// What carries bytes from one socket to another for tcp-proxy.ts, under the faults that are set at the moment.
// Promises: order is kept, an end of the connection included, and no byte is lost or changed.

import type { Socket } from "node:net";
import { setTimeout as pause, setImmediate as turn } from "node:timers/promises";

export type ProxyDirection = "to-server" | "to-client";

/** Absent: no such fault. */
interface Faults {
  readonly latency?: { readonly ms: number; readonly jitterMs: number };
  readonly reset?: { readonly afterBytes: number };
  readonly stalled?: ProxyDirection | "both";
  readonly sliceBytes?: number;
  readonly bytesPerSecond?: number;
}

/** A pipe that holds more than this reads no more. */
const HELD_BYTES = 1024 * 1024;
const LIMIT_STEPS_PER_SECOND = 50;

/** The faults of one proxy, and all its pipes. */
export class Current {
  faults: Faults = {};
  #change = new AbortController();
  readonly #pipes = new Set<Pipe>();

  set(more: Faults): void {
    this.#apply({ ...this.faults, ...more });
  }

  clear(): void {
    this.#apply({});
  }

  join(source: Socket, target: Socket, direction: ProxyDirection): void {
    const pipe = new Pipe(this, source, target, direction);
    this.#pipes.add(pipe);
    target.once("close", () => this.#pipes.delete(pipe));
    pipe.flow();
  }

  /** At most so long: a change of the faults ends it. */
  async rest(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#change.signal }).catch(() => undefined);
  }

  /** Resolves when the faults change. */
  changed(): Promise<void> {
    const { signal } = this.#change;
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  #apply(faults: Faults): void {
    this.faults = faults;
    const before = this.#change;
    this.#change = new AbortController();
    before.abort();
    for (const pipe of this.#pipes) pipe.flow();
  }
}

interface Piece {
  /** Or how the source ended. */
  bytes: Buffer | "end" | "close";
  readonly dueMs: number;
}

class Pipe {
  readonly #current: Current;
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #direction: ProxyDirection;
  readonly #queue: Piece[] = [];
  #heldBytes = 0;
  #isFlowing = false;
  #reset: Faults["reset"];
  #sentSinceReset = 0;

  constructor(current: Current, source: Socket, target: Socket, direction: ProxyDirection) {
    this.#current = current;
    this.#source = source;
    this.#target = target;
    this.#direction = direction;
    source.on("data", (bytes: Buffer) => this.#take(bytes));
    source.on("end", () => this.#take("end"));
    source.on("close", () => this.#take("close"));
  }

  /** Passes on what the faults let through. */
  flow(): void {
    if (this.#isFlowing) return;
    this.#isFlowing = true;
    void this.#flow().finally(() => {
      this.#isFlowing = false;
    });
  }

  #take(bytes: Piece["bytes"]): void {
    const { latency } = this.#current.faults;
    const isLate = latency && this.#direction === "to-client";
    const lateMs = isLate ? latency.ms + (Math.random() * 2 - 1) * latency.jitterMs : 0;
    // Never before the piece in front of it.
    const dueMs = Math.max(performance.now() + lateMs, this.#queue.at(-1)?.dueMs ?? 0);
    this.#queue.push({ bytes, dueMs });
    if (typeof bytes !== "string") this.#heldBytes += bytes.length;
    if (this.#heldBytes > HELD_BYTES) this.#source.pause();
    this.flow();
  }

  async #flow(): Promise<void> {
    while (!this.#target.destroyed) {
      if (this.#allowance() <= 0) this.#target.resetAndDestroy();
      const [piece] = this.#queue;
      if (!piece || this.#target.destroyed) return;
      const { stalled, latency } = this.#current.faults;
      const earlyMs = latency ? piece.dueMs - performance.now() : 0;
      if (stalled === "both" || stalled === this.#direction) await this.#current.changed();
      else if (earlyMs > 0) await this.#current.rest(earlyMs);
      else await this.#pass(piece);
    }
  }

  /** How many bytes may still go before the connection is reset. */
  #allowance(): number {
    const { reset } = this.#current.faults;
    if (reset !== this.#reset) this.#sentSinceReset = 0;
    this.#reset = reset;
    if (!reset || this.#direction !== "to-client") return Number.POSITIVE_INFINITY;
    return reset.afterBytes - this.#sentSinceReset;
  }

  async #pass(piece: Piece): Promise<void> {
    const { bytes } = piece;
    if (typeof bytes === "string") {
      this.#queue.shift();
      if (bytes === "end") this.#target.end();
      else this.#target.destroy();
      return;
    }
    const { sliceBytes = Number.POSITIVE_INFINITY, bytesPerSecond } = this.#current.faults;
    const perStep = bytesPerSecond ? Math.ceil(bytesPerSecond / LIMIT_STEPS_PER_SECOND) : bytes.length;
    const count = Math.min(bytes.length, sliceBytes, perStep, this.#allowance());
    if (count === bytes.length) this.#queue.shift();
    else piece.bytes = bytes.subarray(count);
    await this.#write(bytes.subarray(0, count));
    if (bytesPerSecond) await this.#current.rest((count / bytesPerSecond) * 1_000);
    else if (count < bytes.length) await turn();
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#sentSinceReset += bytes.length;
    this.#heldBytes -= bytes.length;
    if (this.#heldBytes <= HELD_BYTES) this.#source.resume();
    if (this.#target.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#target.off("drain", done);
        this.#target.off("close", done);
        resolve();
      };
      this.#target.on("drain", done);
      this.#target.on("close", done);
    });
  }
}
