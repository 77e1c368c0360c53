// How long others kept this process from running: what is timed in it is not to blame for a machine that is loaded, or
// stands still. Time in which the process itself was at work does not count.
// Import it before what is to be timed begins.

import assert from "node:assert/strict";

const STEP_MS = 20;
/** Less than this is the timers' own. */
const NOTICED_MS = 30;
/** Who was late for one thing is late for what follows from it. */
const FOLLOWS = 2;

const stalls: { readonly atMs: number; readonly ms: number }[] = [];
let steppedAtMs = performance.now();
let usage = process.cpuUsage();

setInterval(() => {
  const ms = lateMs();
  if (ms > 0) stalls.push({ atMs: performance.now(), ms });
  steppedAtMs = performance.now();
  usage = process.cpuUsage();
}, STEP_MS).unref();

/** Since the last step. */
function lateMs(): number {
  const { user, system } = process.cpuUsage(usage);
  const ms = performance.now() - steppedAtMs - STEP_MS - (user + system) / 1_000;
  return ms >= NOTICED_MS ? ms : 0;
}

/**
 * Milliseconds since then, `performance.now()`, in which this process wanted to run and could not. A standstill that has
 * only just ended is among them: what it delayed is read before the next step.
 */
export function heldUpMs(sinceMs: number): number {
  return stalls.filter(({ atMs }) => atMs >= sinceMs).reduce((sum, { ms }) => sum + ms, lateMs());
}

/** @param sinceMs when what was timed began, or anything before it, `performance.now()` */
export function assertWithin(what: string, tookMs: number, limitMs: number, sinceMs: number): void {
  const heldUp = Math.round(heldUpMs(sinceMs));
  assert.ok(tookMs < limitMs + FOLLOWS * heldUp, `${what}: ${tookMs} ms (held up for ${heldUp} ms)`);
}
