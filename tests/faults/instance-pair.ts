// Two instances of the real app in this process, on one real Redis, that share a model whose pace the test sets.
// Promises: gone with the test; both have found their Redis before it begins.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { z } from "zod";
import { RedisServer } from "../support/redis-server.ts";
import { type RunningApp, startApp } from "../support/running-app.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { until } from "../support/until.ts";
import { delayNews } from "./late-news.ts";
import { ReplyBook } from "./reply-book.ts";

/** An instance, as far as a visitor needs it. */
export interface Place {
  readonly socketUrl: string;
}

export interface LoggedEvent {
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface InstancePair {
  readonly redisUrl: string;
  readonly book: ReplyBook;
  readonly places: readonly [Place, Place];
  /** What both have logged under that name. */
  logged(event: string): readonly LoggedEvent[];
  /** Every connection is forgotten, no reply is under way, and nobody has noted a fault. */
  assertAtRest(): Promise<void>;
}

export interface PairOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** By how much an instance hears late of the other, beyond what the network takes. */
  readonly newsLagMs?: number;
}

/** None of them is logged while only connections drop. */
export const FAULT_EVENTS = [
  "connection_handler_failed",
  "frame_failed",
  "run_queue_failed",
  "remote_feed_failed",
  "storage_degraded",
];
const healthSchema = z.object({ connections: z.int(), running: z.int() });

export async function openPair(test: TestContext, options: PairOptions = {}): Promise<InstancePair> {
  // Gone at once where an instance does not start; else handed to the test.
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await RedisServer.start());
  const { newsLagMs: lagMs } = options;
  const url = lagMs === undefined ? redis.url : stack.use(await delayNews(redis.port, lagMs)).url;
  const book = new ReplyBook();
  const env = { REDIS_URL: url, ...options.env };
  const start = (): Promise<RunningApp> =>
    startApp(test, { model: book, registry: createSmallRegistry() }, env);
  const apps = [await start(), await start()] as const;
  // After the apps have ended, which was asked for first.
  const started = stack.move();
  test.after(() => started.disposeAsync());
  const logged: InstancePair["logged"] = (event) => apps.flatMap(({ log }) => log.named(event));
  const assertNoFault = (): void => assert.deepEqual(FAULT_EVENTS.flatMap(logged), []);
  assertNoFault();
  return {
    redisUrl: redis.url,
    book,
    places: [placeOf(apps[0]), placeOf(apps[1])],
    logged,
    assertAtRest: async () => {
      assertNoFault();
      for (const { url } of apps) await restOf(url);
      assert.equal(book.active, 0);
    },
  };
}

function placeOf({ port }: RunningApp): Place {
  return { socketUrl: `ws://127.0.0.1:${port}/api/v1/chat/ws` };
}

/** Resolves when the server at that address has no connection and no reply. */
export async function restOf(url: string): Promise<void> {
  let isAtRest = false;
  const look = async (): Promise<void> => {
    const health = healthSchema.parse(await (await fetch(new URL("/health", url))).json());
    isAtRest = health.connections === 0 && health.running === 0;
    if (!isAtRest) setTimeout(() => void look(), 20).unref();
  };
  await look();
  await until("no connection and no reply is left", () => isAtRest, 10_000);
}
