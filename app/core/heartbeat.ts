// Finds dead and idle connections: one timer for all of them, in slices that leave the event loop free.
// Promises: a peer that did not answer the last ping is cut off, unless this process itself was stalled meanwhile;
// a client that sent nothing for the idle time is closed with 4505, at the first round after it.

import { setImmediate as nextTurn } from "node:timers/promises";
import type { SocketConnection } from "./connection.ts";
import type { Logger } from "./logging.ts";
import { StallWatch } from "./stall-watch.ts";

export interface HeartbeatOptions {
  readonly connections: ReadonlySet<SocketConnection>;
  readonly logger: Logger;
  readonly heartbeatMs: number;
  readonly idleTtlMs: number;
  /** A longer stall of the event loop excuses every client for one round. */
  readonly maxStallMs?: number;
}

const DEFAULT_MAX_STALL_MS = 2_000;
/** Pings written in one turn of the event loop: about a millisecond. */
const SLICE = 200;

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #maxStallMs: number;
  readonly #stalls = new StallWatch();
  #timer: NodeJS.Timeout | undefined;
  #sweeping = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#maxStallMs = options.maxStallMs ?? DEFAULT_MAX_STALL_MS;
  }

  start(): void {
    this.#stalls.start();
    // The timer alone shall not keep a process alive.
    this.#timer = setInterval(() => void this.#sweep(), this.#options.heartbeatMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stalls.stop();
  }

  async #sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    const excused = this.#stalls.takeLongestMs() > this.#maxStallMs;
    // Timers go first when a process was held up: the pongs and frames that have come are read before anybody is judged.
    await nextTurn();
    let checked = 0;
    for (const connection of [...this.#options.connections]) {
      this.#check(connection, excused);
      checked += 1;
      if (checked % SLICE === 0) await nextTurn();
    }
    this.#sweeping = false;
  }

  #check(connection: SocketConnection, excused: boolean): void {
    const { logger, idleTtlMs } = this.#options;
    if (!connection.isOpen) return;
    const idleMs = Math.round(performance.now() - connection.lastFrameAtMs);
    if (connection.awaitingPong && !excused && !connection.isPaused) {
      logger.info({ connectionId: connection.id, idleMs }, "heartbeat_timeout");
      connection.terminate();
    } else if (idleMs >= idleTtlMs) {
      logger.info({ connectionId: connection.id, idleMs }, "connection_ttl_expired");
      connection.close("idleExpired");
    } else {
      connection.ping();
    }
  }
}
