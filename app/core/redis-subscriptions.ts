// Listens to channels of Redis, ordinary and sharded ones, on a connection of its own.
// Promises: after a lost connection every channel is subscribed again, and every listener is told that it may have
// missed something. Redis keeps no message: who must not miss one reads it from where it is kept.

import type { Logger } from "./logging.ts";
import { type PatientRedis, wasLostEarly } from "./redis-client.ts";
import { toRedisError, wasNotCarriedOut, withoutParticulars } from "./redis-errors.ts";

/** Gets what was published, or undefined after a gap. */
export type ChannelListener = (payload: Buffer | undefined) => void;

/** `sharded`: stays on the node that has the slot of the channel's name. */
export type ChannelKind = "sharded" | "ordinary";

interface Subscription {
  readonly channel: string;
  readonly kind: ChannelKind;
  readonly listeners: Set<{ readonly notify: ChannelListener }>;
  /** Of the newest connection. */
  confirmed: Promise<unknown>;
}

/** Arms the socket's time-out: without it nobody would notice a subscription whose server is gone without a word. */
const PING_EVERY_MS = 5_000;

/**
 * Kept in both kinds and never left: ioredis takes the end of the last channel of one kind for the end of all, and hands
 * out nothing any more of the channels of the other kind.
 */
const ANCHOR = "parley:anchor";

export class RedisSubscriptions {
  readonly #client: PatientRedis;
  readonly #logger: Logger;
  readonly #byChannel = new Map<string, Subscription>();
  readonly #pulse: NodeJS.Timeout;

  constructor(client: PatientRedis, logger: Logger) {
    this.#client = client;
    this.#logger = logger;
    client.on("ready", () => {
      for (const kind of ["ordinary", "sharded"] as const) this.#send(ANCHOR, kind).catch(ignored);
      this.#resubscribe();
    });
    const receive = (channel: Buffer, payload: Buffer): void => this.#deliver(channel.toString(), payload);
    client.on("messageBuffer", receive);
    client.on("smessageBuffer", receive);
    this.#pulse = setInterval(() => {
      if (this.#byChannel.size > 0 && client.status === "ready") client.ping().catch(ignored);
    }, PING_EVERY_MS);
    this.#pulse.unref();
  }

  /** How many channels are subscribed. */
  get size(): number {
    return this.#byChannel.size;
  }

  /**
   * Resolves once subscribed, with what ends it again; that never rejects, and nothing is delivered after it was called.
   * @throws AppError `storage_unavailable`
   */
  async subscribe(channel: string, kind: ChannelKind, notify: ChannelListener): Promise<() => Promise<void>> {
    let entry = this.#byChannel.get(channel);
    if (!entry) {
      entry = { channel, kind, listeners: new Set(), confirmed: this.#send(channel, kind) };
      this.#byChannel.set(channel, entry);
    }
    const subscription = entry;
    const listener = { notify };
    subscription.listeners.add(listener);
    try {
      await this.#whenConfirmed(subscription);
    } catch (error) {
      // Not waited for: the caller has waited long enough.
      void this.#leave(subscription, listener);
      throw toRedisError(error);
    }
    return () => this.#leave(subscription, listener);
  }

  /** Subscribed now or as soon as there is a connection, for as long as this lives. */
  keep(channel: string, kind: ChannelKind, notify: ChannelListener): void {
    const confirmed = this.#send(channel, kind);
    confirmed.catch(ignored);
    this.#byChannel.set(channel, { channel, kind, listeners: new Set([{ notify }]), confirmed });
  }

  close(): void {
    clearInterval(this.#pulse);
    this.#byChannel.clear();
  }

  /** Also by the connection that comes after one that was lost just now. */
  async #whenConfirmed(subscription: Subscription): Promise<void> {
    const { confirmed } = subscription;
    const startedAt = performance.now();
    try {
      await confirmed;
    } catch (error) {
      const mayBeAgain = wasLostEarly(error, startedAt) || wasNotCarriedOut(error);
      if (!mayBeAgain || !(await this.#client.whenBack())) throw error;
      // Subscribed again with the others, unless it was not yet one of them.
      if (subscription.confirmed === confirmed) throw error;
      await subscription.confirmed;
    }
  }

  async #leave(subscription: Subscription, listener: { readonly notify: ChannelListener }): Promise<void> {
    const { channel, kind, listeners } = subscription;
    listeners.delete(listener);
    if (listeners.size > 0 || this.#byChannel.get(channel) !== subscription) return;
    this.#byChannel.delete(channel);
    // A server that cannot be told has forgotten the subscription with the connection.
    await (kind === "sharded" ? this.#client.sunsubscribe(channel) : this.#client.unsubscribe(channel)).catch(
      ignored,
    );
  }

  #send(channel: string, kind: ChannelKind): Promise<unknown> {
    return kind === "sharded" ? this.#client.ssubscribe(channel) : this.#client.subscribe(channel);
  }

  /** Ours, not ioredis': that one rejects with nobody listening, and tells nobody of the gap. */
  #resubscribe(): void {
    for (const subscription of this.#byChannel.values()) {
      subscription.confirmed = this.#send(subscription.channel, subscription.kind);
      subscription.confirmed.then(
        () => this.#tell(subscription, undefined),
        (error: unknown) => {
          this.#logger.warn({ err: withoutParticulars(error) }, "redis_resubscription_failed");
          // The next connection tries again.
          if (this.#client.status === "ready") this.#client.disconnect(true);
        },
      );
    }
  }

  #deliver(channel: string, payload: Buffer): void {
    const subscription = this.#byChannel.get(channel);
    if (subscription) this.#tell(subscription, payload);
  }

  #tell(subscription: Subscription, payload: Buffer | undefined): void {
    for (const { notify } of subscription.listeners) {
      try {
        notify(payload);
      } catch (error) {
        // One listener's fault is not the others', and not the connection's.
        this.#logger.error({ err: error }, "redis_listener_failed");
      }
    }
  }
}

function ignored(): void {
  // The connection reports its own end.
}
