// The run lease of the in-memory bundle. One process holds them all; a lease still lapses when it is not renewed, so
// that a run whose code hangs does not block its conversation for ever.

import type { LocalStorage } from "./local-storage.ts";
import { LEASE_TIMES, type Lease, type RunLease } from "./run-lease.ts";

export class LocalRunLease implements RunLease {
  readonly #storage: LocalStorage;

  constructor(storage: LocalStorage) {
    this.#storage = storage;
  }

  async acquire(conversationId: string): Promise<Lease | undefined> {
    const record = this.#storage.find(conversationId) ?? this.#storage.add(conversationId);
    const now = this.#storage.now;
    if (record.lease && record.lease.heldUntil > now) return undefined;
    const generation = this.#storage.nextGeneration();
    record.lease = { generation, heldUntil: now + LEASE_TIMES.lifeMs };
    return { conversationId, generation };
  }

  async renew(lease: Lease): Promise<boolean> {
    const held = this.#storage.find(lease.conversationId)?.lease;
    if (held?.generation !== lease.generation || held.heldUntil === 0) return false;
    // A lease that lapsed and that nobody took meanwhile is still ours: its generation is unchanged.
    held.heldUntil = this.#storage.now + LEASE_TIMES.lifeMs;
    return true;
  }

  /** What this process leaves behind dies with it. */
  async abandoned(): Promise<readonly string[]> {
    return [];
  }

  async release(lease: Lease): Promise<void> {
    const held = this.#storage.find(lease.conversationId)?.lease;
    if (held?.generation === lease.generation) held.heldUntil = 0;
  }
}
