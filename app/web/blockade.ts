// Whether WebSockets get through, as far as is known: which transport the next attempt takes. Pure: the caller brings
// the time. A network that blocks them today is left tomorrow, so they are tried again every few minutes.

import type { TransportName } from "./transport.ts";

const REFUSALS_UNTIL_BLOCKED = 2;
const TRY_AGAIN_MS = 3 * 60_000;

export class Blockade {
  #refusals = 0;
  #refusedAtMs = 0;

  choose(nowMs: number): TransportName {
    return this.#isBlocked() && nowMs - this.#refusedAtMs < TRY_AGAIN_MS ? "sse" : "websocket";
  }

  /** A frame came over a WebSocket. */
  passed(): void {
    this.#refusals = 0;
  }

  /**
   * A WebSocket did not open though its host answers over HTTP. Once can be chance, such as a server that was just
   * starting; one that hangs (`slow`) is not tried twice.
   * @returns whether they count as blocked from now on
   */
  refused(how: "slow" | "failed", nowMs: number): boolean {
    this.#refusals += how === "slow" ? REFUSALS_UNTIL_BLOCKED : 1;
    this.#refusedAtMs = nowMs;
    return this.#isBlocked();
  }

  #isBlocked(): boolean {
    return this.#refusals >= REFUSALS_UNTIL_BLOCKED;
  }
}
