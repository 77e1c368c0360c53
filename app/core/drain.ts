// Closes many connections without bringing all their clients back in the same instant.

import { setTimeout as pause } from "node:timers/promises";
import type { CloseName } from "./close-codes.ts";
import type { Connection } from "./connection.ts";

export interface CloseAllOptions {
  /** Sockets closed in one go. */
  readonly batchSize: number;
  /** Between two batches. */
  readonly pauseMs: number;
}

/** Fulfilled when all are gone: ws cuts off, by its close timeout of 5 s, whoever does not answer the handshake. */
export async function closeInBatches(
  connections: Iterable<Connection>,
  name: CloseName,
  { batchSize, pauseMs }: CloseAllOptions,
): Promise<void> {
  const open = [...connections];
  for (let start = 0; start < open.length; start += batchSize) {
    if (start > 0) await pause(pauseMs);
    for (const connection of open.slice(start, start + batchSize)) connection.close(name);
  }
  await Promise.all(open.map(({ closed }) => closed));
}
