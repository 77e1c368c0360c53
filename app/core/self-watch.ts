// Looks at the process every so often, and speaks up when something has been bad three times in a row.
// Promises: never rejects, never blocks, never looks twice at once; every reading has a deadline of its own, and one that
// cannot be taken is bad. What is checked, and what is done about it, is handed in.

import type { Logger } from "./logging.ts";
import { resilient } from "./resilience.ts";

export interface HealthCheck {
  /** A word of the alert table: a metric's label. */
  readonly name: string;
  readonly read: () => Reading | Promise<Reading>;
}

export interface Reading {
  readonly isBad: boolean;
  /** What was found, for people: a figure and its bound. Never a secret. */
  readonly finding: string;
}

export interface HealthSnapshot {
  /** ISO 8601. */
  readonly at: string;
  readonly readings: Readonly<Record<string, Reading>>;
}

export interface SelfWatchOptions {
  readonly checks: readonly HealthCheck[];
  readonly intervalMs: number;
  readonly logger: Logger;
  /** Must not throw. Called at every snapshot for as long as it is bad; `isNew` at the first of them. */
  readonly onDegraded: (check: string, finding: string, isNew: boolean) => void;
  /** Must not throw. */
  readonly onRecovered: (check: string, finding: string) => void;
  /** What one reading may take. */
  readonly readingMs?: number;
}

const BAD_IN_A_ROW = 3;
const KEPT_MS = 3_600_000;
const READING_MS = 2_000;

export class SelfWatch {
  readonly #options: SelfWatchOptions;
  readonly #maxSnapshots: number;
  readonly #snapshots: HealthSnapshot[] = [];
  readonly #badInARow = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;

  constructor(options: SelfWatchOptions) {
    this.#options = options;
    // An hour's, but not a snapshot a second's worth of them.
    this.#maxSnapshots = Math.min(720, Math.max(1, Math.ceil(KEPT_MS / options.intervalMs)));
  }

  /** Of the last hour, newest first. */
  get snapshots(): readonly HealthSnapshot[] {
    return this.#snapshots.toReversed();
  }

  /** What is bad, and has been three times in a row. */
  get degraded(): readonly string[] {
    return [...this.#badInARow].filter(([, count]) => count >= BAD_IN_A_ROW).map(([name]) => name);
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.look(), this.#options.intervalMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** One snapshot; the timer calls it. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const { checks } = this.#options;
    const taken = await Promise.all(
      checks.map(async (check) => [check.name, await this.#read(check)] as const),
    );
    this.#snapshots.push({ at: new Date().toISOString(), readings: Object.fromEntries(taken) });
    if (this.#snapshots.length > this.#maxSnapshots) this.#snapshots.shift();
    for (const [name, reading] of taken) this.#judge(name, reading);
    this.#isLooking = false;
  }

  async #read({ name, read }: HealthCheck): Promise<Reading> {
    const { logger, readingMs = READING_MS } = this.#options;
    try {
      const { signal } = new AbortController();
      return await resilient(async () => await read(), { timeoutMs: readingMs, signal });
    } catch (error) {
      logger.warn({ check: name, err: error }, "health_check_failed");
      return { isBad: true, finding: "it could not be read" };
    }
  }

  /** One good reading is a recovery: what is refused for its sake is not refused a moment longer. */
  #judge(name: string, { isBad, finding }: Reading): void {
    const before = this.#badInARow.get(name) ?? 0;
    const count = isBad ? before + 1 : 0;
    this.#badInARow.set(name, count);
    if (count >= BAD_IN_A_ROW) this.#options.onDegraded(name, finding, count === BAD_IN_A_ROW);
    else if (!isBad && before >= BAD_IN_A_ROW) this.#options.onRecovered(name, finding);
  }
}
