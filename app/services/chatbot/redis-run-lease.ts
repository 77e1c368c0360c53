// The run lease of the Redis bundle: one hash a conversation, by the server's clock.

import { z } from "zod";
import type { RedisConnection } from "#app/core/redis.ts";
import { LOG_WINDOW } from "./event-log.ts";
import { type ConversationScript, keysOf } from "./redis-keys.ts";
import { ACQUIRE, RELEASE, RENEW } from "./redis-lease-scripts.ts";
import type { RedisKeeperOptions } from "./redis-memory.ts";
import { checked } from "./redis-records.ts";
import { RedisRunHints } from "./redis-run-hints.ts";
import { LEASE_TIMES, type Lease, type RunLease } from "./run-lease.ts";

type ScriptArguments = Parameters<RedisConnection["run"]>[2];

const generationSchema = z.number().nullable();

/** So long after an outage nobody takes over what another instance had: its owner gets the time to come back. */
const SPARED_AFTER_OUTAGE_MS = 20_000;

export class RedisRunLease implements RunLease {
  readonly #options: RedisKeeperOptions;
  readonly #held = new Set<string>();
  readonly #hints: RedisRunHints;
  /**
   * Taken here, or not given back, as far as anybody knows: Redis did not answer. Such a lease would stand in our own way.
   * With the time until which it may live.
   */
  readonly #doubtful = new Map<string, number>();

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
    // After an outage all leases have lapsed, and their owners are about to renew them.
    const spares = connection.watch.sinceOutageMs < SPARED_AFTER_OUTAGE_MS ? "1" : "0";
    let mayBeOurs = this.#doubtful.delete(conversationId);
    const reply = await this.#run(ACQUIRE, conversationId, () => {
      const doubt = mayBeOurs ? "1" : "0";
      // An attempt that follows on this one is made where nobody knows what became of it.
      mayBeOurs = true;
      return [String(LEASE_TIMES.lifeMs), instanceId, String(conversationTtlMs), spares, doubt];
    });
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
    const reply = await this.#run(RELEASE, conversationId, [String(generation)]);
    // Who lost it has nothing to say of the conversation any more: the hint is the next holder's. And not before the
    // lease is free: whoever finds the hint shall be able to take it.
    if (reply !== 0) void this.#hints.released(conversationId, isDone && reply === 1);
  }

  /** What takes or frees: without an answer nobody knows whose it is. */
  #run(script: ConversationScript, id: string, args: ScriptArguments): Promise<unknown> {
    const reply = this.#options.connection.run(script, keysOf(script, id), args);
    reply.catch(() => this.#doubt(id));
    // Not another promise behind it: answers that come together are heard in their order, also by who waits for others.
    return reply;
  }

  #doubt(id: string): void {
    const lapsesAtMs = performance.now() + LEASE_TIMES.lifeMs;
    this.#doubtful.set(id, lapsesAtMs);
    setTimeout(() => {
      if (this.#doubtful.get(id) === lapsesAtMs) this.#doubtful.delete(id);
    }, LEASE_TIMES.lifeMs).unref();
  }
}
