// Brings what other instances produce in a conversation to the readers here.
// Promises: while it is live, every later event comes, or the readers are told to look at the log. It rests while this
// instance produces itself: its own events come to its readers directly, and not twice.

import type { Logger } from "#app/core/logging.ts";
import type { ConversationChannel } from "./conversation-channel.ts";
import type { EventLog } from "./event-log.ts";

export interface RemoteFeedOptions {
  readonly conversationId: string;
  readonly log: EventLog;
  readonly channel: ConversationChannel;
  readonly logger: Logger;
}

/** After a subscription that failed under its readers it is tried again. */
const RETRY_MS = 1_000;

export class RemoteFeed {
  readonly #options: RemoteFeedOptions;
  #subscription: Promise<() => Promise<void>> | undefined;
  #isSubscribed = false;
  #isResting = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: RemoteFeedOptions) {
    this.#options = options;
  }

  /** Whether every event from this tick on reaches the readers: from elsewhere, or because it is made here. */
  get isLive(): boolean {
    return this.#isResting || this.#isSubscribed;
  }

  /**
   * Subscribes, where somebody else may produce. It may have been paused again meanwhile: ask {@link isLive}.
   * @throws AppError `storage_unavailable`; the next call tries again
   */
  async follow(): Promise<void> {
    if (this.#isResting) return;
    this.#subscription ??= this.#subscribe();
    const subscription = this.#subscription;
    try {
      await subscription;
      if (this.#subscription === subscription) this.#isSubscribed = true;
    } catch (error) {
      if (this.#subscription === subscription) this.#subscription = undefined;
      throw error;
    }
  }

  /** This instance produces from now on. */
  rest(): void {
    this.#isResting = true;
    void this.pause();
  }

  /** Another instance may produce from now on; with readers here, they are subscribed when this resolves. Never rejects. */
  async resume(): Promise<void> {
    this.#isResting = false;
    if (this.#options.channel.readerCount > 0) await this.#insist();
  }

  /** Nobody reads here any more. Never rejects. */
  async pause(): Promise<void> {
    clearTimeout(this.#retry);
    const subscription = this.#subscription;
    this.#subscription = undefined;
    this.#isSubscribed = false;
    const end = await subscription?.catch(() => undefined);
    await end?.().catch(() => undefined);
  }

  /** Readers who are here already cannot be refused: it is tried until it succeeds, or until they have left. */
  async #insist(): Promise<void> {
    try {
      await this.follow();
    } catch (error) {
      this.#options.logger.warn({ err: error }, "remote_feed_failed");
      // They may have left while it was tried.
      if (this.#isResting || this.#options.channel.readerCount === 0) return;
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => void this.#catchUp(), RETRY_MS);
      this.#retry.unref();
    }
  }

  async #catchUp(): Promise<void> {
    await this.#insist();
    if (this.#isSubscribed) this.#options.channel.recheck();
  }

  #subscribe(): Promise<() => Promise<void>> {
    const { conversationId, log, channel } = this.#options;
    return log.subscribe(conversationId, (firstSeq, events, epoch) =>
      channel.receive(firstSeq, events, epoch),
    );
  }
}
