// The time in which this instance holds a conversation's lease, and so is the one that may number its events.
// Promises: `ended` is aborted as soon as the lease is known to be lost, or the log refuses; after `close`, whatever
// another instance produces reaches the readers here.

import type { Logger } from "#app/core/logging.ts";
import type { ConversationChannel } from "./conversation-channel.ts";
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
  /** Aborted with a RunStop `lease-lost`. */
  readonly ended: AbortSignal;
  /** Waits for what was written, and gives the lease back; with `isDone` false for somebody else to go on at once. */
  close(isDone: boolean): Promise<void>;
}

/** Takes the lease and opens the log; undefined while another instance holds it. @throws AppError of the storage */
export async function beginTenure(options: TenureOptions): Promise<Tenure | undefined> {
  const { conversationId, storage, channel, feed, logger } = options;
  const lease = await storage.lease.acquire(conversationId);
  if (!lease) return undefined;
  const ended = new AbortController();
  try {
    const head = await storage.log.open(conversationId);
    // Our own events come to our readers directly; hearing them from Redis as well would double the work.
    feed.rest();
    channel.enter(head.epoch);
    // The last words of the one before us may still be on their way here, where nobody listens any more.
    if (head.lastSeq > channel.lastSeq) channel.recheck();
    const onFailure = (error: unknown): void => {
      logger.error({ err: error }, "event_append_failed");
      ended.abort(new RunStop("lease-lost"));
    };
    const writer = new EventWriter({ log: storage.log, lease, head, channel, onFailure });
    const renewal = setInterval(() => void renew(storage, lease, ended), LEASE_TIMES.renewEveryMs);
    return {
      lease,
      writer,
      ended: ended.signal,
      async close(isDone) {
        clearInterval(renewal);
        await writer.settled();
        await handBack(options, lease, isDone && !ended.signal.aborted);
      },
    };
  } catch (error) {
    await handBack(options, lease, false);
    throw error;
  }
}

/** The readers listen before the lease is free: nothing that its next holder says can pass them by. */
async function handBack(options: TenureOptions, lease: Lease, isDone: boolean): Promise<void> {
  const { storage, channel, feed } = options;
  await feed.resume();
  if (!isDone) channel.recheck();
  await storage.lease.release(lease, isDone);
}

async function renew(storage: StorageBundle, lease: Lease, ended: AbortController): Promise<void> {
  // An answer that does not come is no loss: the next renewal asks again, and the fence guards every write.
  const held = await storage.lease.renew(lease).catch(() => true);
  if (!held) ended.abort(new RunStop("lease-lost"));
}
