// What the event log suites append, and how they read it back: every event is named after its number.

import assert from "node:assert/strict";
import type { LogBatch, LogHead } from "#app/services/chatbot/event-log.ts";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import { openConversation } from "./conversation-samples.ts";
import type { Keepers } from "./storage-harness.ts";

export interface OpenLog {
  readonly id: string;
  readonly lease: Lease;
  readonly head: LogHead;
}

export async function openLog(keepers: Keepers): Promise<OpenLog> {
  const { id, lease } = await openConversation(keepers);
  return { id, lease, head: await keepers.log.open(id) };
}

/** Events `from` to `to`, named after their numbers; nothing below `floorSeq` needs to stay. */
export function batch(from: number, to: number, floorSeq = to + 1): LogBatch {
  const events = Array.from({ length: to - from + 1 }, (_, index) => nameOf(from + index));
  return { firstSeq: from, events, floorSeq };
}

export function nameOf(seq: number): string {
  return `{"seq":${seq}}`;
}

/** Everything after `after` as the numbers it is kept under; undefined where it cannot be proved whole. */
export async function numbersAfter({ log }: Keepers, { id, head }: OpenLog, after: number) {
  const slice = await log.read(id, { epoch: head.epoch, after, limit: 1_000 });
  if (!slice) return undefined;
  assert.equal(slice.epoch, head.epoch);
  const numbers = slice.events.map((_, index) => slice.firstSeq + index);
  assert.deepEqual(slice.events, numbers.map(nameOf), "every event stands under its own number");
  return numbers;
}
