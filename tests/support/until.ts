// Waits for a condition instead of sleeping. Time in which this process was held up does not count, as in held-up.ts.

import { setTimeout as pause } from "node:timers/promises";
import { heldUpMs } from "./held-up.ts";

const POLL_MS = 5;
/** Who was late for one thing is late for what follows from it: as for `assertWithin`. */
const FOLLOWS = 2;

/** Fulfilled as soon as `condition` holds; rejects with what was waited for when it does not in time. */
export async function until(what: string, condition: () => boolean, timeoutMs = 15_000): Promise<void> {
  const startedAt = performance.now();
  const isLate = (): boolean => {
    const leftMs = startedAt + timeoutMs - performance.now();
    return leftMs < 0 && leftMs + FOLLOWS * heldUpMs(startedAt) < 0;
  };
  while (!condition()) {
    if (isLate()) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await pause(POLL_MS);
  }
}
