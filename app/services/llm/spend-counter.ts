// Counts what has been spent, in sums that have a name and an end: in one place for all instances, where there is such
// a place. This one counts in the process: a restart begins anew.
// Promises: its memory is bounded; the sums that were asked for least recently leave first, and begin anew.

/** One sum that changes. */
export interface SpendChange {
  /** `parley:tokens:day:all:2026-11-21` */
  readonly key: string;
  /** A whole number; below zero gives back. */
  readonly by: number;
  /** How long after its last change the sum is remembered. */
  readonly keptSeconds: number;
}

export interface SpendCounter {
  /** Makes the changes, all at the same moment as far as it can; resolves with the new sums, in their order. */
  add(changes: readonly SpendChange[]): Promise<readonly number[]>;
}

/** A sum as this instance knows it. */
export interface OwnSum {
  sum: number;
  /** What a counter that is shared has not been told. */
  untold: number;
  untilMs: number;
}

/** Some ten megabytes. Visitors and conversations have a sum each, and nobody may fill the memory with them. */
const MAX_SUMS = 50_000;

export class OwnSums {
  readonly #sums = new Map<string, OwnSum>();
  readonly #maxSums: number;
  readonly #now: () => number;

  /** @param now milliseconds since 1970 */
  constructor(maxSums: number = MAX_SUMS, now: () => number = Date.now) {
    this.#maxSums = maxSums;
    this.#now = now;
  }

  add({ key, by, keptSeconds }: SpendChange): OwnSum {
    const known = this.#sums.get(key);
    const isOver = known === undefined || known.untilMs < this.#now();
    const sum = isOver ? { sum: 0, untold: 0, untilMs: 0 } : known;
    sum.sum += by;
    sum.untilMs = this.#now() + keptSeconds * 1_000;
    // Behind all others: the first of the map is the one that was used least recently.
    this.#sums.delete(key);
    this.#sums.set(key, sum);
    const [oldest] = this.#sums.keys();
    if (this.#sums.size > this.#maxSums && oldest !== undefined) this.#sums.delete(oldest);
    return sum;
  }
}

export function createMemorySpendCounter(sums: OwnSums = new OwnSums()): SpendCounter {
  return { add: (changes) => Promise.resolve(changes.map((change) => sums.add(change).sum)) };
}
