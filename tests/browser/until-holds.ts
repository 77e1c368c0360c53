// Waits for something to hold in a page, under any content policy.

import { setTimeout as pause } from "node:timers/promises";
import type { Page } from "playwright-core";

const TIMEOUT_MS = 10_000;
const POLL_MS = 20;

/** Not `page.waitForFunction`: it looks again by `eval`, which the pages' policies forbid. */
export async function untilHolds(page: Page, expression: string): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!(await page.evaluate(expression))) {
    if (performance.now() > deadline) throw new Error(`not within ${TIMEOUT_MS} ms: ${expression}`);
    await pause(POLL_MS);
  }
}
