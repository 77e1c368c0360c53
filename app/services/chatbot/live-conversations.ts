// The live part of every conversation that is open or running on this instance: its channel, its line, its feed.
// Keeps nothing of a conversation that nobody reads and nobody answers.

import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { ERROR_TABLE } from "#app/core/errors.ts";
import type { Logger } from "#app/core/logging.ts";
import type { Metrics } from "#app/core/metrics.ts";
import { ERASED_FRAME, encodeConnectionFrame } from "#app/models/server-event.ts";
import type { Agent } from "./agent.ts";
import { ConversationChannel } from "./conversation-channel.ts";
import type { PersonaRegistry } from "./persona-registry.ts";
import { Reader, type ReaderOptions } from "./reader.ts";
import { RemoteFeed } from "./remote-feed.ts";
import type { RunAdmission } from "./run-admission.ts";
import { RunQueue } from "./run-queue.ts";
import type { StorageBundle } from "./storage-bundle.ts";

export interface LiveConversationsOptions {
  readonly storage: StorageBundle;
  readonly registry: PersonaRegistry;
  readonly agent: Agent;
  readonly admission: RunAdmission;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
  readonly runDeadlineMs: number;
}

interface LiveConversation {
  readonly channel: ConversationChannel;
  readonly queue: RunQueue;
  readonly feed: RemoteFeed;
  /** Readers that are on their way in: they keep it as those do who have arrived. */
  arriving: number;
}

const SILENCE_RETRY_MS = 5_000;
/** How often each instance looks for runs that nobody works on any more. */
const SWEEP_EVERY_MS = 2_000;
/**
 * An instance that died may have left thousands, which are found a hundred at a time. They are taken up a few at a time,
 * one after the other: all at once, the beginning of so many replies holds up this process, and its calls to Redis
 * are late.
 */
const TAKEN_UP_AT_ONCE = 10;
const TAKE_UP_EVERY_MS = 25;

export class LiveConversations {
  readonly #options: LiveConversationsOptions;
  readonly #live = new Map<string, LiveConversation>();
  readonly #sweeper: NodeJS.Timeout;
  #isSweeping = true;
  #isLooking = false;
  #isDrained = false;
  #silence: NodeJS.Timeout | undefined;

