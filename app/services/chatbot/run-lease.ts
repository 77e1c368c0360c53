// The contract of the run lease: at most one instance produces a conversation's events at a time.
// The promises are held against every implementation by tests/contracts/run-lease.ts.

/** The right to produce; `generation` grows with every acquisition and fences every write. */
export interface Lease {
  readonly conversationId: string;
  readonly generation: number;
}

/** How long a lease lives without renewal, and how often it is renewed. */
export const LEASE_TIMES = { lifeMs: 10_000, renewEveryMs: 3_000 } as const;

export interface RunLease {
  /** The lease, or undefined while another holder's is alive. */
  acquire(conversationId: string): Promise<Lease | undefined>;
  /** Prolongs it; false when it lapsed and was taken, or was released. */
  renew(lease: Lease): Promise<boolean>;
  /**
   * Gives it back; harmless when it is no longer ours. With `isDone` false the line was not worked off: it is among the
   * next {@link abandoned} ones at once.
   */
  release(lease: Lease, isDone?: boolean): Promise<void>;
  /**
   * Conversations that may have something left to do and that nobody works on: whose holder died, or never came. A
   * hint: acquiring the lease decides. Never rejects.
   */
  abandoned(): Promise<readonly string[]>;
}
