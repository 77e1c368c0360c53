// The time in which this instance holds a conversation's lease, and so is the one that may number its events.
// Promises: `ended` is aborted as soon as the lease is known to be lost, or the log refuses; a storage that is away
// does not end it; after `close`, whatever another instance produces reaches the readers here.

import { setTimeout as pause } from "node:timers/promises";
import { toAppError } from "#app/core/errors.ts";
import type { Logger } from "#app/core/logging.ts";
import { untilAborted } from "#app/core/until-aborted.ts";
import type { Conversation } from "#app/models/conversation.ts";
import type { ConversationChannel } from "./conversation-channel.ts";
import type { DetachedLog } from "./detached-log.ts";
import type { LogHead } from "./event-log.ts";
import { EventWriter } from "./event-writer.ts";
import type { RemoteFeed } from "./remote-feed.ts";
import { LEASE_TIMES, type Lease } from "./run-lease.ts";
import { RunStop } from "./run-stop.ts";
import type { StorageBundle } from "./storage-bundle.ts";

export interface TenureOptions {
  readonly conversationId: string;
  readonly storage: StorageBundle;
  readonly channel: ConversationChannel;
  readonly feed: RemoteFeed;
  readonly logger: Logger;
}

export interface Tenure {
  readonly lease: Lease;
  readonly writer: EventWriter;
  /** Names the life of the log as the storage knows it. */
  readonly epoch: string;
  /** Aborted with a RunStop `lease-lost`. */
  readonly ended: AbortSignal;
  /** The lease is known to be gone: nothing more is shown or recorded under it. */
  lose(): void;
  /** The conversation as it was just read: what goes on without the storage goes on with this. */
  readsAs(conversation: Conversation): void;
  /**
   * Resolves when what was said while the storage was away has been brought home; at once where it was not away. Waits
   * until the storage is back, somebody else has taken the lease (then `ended` is aborted), or the signal aborts. Never
   * rejects.
   */
  reattached(signal: AbortSignal): Promise<void>;
  /** Waits for what was written, and gives the lease back; with `isDone` false for somebody else to go on at once. */
  close(isDone: boolean): Promise<void>;
}

/** How often a storage that is away is asked whether it is back. */
const RETRY_MS = 1_000;
/** Two ticks further apart than this: the process was stopped, or its machine. */
const STANDSTILL_MS = 2 * LEASE_TIMES.renewEveryMs;

/** Takes the lease and opens the log; undefined while another instance holds it. @throws AppError of the storage */
export async function beginTenure(options: TenureOptions): Promise<Tenure | undefined> {
  const { conversationId, storage, channel, feed } = options;
  const askedAt = Date.now();
  const lease = await storage.lease.acquire(conversationId);
  if (!lease) return undefined;
  try {
    const head = await storage.log.open(conversationId);
    // Our own events come to our readers directly; hearing them from Redis as well would double the work.
    feed.rest();
    channel.enter(head.epoch);
    // The last words of the one before us may still be on their way here, where nobody listens any more.
    if (head.lastSeq > channel.lastSeq) channel.recheck();
    return new HeldTenure(options, lease, { head, askedAt });
  } catch (error) {
    await handBack(options, lease, false);
    throw error;
  }
}

class HeldTenure implements Tenure {
  readonly lease: Lease;
  readonly writer: EventWriter;
  #epoch: string;
  readonly #options: TenureOptions;
  readonly #ended = new AbortController();
  readonly #renewal: NodeJS.Timeout;
  readonly #closed = new AbortController();
  #conversation: Conversation | undefined;
  /** When what gave it the lease last was asked. By the clock of the day, which goes on while a process is stopped. */
  #heldFrom: number;
  #tickedAt: number;
  /** This process stood still, and its lease may have lapsed meanwhile: somebody else may have it. */
  #isDoubtful = false;
  #homecoming: Promise<void> | undefined;

  constructor(
    options: TenureOptions,
    lease: Lease,
    { head, askedAt }: { readonly head: LogHead; readonly askedAt: number },
  ) {
    const { storage, channel, logger } = options;
    this.#options = options;
    this.lease = lease;
    this.#epoch = head.epoch;
    this.#heldFrom = askedAt;
    this.#tickedAt = askedAt;
    this.writer = new EventWriter({
      ...{ log: storage.log, lease, head, channel },
      record: (change) => storage.store.record(lease, change),
      detach: (shownSeq) => this.#detach(shownSeq),
      onFailure: (error) => {
        if (!this.ended.aborted) logger.error({ err: error }, "event_append_failed");
        this.lose();
      },
    });
    this.#renewal = setInterval(() => void this.#renew(), LEASE_TIMES.renewEveryMs);
  }

