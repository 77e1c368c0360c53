// The run lease of the Redis bundle: one hash a conversation, by the server's clock.

import { z } from "zod";
import { LOG_WINDOW } from "./event-log.ts";
import { keysOf } from "./redis-keys.ts";
import { ACQUIRE, RELEASE, RENEW } from "./redis-lease-scripts.ts";
import type { RedisKeeperOptions } from "./redis-memory.ts";
import { checked } from "./redis-records.ts";
import { RedisRunHints } from "./redis-run-hints.ts";
import { LEASE_TIMES, type Lease, type RunLease } from "./run-lease.ts";

const generationSchema = z.number().nullable();

/** So long after an outage nobody takes over what another instance had: its owner gets the time to come back. */
const SPARED_AFTER_OUTAGE_MS = 20_000;

export class RedisRunLease implements RunLease {
  readonly #options: RedisKeeperOptions;
  readonly #held = new Set<string>();
  readonly #hints: RedisRunHints;
  /** Generations that could not be given back: Redis was away. They would stand in our own way until they lapse. */
  readonly #unreleased = new Map<string, number>();

  constructor(options: RedisKeeperOptions) {
    this.#hints = new RedisRunHints(options.connection);
    this.#options = options;
  }

  /** Conversations whose lease was taken here and not given back: a wake that was missed may have been for these. */
  get held(): readonly string[] {
    return [...this.#held];
  }

  async acquire(conversationId: string): Promise<Lease | undefined> {
    const { connection, instanceId, conversationTtlMs } = this.#options;
    const unreleased = this.#unreleased.get(conversationId);
    if (unreleased !== undefined) await this.#free(conversationId, unreleased);
    this.#unreleased.delete(conversationId);
    // After an outage all leases have lapsed, and their owners are about to renew them.
    const spares = connection.watch.sinceOutageMs < SPARED_AFTER_OUTAGE_MS ? "1" : "0";
    const args = [String(LEASE_TIMES.lifeMs), instanceId, String(conversationTtlMs), spares];
    const reply = await connection.run(ACQUIRE, keysOf(ACQUIRE, conversationId), args);
    const generation = checked(generationSchema, reply);
    if (generation === null) return undefined;
    this.#held.add(conversationId);
    void this.#hints.held(conversationId, LEASE_TIMES.lifeMs);
    return { conversationId, generation };
  }

  async renew({ conversationId, generation }: Lease): Promise<boolean> {
    const { connection, conversationTtlMs } = this.#options;
    const times = [LEASE_TIMES.lifeMs, conversationTtlMs, LOG_WINDOW.maxAgeMs].map(String);
    const reply = await connection.run(RENEW, keysOf(RENEW, conversationId), [String(generation), ...times]);
    if (reply === 1) void this.#hints.held(conversationId, LEASE_TIMES.lifeMs);
    return reply === 1;
  }

  abandoned(): Promise<readonly string[]> {
    return this.#hints.overdue();
  }

  async release({ conversationId, generation }: Lease, isDone = true): Promise<void> {
    // Before the call: whether it arrives or not, nobody works here on this conversation any more.
    this.#held.delete(conversationId);
    let reply: unknown;
    try {
      reply = await this.#free(conversationId, generation);
    } catch (error) {
      this.#unreleased.set(conversationId, generation);
      // By then it has lapsed.
      setTimeout(() => this.#unreleased.delete(conversationId), LEASE_TIMES.lifeMs).unref();
      throw error;
    }
    // Who lost it has nothing to say of the conversation any more: the hint is the next holder's. And not before the
    // lease is free: whoever finds the hint shall be able to take it.
    if (reply !== 0) void this.#hints.released(conversationId, isDone && reply === 1);
  }

  #free(conversationId: string, generation: number): Promise<unknown> {
    return this.#options.connection.run(RELEASE, keysOf(RELEASE, conversationId), [String(generation)]);
  }
}
