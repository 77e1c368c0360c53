// How long to wait before the next attempt: twice as long each time, spread at random, never less than was asked for.
// Promises: pure but for chance. Does not wait.

export interface BackoffOptions {
  /** The first pause; each further one is twice as long, up to `waitMaxMs`, all ± 25 %. */
  readonly waitMinMs: number;
  readonly waitMaxMs: number;
  /** From 0 to below 1, as Math.random. */
  readonly random?: () => number;
}

/**
 * The pause in milliseconds after the failed attempt number `attempt`, from 1.
 * @param askedMs what the other side asked for, 0 for nothing
 */
export function backoffMs(attempt: number, askedMs: number, options: BackoffOptions): number {
  const { waitMinMs, waitMaxMs, random = Math.random } = options;
  const nominalMs = Math.min(waitMinMs * 2 ** (attempt - 1), waitMaxMs);
  const spread = random() / 2;
  // Those who were told the same time shall not all come back in the same moment.
  return Math.round(Math.max(nominalMs * (0.75 + spread), askedMs + (askedMs && spread * waitMinMs)));
}
