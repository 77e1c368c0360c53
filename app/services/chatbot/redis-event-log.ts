// The event log of the Redis bundle: a stream a conversation, and a sharded channel on which other instances hear of
// what was appended. The stream is the truth; who hears of a gap on the channel reads it.

import { randomUUID } from "node:crypto";
import { z } from "zod";
import { toAppError } from "#app/core/errors.ts";
import type { RedisConnection } from "#app/core/redis.ts";
import { surelyNothingHappened } from "#app/core/redis-refusals.ts";
import type { DetachedLog } from "./detached-log.ts";
import {
  type AppendListener,
  LOG_WINDOW,
  type LogBatch,
  type LogHead,
  type LogSlice,
  type LogWindow,
} from "./event-log.ts";
import { conversationKey, keysOf } from "./redis-keys.ts";
import { ADOPT, APPEND, OPEN, READ } from "./redis-log-scripts.ts";
import { checked } from "./redis-records.ts";
import type { RedisWhispers } from "./redis-whispers.ts";
import type { Lease } from "./run-lease.ts";
import type { HomeLog } from "./sheltered-log.ts";

export interface RedisEventLogOptions {
  readonly connection: RedisConnection;
  readonly conversationTtlMs: number;
  readonly window?: LogWindow;
  /** Share the live channel with what is appended. */
  readonly whispers?: RedisWhispers;
}

const headSchema = z.tuple([z.string(), z.coerce.number()]);
const sliceSchema = z.tuple([z.number(), z.array(z.string()), z.string()]).nullable();

export class RedisEventLog implements HomeLog {
  readonly #connection: RedisConnection;
  readonly #ttlMs: string;
  readonly #window: readonly [maxEvents: string, maxAgeMs: string];

  readonly #whispers: RedisWhispers | undefined;

  constructor({ connection, conversationTtlMs, window = LOG_WINDOW, whispers }: RedisEventLogOptions) {
    this.#connection = connection;
    this.#whispers = whispers;
    this.#ttlMs = String(conversationTtlMs);
    this.#window = [String(window.maxEvents), String(window.maxAgeMs)];
  }

  async open(conversationId: string): Promise<LogHead> {
    const keys = keysOf(OPEN, conversationId);
    const reply = await this.#connection.run(OPEN, keys, () => [randomUUID(), this.#ttlMs]);
    const [epoch, lastSeq] = checked(headSchema, reply);
    return { epoch, lastSeq };
  }

  /** Sent before this returns: nothing may be awaited first, or two calls could change places. */
  async append(lease: Lease, batch: LogBatch): Promise<void> {
    const { firstSeq, floorSeq, events } = batch;
    const args = [String(lease.generation), String(firstSeq), String(floorSeq), ...this.#window, ...events];
    await this.#connection.run(APPEND, keysOf(APPEND, lease.conversationId), args);
  }

  async adopt(lease: Lease, { epoch, baseSeq, events }: DetachedLog): Promise<boolean> {
    // The monotonic clock, in microseconds: one process makes all attempts under one lease.
    const attempt = String(Math.round(performance.now() * 1_000));
    const args = [String(lease.generation), epoch, String(baseSeq), this.#window[1], attempt, ...events];
    try {
      await this.#connection.run(ADOPT, keysOf(ADOPT, lease.conversationId), args);
      return true;
    } catch (error) {
      if (surelyNothingHappened(toAppError(error))) return false;
      throw error;
    }
  }

  async read(
    conversationId: string,
    { epoch, after, limit }: { epoch: string; after: number; limit: number },
  ): Promise<LogSlice | undefined> {
    const args = [epoch, String(after), String(limit)];
    const reply = await this.#connection.run(READ, keysOf(READ, conversationId), args);
    const slice = checked(sliceSchema, reply);
    if (!slice) return undefined;
    const [lastSeq, events, livesOnAs] = slice;
    return { epoch: livesOnAs, lastSeq, firstSeq: after + 1, events };
  }

  /** @throws AppError `storage_unavailable` */
  async subscribe(conversationId: string, onEvents: AppendListener): Promise<() => Promise<void>> {
    this.#connection.assertClosedCircuit();
    const channel = conversationKey(conversationId, "live");
    return await this.#connection.subscriptions.subscribe(channel, "sharded", (payload) => {
      if (!payload) return onEvents(0, [], "");
      if (this.#whispers?.takeLive(conversationId, payload)) return;
      const { firstSeq, events, epoch } = decodeBatch(payload);
      onEvents(firstSeq, events, epoch);
    });
  }
}

/** What APPEND publishes: the first number, the epoch and the lengths in bytes, a line end, the events in one. */
function decodeBatch(payload: Buffer): { firstSeq: number; events: string[]; epoch: string } {
  const head = payload.indexOf("\n");
  const [firstSeq = "", epoch = "", ...lengths] = payload.toString("latin1", 0, head).split(" ");
  let end = head + 1;
  const events = lengths.map((length) => {
    const start = end;
    end += Number(length);
    return payload.toString("utf8", start, end);
  });
  return { firstSeq: Number(firstSeq), events, epoch };
}
