// The real app on a real Redis, with a TCP proxy between them: a reader in mid-reply, a fault, and what became of it.

import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { untilAborted } from "#app/core/until-aborted.ts";
import type { ChatModelClient } from "#app/services/llm/client.ts";
import { ownPair } from "../support/conversation.ts";
import { RedisServer } from "../support/redis-server.ts";
import { type RunningApp, startApp } from "../support/running-app.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";
import { readHistory } from "./history.ts";
import { Meanings } from "./meanings.ts";
import { TimedReader } from "./timed-reader.ts";

const NEVER = new Promise<never>(() => undefined);
/** Milliseconds between two words: less would be joined into one frame. */
const PACE_MS = 50;
const COME_AGAIN: ReadonlySet<string> = new Set(["error storage_unavailable", "closed 1011"]);
const LOGGED = [
  "storage_degraded",
  "run_detached",
  "circuit_breaker_opened",
  "storage_recovered",
  "run_reattached",
  "detached_run_dropped",
  "run_queue_failed",
] as const;

export interface ProxyScene {
  readonly redis: RedisServer;
  readonly proxy: TcpProxy;
  readonly app: RunningApp;
  readonly meanings: Meanings;
  /** Everybody who has connected. */
  readonly readers: readonly TimedReader[];
  /** A new connection; joins nothing yet. */
  connect(key?: TimedReader["key"]): Promise<TimedReader>;
  /**
   * A connection to a new conversation that is kept there, in which a reply of so many words is under way. On a machine
   * that is held up for a moment one may begin in memory, or be told to come again, by a refusal or by a close with 1011;
   * that one is left alone.
   */
  inMidReply(words: number, storage?: "redis" | "memory"): Promise<TimedReader>;
  /** Waits until everything that went on in memory, on a machine that was held up, is in Redis again. */
  atHome(): Promise<void>;
  /** The stored history, asked on a connection of its own. */
  history(key: TimedReader["key"]): Promise<readonly string[] | undefined>;
  /** How long it takes until a connection that joins is answered, and what with. */
  visit(frame: object): Promise<{ readonly what: string; readonly afterMs: number }>;
  /** Of the log since then: what was said of the storage, each with its milliseconds. */
  logged(sinceMs: number): string;
  /** Waits until the log has so many lines of that name; returns after how many ms since then the newest stood there. */
  logs(event: string, sinceMs: number, count?: number): Promise<number>;
}

export const questionFor = (words: number): string => `say ${words} words`;

/** The whole answer to such a question. */
export function answerOf(words: number): string {
  return Array.from({ length: words }, (_, index) => `word-${index} `).join("");
}

/** Says as many words as it is asked for, at its pace; of more than `atMost` it holds the rest back until it is stopped. */
export function createTalker(atMost = Number.POSITIVE_INFINITY): ChatModelClient {
  return {
    provider: "talker",
    async stream({ messages }, onDelta, signal) {
      const words = Number(/say (\d+) words/.exec(messages.at(-1)?.content ?? "")?.[1] ?? 3);
      for (let index = 0; index < words; index += 1) {
        await (index < atMost ? pause(PACE_MS, undefined, { signal }) : untilAborted(NEVER, signal));
        onDelta(`word-${index} `);
      }
      const usage = { model: "talker", inputTokens: 1, outputTokens: words };
      return { source: "model", finishReason: "stop", usage };
    },
  };
}