  get epoch(): string {
    return this.#epoch;
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  readsAs(conversation: Conversation): void {
    this.#conversation = conversation;
  }

  async reattached(signal: AbortSignal): Promise<void> {
    while (this.#homecoming && !signal.aborted)
      await untilAborted(this.#homecoming, signal).catch(() => undefined);
    await this.writer.settled();
  }

  async close(isDone: boolean): Promise<void> {
    clearInterval(this.#renewal);
    this.#closed.abort();
    await this.#homecoming;
    await this.writer.settled();
    const isLost = this.ended.aborted || this.writer.detached !== undefined;
    // A stop of this instance does not wait for a storage that may never come back.
    if (this.writer.detached) this.#options.logger.error({}, "detached_run_dropped");
    this.#options.storage.shelter?.release(this.lease.conversationId);
    await handBack(this.#options, this.lease, isDone && !isLost);
  }

  #detach(shownSeq: number): DetachedLog | undefined {
    const { storage, logger } = this.#options;
    // Who has lost the lease holds nothing back for the storage, either: the conversation may have been erased.
    if (!this.#conversation || this.ended.aborted) return undefined;
    this.#tick();
    if (this.#isDoubtful) {
      this.lose();
      return undefined;
    }
    const life = storage.shelter?.detach(this.#conversation, shownSeq);
    if (!life) return undefined;
    logger.warn({ seq: shownSeq }, "run_detached");
    const homecoming = this.#comeHome(life).finally(() => {
      if (this.#homecoming === homecoming) this.#homecoming = undefined;
    });
    this.#homecoming = homecoming;
    return life;
  }

  /** Tries until the life is home, or has none any more. Never rejects. */
  async #comeHome(life: DetachedLog): Promise<void> {
    const gone = AbortSignal.any([this.ended, this.#closed.signal]);
    for (;;) {
      await pause(RETRY_MS, undefined, { signal: gone }).catch(() => undefined);
      if (gone.aborted) return;
      try {
        await this.#renewOrLose();
        if (!this.ended.aborted && (await this.#bringHome(life))) return;
      } catch (error) {
        if (toAppError(error).code !== "storage_unavailable") this.lose();
      }
    }
  }

  /**
   * The log first, then the records, as ever: who finds the end of a run in the log alone can still record it. Nothing is
   * shown meanwhile: no number may stand under a name that the storage has heard of, and not in the storage.
   */
  async #bringHome(life: DetachedLog): Promise<boolean> {
    const { storage, channel, logger } = this.#options;
    this.writer.hold();
    try {
      if (!(await storage.shelter?.adopt(this.lease, life))) {
        this.writer.goOn();
        return false;
      }
      for (const change of life.changes) await storage.store.record(this.lease, change);
    } catch (error) {
      life.rename();
      this.writer.goOn();
      throw error;
    }
    storage.shelter?.release(this.lease.conversationId);
    this.#epoch = life.epoch;
    channel.attach();
    channel.move(life.epoch, life.head.lastSeq);
    this.writer.reattach();
    logger.info({ events: life.events.length }, "run_reattached");
    return true;
  }

  lose(): void {
    this.#ended.abort(new RunStop("lease-lost"));
  }

  #tick(): void {
    const now = Date.now();
    const stoodStill = now - this.#tickedAt >= STANDSTILL_MS;
    this.#isDoubtful ||= stoodStill && now - this.#heldFrom >= LEASE_TIMES.lifeMs;
    this.#tickedAt = now;
  }

  async #renew(): Promise<void> {
    this.#tick();
    // An answer that does not come is no loss: the next renewal asks again, and the fence guards every write.
    await this.#renewOrLose().catch(() => undefined);
  }

  /** @throws AppError of the storage */
  async #renewOrLose(): Promise<void> {
    const askedAt = Date.now();
    if (!(await this.#options.storage.lease.renew(this.lease))) {
      this.lose();
      return;
    }
    this.#heldFrom = askedAt;
    if (Date.now() - askedAt < LEASE_TIMES.lifeMs) this.#isDoubtful = false;
  }
}

/** The readers listen before the lease is free: nothing that its next holder says can pass them by. */
async function handBack(options: TenureOptions, lease: Lease, isDone: boolean): Promise<void> {
  const { storage, channel, feed } = options;
  channel.attach();
  await feed.resume();
  if (!isDone) channel.recheck();
  await storage.lease.release(lease, isDone);
}