  constructor(options: LiveConversationsOptions) {
    this.#options = options;
    options.storage.onWhisper((id, frame) => {
      if (frame === ERASED_FRAME) this.erase(id);
      else this.#live.get(id)?.channel.whisper(frame);
    });
    options.storage.onAvailability((isUp) => this.#watchSilence(isUp));
    options.storage.onWake((id) => this.queueOf(id).wake());
    this.#sweeper = setInterval(() => void this.#sweep(), SWEEP_EVERY_MS);
    this.#sweeper.unref();
    void this.#sweep();
  }

  /** Whether messages that come now would not be answered any more. */
  get isDrained(): boolean {
    return this.#isDrained;
  }

  get counts(): { readonly live: number; readonly running: number } {
    let running = 0;
    for (const { queue } of this.#live.values()) if (queue.busy) running += 1;
    return { live: this.#live.size, running };
  }

  /** The line of a conversation, made where there is none. */
  queueOf(id: string): RunQueue {
    return this.#of(id).queue;
  }

  /** The line of a conversation, if it is live. */
  knownQueueOf(id: string): RunQueue | undefined {
    return this.#live.get(id)?.queue;
  }

  /** Listens before the reader looks at the log, so that nothing falls in between. @throws AppError of the storage */
  async listen(options: Omit<ReaderOptions, "channel" | "log">): Promise<Reader> {
    const { conversationId } = options;
    const arrived = this.expect(conversationId);
    try {
      const live = this.#of(conversationId);
      // Asked in the tick in which the reader joins: a tenure can begin or end while the subscription is on its way.
      while (!live.feed.isLive) await live.feed.follow();
      const reader = new Reader({ ...options, channel: live.channel, log: this.#options.storage.log });
      live.channel.join(reader);
      return reader;
    } finally {
      arrived();
    }
  }

  /** Begins what {@link listen} waits for; until the result is called, it is kept. */
  expect(conversationId: string): () => void {
    const live = this.#of(conversationId);
    live.arriving += 1;
    live.feed.follow().catch(() => undefined);
    return () => {
      live.arriving -= 1;
      this.#forgetIfIdle(conversationId);
    };
  }

  /** A frame of the moment, for everybody who reads the conversation but this reader. */
  whisper(conversationId: string, frame: string, from: Reader | undefined): void {
    this.#live.get(conversationId)?.channel.whisper(frame, from);
    void this.#options.storage.whisper(conversationId, frame);
  }

  /** The storage has dropped it: what runs here is broken off, what is held here is let go, who reads here is told. */
  erase(id: string): void {
    this.#options.storage.shelter?.release(id);
    const live = this.#live.get(id);
    live?.queue.forsake();
    live?.channel.end(ERASED_FRAME);
    // A line that only waited to be looked at again will not be.
    this.#forgetIfIdle(id);
  }

  leave(conversationId: string, reader: Reader): void {
    reader.stop();
    this.#forgetIfIdle(conversationId);
  }

  async drain(graceMs: number): Promise<void> {
    this.#stopSweeping();
    const timer = setTimeout(() => this.#interruptAll(), graceMs);
    while (this.counts.running > 0) {
      await Promise.all([...this.#live.values()].map(({ queue }) => queue.idle()));
    }
    clearTimeout(timer);
    this.#interruptAll();
  }

  /** Takes up what an instance that died has left, this one's own predecessor included. */
  async #sweep(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const seen = new Set<string>();
    while (await this.#takeUp(seen)) await pause(TAKE_UP_EVERY_MS, undefined, { ref: false });
    this.#isLooking = false;
  }

  /** A few that were not seen in this sweep; false where there are none: what nobody can take is not insisted on. */
  async #takeUp(seen: Set<string>): Promise<boolean> {
    const abandoned = await this.#options.storage.lease.abandoned();
    if (!this.#isSweeping) return false;
    const few = abandoned.filter((id) => !seen.has(id)).slice(0, TAKEN_UP_AT_ONCE);
    for (const id of few) {
      seen.add(id);
      this.queueOf(id).wake();
    }
    return few.length > 0;
  }

  /** What is abandoned from here on is taken up by others: here it would only be broken off a second time. */
  #stopSweeping(): void {
    this.#isSweeping = false;
    clearInterval(this.#sweeper);
    clearInterval(this.#silence);
  }

  #watchSilence(isUp: boolean): void {
    clearInterval(this.#silence);
    if (isUp) return;
    this.#tellOfSilence();
    this.#silence = setInterval(() => this.#tellOfSilence(), SILENCE_RETRY_MS);
    this.#silence.unref();
  }

  /** What other instances say cannot be heard now: their readers here are told, rather than left waiting. */
  #tellOfSilence(): void {
    const { message, retryable } = ERROR_TABLE.storage_unavailable;
    const retryAfterMs = SILENCE_RETRY_MS;
    for (const [id, { channel, queue }] of this.#live) {
      if (queue.runningId !== undefined || this.#options.storage.kindOf(id) === "memory") continue;
      const value = { code: "storage_unavailable", message, retryable, retryAfterMs } as const;
      channel.whisper(encodeConnectionFrame("error", { ...value, requestId: randomUUID() }));
    }
  }

  #interruptAll(): void {
    this.#isDrained = true;
    for (const { queue } of this.#live.values()) queue.drain();
  }

  #of(id: string): LiveConversation {
    const known = this.#live.get(id);
    if (known) return known;
    const channel = new ConversationChannel();
    const logger = this.#options.logger.child({ conversationId: id });
    const feed = new RemoteFeed({ conversationId: id, log: this.#options.storage.log, channel, logger });
    const queue = new RunQueue({
      ...this.#options,
      conversationId: id,
      channel,
      feed,
      logger,
      onIdle: () => this.#forgetIfIdle(id),
    });
    if (this.#isDrained) queue.drain();
    const live = { channel, queue, feed, arriving: 0 };
    this.#live.set(id, live);
    return live;
  }

  #forgetIfIdle(id: string): void {
    const live = this.#live.get(id);
    if (!live || live.channel.readerCount > 0 || live.arriving > 0) return;
    void live.feed.pause();
    if (!live.queue.needed) this.#live.delete(id);
  }
}