export async function openProxyScene(
  test: TestContext,
  options: { readonly persistent?: boolean; readonly before?: (scene: Stage) => Promise<void> } = {},
): Promise<ProxyScene> {
  const stack = new AsyncDisposableStack();
  const persistent = options.persistent ?? true;
  // It is only ever killed, and what it has written by then stands in the kernel: a slow disk shall hold nothing up.
  const redis = stack.use(await RedisServer.start({ persistent, args: ["--appendfsync", "no"] }));
  const proxy = stack.use(await TcpProxy.start(redis.port));
  await options.before?.({ redis, proxy });
  const app = await startApp(
    test,
    { model: createTalker() },
    { REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
  );
  // After the app's own end, which this one's would otherwise be a fault of.
  test.after(() => stack.disposeAsync());
  return new Scene(redis, proxy, app);
}

type Stage = Pick<ProxyScene, "redis" | "proxy">;

class Scene implements ProxyScene {
  readonly redis: RedisServer;
  readonly proxy: TcpProxy;
  readonly app: RunningApp;
  readonly meanings = new Meanings();
  readonly readers: TimedReader[] = [];
  readonly #loggedAt = new Map<object, number>();

  constructor(redis: RedisServer, proxy: TcpProxy, app: RunningApp) {
    this.redis = redis;
    this.proxy = proxy;
    this.app = app;
    setInterval(() => this.#stamp(), 5).unref();
  }

  async connect(key: TimedReader["key"] = ownPair()): Promise<TimedReader> {
    const reader = new TimedReader(await this.app.connect(), key, this.meanings);
    this.readers.push(reader);
    return reader;
  }

  async inMidReply(words: number, storage: "redis" | "memory" = "redis"): Promise<TimedReader> {
    const reader = await this.connect();
    reader.join({ create: true });
    const isToldToComeAgain = () => reader.told.some(({ what }) => COME_AGAIN.has(what));
    await until("joined", () => reader.told.length > 0);
    if (reader.told[0]?.what !== `joined ${storage}`) return this.inMidReply(words, storage);
    reader.say(questionFor(words), "question");
    await until("words", () => reader.text.length > 50 || isToldToComeAgain(), 10_000).catch(
      (cause: unknown) => {
        throw new Error(`no words: ${reader.account(0)}; ${this.logged(0)}`, { cause });
      },
    );
    return isToldToComeAgain() ? this.inMidReply(words, storage) : reader;
  }

  async atHome(): Promise<void> {
    const count = (event: string) => this.app.log.named(event).length;
    await until("everything at home", () => count("run_detached") === count("run_reattached"));
  }

  history(key: TimedReader["key"]): Promise<readonly string[] | undefined> {
    return readHistory(() => this.app.connect(), key);
  }

  async visit(frame: object): Promise<{ readonly what: string; readonly afterMs: number }> {
    const client = await this.app.connect();
    const askedAt = performance.now();
    client.send({ type: "join", ...frame });
    const { name, value } = await client.next(
      (each) => each.name === "joined" || each.name === "error",
      10_000,
    );
    const { storage, recovered, code } = Object(value);
    const what = name === "joined" ? `joined ${storage}${recovered ? " recovered" : ""}` : `error ${code}`;
    const afterMs = Math.round(performance.now() - askedAt);
    await client.close();
    return { what, afterMs };
  }

  logged(sinceMs: number): string {
    this.#stamp();
    return this.app.log.lines
      .filter(({ event }) => LOGGED.some((name) => name === event))
      .map((line) => ({ line, afterMs: Math.round((this.#loggedAt.get(line) ?? 0) - sinceMs) }))
      .filter(({ afterMs }) => afterMs >= 0)
      .map(({ line: { event, fields }, afterMs }) => {
        const of = [fields.circuit, fields.reason, fields.code].find((each) => typeof each === "string");
        return `${event}${of === undefined ? "" : ` ${of}`} (${afterMs} ms)`;
      })
      .join(", ");
  }

  async logs(event: string, sinceMs: number, count = 1): Promise<number> {
    const since = () => {
      this.#stamp();
      const times = this.app.log.named(event).map((line) => this.#loggedAt.get(line) ?? 0);
      return times.filter((at) => at >= sinceMs);
    };
    await until(event, () => since().length >= count, 20_000).catch((cause: unknown) => {
      throw new Error(`not logged: ${event}; but ${this.logged(sinceMs)}`, { cause });
    });
    return Math.round((since()[count - 1] ?? Number.NaN) - sinceMs);
  }

  #stamp(): void {
    for (const line of this.app.log.lines)
      if (!this.#loggedAt.has(line)) this.#loggedAt.set(line, performance.now());
  }
}
