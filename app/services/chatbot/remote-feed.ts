// Brings what other instances produce in a conversation to the readers here.
// Promises: once `follow` has resolved, every later event comes, or the readers are told to look at the log. It is
// paused while this instance produces itself: its own events come to its readers directly, and not twice.

import type { ConversationChannel } from "./conversation-channel.ts";
import type { EventLog } from "./event-log.ts";

export interface RemoteFeedOptions {
  readonly conversationId: string;
  readonly log: EventLog;
  readonly channel: ConversationChannel;
}

export class RemoteFeed {
  readonly #options: RemoteFeedOptions;
  #subscription: Promise<() => Promise<void>> | undefined;

  constructor(options: RemoteFeedOptions) {
    this.#options = options;
  }

  /** @throws AppError `storage_unavailable`; the next call tries again */
  async follow(): Promise<void> {
    this.#subscription ??= this.#subscribe();
    const subscription = this.#subscription;
    try {
      await subscription;
    } catch (error) {
      if (this.#subscription === subscription) this.#subscription = undefined;
      throw error;
    }
  }

  /** Never rejects. */
  async pause(): Promise<void> {
    const subscription = this.#subscription;
    this.#subscription = undefined;
    const end = await subscription?.catch(() => undefined);
    await end?.().catch(() => undefined);
  }

  #subscribe(): Promise<() => Promise<void>> {
    const { conversationId, log, channel } = this.#options;
    return log.subscribe(conversationId, (firstSeq, events, epoch) =>
      channel.receive(firstSeq, events, epoch),
    );
  }
}
