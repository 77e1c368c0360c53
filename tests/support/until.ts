// Waits for a condition instead of sleeping.

import { setTimeout as pause } from "node:timers/promises";

const POLL_MS = 5;

/** Fulfilled as soon as `condition` holds; rejects with what was waited for when it does not in time. */
export async function until(what: string, condition: () => boolean, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await pause(POLL_MS);
  }
}
