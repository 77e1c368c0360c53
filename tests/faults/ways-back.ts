// The ways back after an instance was lost: at once, or as the client library goes after a restart, which is not before
// the connection ends, and then after the time that `draining` named.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { Tab } from "./tab.ts";

/** What a visitor was told by an instance that stopped. */
export interface Farewell {
  readonly reconnectInMs: number;
  readonly code: number;
  /** Date.now() at the close. */
  readonly closedAt: number;
}

type Place = Parameters<Tab["comeBack"]>[0];

const SERVICE_RESTART = 1012;
const INTERNAL_ERROR = 1011;
const drainingSchema = z.object({ value: z.object({ reconnectInMs: z.int().min(0).max(5_000) }) });

/** Each comes back by itself, within two seconds of the fault. */
export async function comeBackSpread(tabs: readonly Tab[], place: Place): Promise<void> {
  await Promise.all(
    tabs.map(async (tab, index) => {
      await pause((index * 2_000) / tabs.length);
      await tab.comeBack(place);
    }),
  );
}

/** Waits for the end of the connection, and comes back when it was told to. */
export async function comeBackAsTold(tab: Tab, place: Place): Promise<Farewell> {
  const { code } = await tab.client.closed;
  const closedAt = Date.now();
  assert.equal(code, SERVICE_RESTART);
  const told = tab.client.frames.filter(({ name }) => name === "draining");
  assert.equal(told.length, 1, "it was told once when to come back");
  const { reconnectInMs } = drainingSchema.parse(told[0]).value;
  await pause(reconnectInMs);
  await tab.comeBack(place);
  return { reconnectInMs, code, closedAt };
}

/**
 * Comes back after every restart, until `over`; what it was told stands in `farewells` as soon as it is back.
 * Rejects where a connection ended in another way, or could not be continued.
 */
export async function followRestarts(
  tab: Tab,
  place: Place,
  farewells: Farewell[],
  over: AbortSignal,
): Promise<void> {
  for (;;) {
    await tab.client.closed;
    if (over.aborted) return;
    farewells.push(await comeBackAsTold(tab, place));
  }
}

/** Comes back wherever the server had a fault of its own, until `over`: it could not read the log in time, say. */
export async function followFaults(
  tab: Tab,
  place: Place,
  faults: number[],
  over: AbortSignal,
): Promise<void> {
  for (;;) {
    const { code } = await tab.client.closed;
    if (over.aborted) return;
    assert.equal(code, INTERNAL_ERROR);
    faults.push(code);
    await tab.comeBack(place);
  }
}

/** They come back over all of five seconds, and not as one. */
export function assertSpread(farewells: readonly Farewell[]): string {
  const times = farewells.map(({ reconnectInMs }) => reconnectInMs).toSorted((one, other) => one - other);
  const [least = 0, most = 0] = [times[0], times.at(-1)];
  const busiest = Math.max(
    ...times.map((from) => times.filter((at) => at >= from && at < from + 500).length),
  );
  // A tenth of the time holds a tenth of them, or a little more.
  assert.ok(
    most - least > 3_000 && busiest < times.length * 0.3,
    `${least} to ${most} ms, busiest ${busiest}`,
  );
  const closes = farewells.map(({ closedAt }) => closedAt);
  const closingMs = Math.max(...closes) - Math.min(...closes);
  return `${times.length} told to come back in ${least} to ${most} ms, at most ${busiest} in half a second, closed within ${closingMs} ms`;
}
