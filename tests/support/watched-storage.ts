// A real storage bundle with a gate before and after every call, for tests of what happens while storage is slow or
// fails. Without a gate a call goes straight through, in the same tick.

import type { TestContext } from "node:test";
import type { LogSlice } from "#app/services/chatbot/event-log.ts";
import { createStorageBundle } from "#app/services/chatbot/memory-factory.ts";
import type { StorageBundle } from "#app/services/chatbot/storage-bundle.ts";

export type StorageCall =
  | "create"
  | "accept"
  | "cancel"
  | "amend"
  | "record"
  | "page"
  | "open"
  | "append"
  | "read"
  | "subscribe"
  | "acquire"
  | "renew"
  | "release";

/** A gate may wait, or throw what the call is to reject with. */
export type Gate = () => Promise<void> | void;

export interface WatchedStorage extends StorageBundle {
  /** Every call, in order. */
  readonly calls: readonly StorageCall[];
  /** Applies to the next call of that name, once, before it is carried out. */
  beforeNext(call: StorageCall, gate: Gate): void;
  /** Applies to the next call of that name, once, after it was carried out and before its caller hears of it. */
  afterNext(call: StorageCall, gate: Gate): void;
  /** What the log is to say to the next read, once more than was said before, instead of reading. */
  replyToNextRead(slice: LogSlice | undefined): void;
}

export function watchStorage(real: StorageBundle): WatchedStorage {
  const calls: StorageCall[] = [];
  const before = new Map<StorageCall, Gate[]>();
  const after = new Map<StorageCall, Gate[]>();
  const replies: (LogSlice | undefined)[] = [];
  const pass = async <T>(call: StorageCall, carryOut: () => Promise<T>): Promise<T> => {
    calls.push(call);
    const late = after.get(call)?.shift();
    const early = before.get(call)?.shift();
    if (early) await early();
    const result = await carryOut();
    if (late) await late();
    return result;
  };
  const { store, log, lease } = real;
  return {
    kind: real.kind,
    kindOf: (id) => real.kindOf(id),
    ...(real.shelter && { shelter: real.shelter }),
    instanceId: real.instanceId,
    onWake: (listener) => real.onWake(listener),
    whisper: (id, frame) => real.whisper(id, frame),
    onAvailability: (listener) => real.onAvailability(listener),
    onWhisper: (listener) => real.onWhisper(listener),
    close: () => real.close(),
    store: {
      create: (conversation) => pass("create", () => store.create(conversation)),
      accept: (id, turn) => pass("accept", () => store.accept(id, turn)),
      cancel: (id, runId, scope) => pass("cancel", () => store.cancel(id, runId, scope)),
      amend: (id, amendment) => pass("amend", () => store.amend(id, amendment)),
      record: (held, change) => pass("record", () => store.record(held, change)),
      page: (id, query) => pass("page", () => store.page(id, query)),
    },
    log: {
      open: (id) => pass("open", () => log.open(id)),
      append: (held, batch) => pass("append", () => log.append(held, batch)),
      read: (id, from) =>
        pass("read", async () => (replies.length > 0 ? replies.shift() : log.read(id, from))),
      subscribe: (id, onEvents) => pass("subscribe", () => log.subscribe(id, onEvents)),
    },
    lease: {
      acquire: (id) => pass("acquire", () => lease.acquire(id)),
      renew: (held) => pass("renew", () => lease.renew(held)),
      abandoned: () => lease.abandoned(),
      release: (held, isDone) => pass("release", () => lease.release(held, isDone)),
    },
    calls,
    replyToNextRead: (slice) => void replies.push(slice),
    beforeNext: (call, gate) => void before.set(call, [...(before.get(call) ?? []), gate]),
    afterNext: (call, gate) => void after.set(call, [...(after.get(call) ?? []), gate]),
  };
}

/** A real in-memory bundle for one test, watched. */
export function storageFor(test: TestContext): WatchedStorage {
  const bundle = createStorageBundle({ conversationTtlMs: 3_600_000 });
  test.after(() => bundle.close());
  return watchStorage(bundle);
}
