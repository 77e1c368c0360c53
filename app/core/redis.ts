// The one door of ioredis: a connection for commands and one for subscriptions, to a Redis of version 7 or later.
// Promises: every call ends within a second; what goes wrong is an AppError, `storage_unavailable` where nobody can
// say what happened; of the URL nothing but host, port and database ever stands in a line or an error.

import { setTimeout as pause } from "node:timers/promises";
import type { Redis } from "ioredis";
import { backoffMs } from "./backoff.ts";
import type { RetrySettings } from "./config-circuits.ts";
import { AppError } from "./errors.ts";
import type { Logger } from "./logging.ts";
import { AnswerLostError, PatientRedis, wasLostEarly } from "./redis-client.ts";
import { toRedisError, wasNotCarriedOut, withoutParticulars } from "./redis-errors.ts";
import { isRefusal } from "./redis-refusals.ts";
import type { RedisScript } from "./redis-script.ts";
import { ScriptRunner } from "./redis-script-runner.ts";
import { parseRedisUrl, REDIS_SETTINGS, readServerVersion } from "./redis-settings.ts";
import { RedisSubscriptions } from "./redis-subscriptions.ts";
import { RedisWatch } from "./redis-watch.ts";
import { type CircuitBreaker, CircuitOpenError } from "./resilience.ts";

export interface RedisConnectionOptions {
  /** `redis://` or `rediss://`, with user, password and database where needed. */
  readonly url: string;
  readonly logger: Logger;
  /** Loaded at every connect, so that none is met as unknown. */
  readonly scripts: readonly RedisScript[];
  /** Open, no script is run: a Redis that does not answer would cost every caller half a second. */
  readonly breaker?: CircuitBreaker | undefined;
  /** A Redis that is away at first is waited for in the background. */
  readonly mayBeAway?: boolean;
  /** How long the first connection may take. */
  readonly withinMs?: number;
  /**
   * How often a call that was surely not carried out is made. The first repeat follows as soon as a lost connection is
   * back; further ones after a pause.
   */
  readonly retry?: RetrySettings | undefined;
}

const MIN_RETRY_AFTER_MS = 1_000;
const START_DEADLINE_MS = 2_900;
const RETRY: RetrySettings = { maxAttempts: 2, waitMinMs: 50, waitMaxMs: 500 };
const PROBE_KEY = "parley:probe";
const PROBE_KEY_MS = 5_000;

export class RedisConnection {
  /** For other keepers of core (the rate limiter). */
  readonly client: PatientRedis;
  readonly subscriptions: RedisSubscriptions;
  /** Since it was connected, or waited for. */
  #watch: RedisWatch | undefined;
  readonly #subscriber: PatientRedis;
  readonly #runner: ScriptRunner;
  readonly #options: RedisConnectionOptions;
  readonly #retry: RetrySettings;
  #loaded: Promise<void> | undefined;
  #trouble: Error | undefined;
  #closing: Promise<void> | undefined;
  /** The server was seen to be new enough. */
  #isChecked = false;

  /** Does not connect; {@link connectRedis} does. */
  constructor(options: RedisConnectionOptions) {
    const { commandTimeout, ...rest } = REDIS_SETTINGS;
    const settings = { ...rest, ...parseRedisUrl(options.url) };
    this.#options = options;
    this.#retry = options.retry ?? RETRY;
    // What is said behind the new primary is not heard at the old one, unless it follows that one.
    const reconnectOnError = (error: Error): boolean => {
      const isDemoted = REDIS_SETTINGS.reconnectOnError(error);
      // What else was under way is lost with the connection: nobody else may hear of the refusal.
      if (isDemoted) this.#watch?.suspect();
      if (isDemoted && this.#subscriber.status === "ready") this.#subscriber.disconnect(true);
      return isDemoted;
    };
    this.client = new PatientRedis({ ...settings, reconnectOnError }, commandTimeout);
    this.#subscriber = new PatientRedis(settings, commandTimeout);
    this.#logChanges(this.client, "commands");
    this.#logChanges(this.#subscriber, "subscriptions");
    this.client.on("ready", () => {
      // Who is back is asked at once: the pause of the circuit is for one that does not answer.
      this.#options.breaker?.reset();
      this.#loaded = this.#loadScripts();
      this.#subscriber.hurryBack();
    });
    // Each has pauses of its own between its attempts: without this, one could be without the other for seconds.
    this.#subscriber.on("ready", () => this.client.hurryBack());
    this.#runner = new ScriptRunner(this.client);
    this.subscriptions = new RedisSubscriptions(this.#subscriber, options.logger);
  }

  /** Whether a command would be sent at this moment. */
  get isReady(): boolean {
    return this.client.isReady;
  }

  /** What was wrong with the connection last, while it is not there: says no password. */
  get trouble(): Error | undefined {
    return this.#trouble;
  }

  /** Whether it can be relied on at this moment. */
  get watch(): RedisWatch {
    this.#watch ??= new RedisWatch({
      probe: (withWrite) => this.#proveUsable(withWrite),
      breaker: this.#options.breaker,
      isUp: this.isReady,
    });
    return this.#watch;
  }

  /** An answer, to a write where that is asked for; and once, that it comes from a server that is new enough. */
  async #proveUsable(withWrite: boolean): Promise<void> {
    try {
      if (!this.#isChecked) readServerVersion(await this.client.info("server"));
      this.#isChecked = true;
      await (withWrite ? this.client.set(PROBE_KEY, "", "PX", PROBE_KEY_MS) : this.client.ping());
    } catch (error) {
      throw this.#why(error);
    }
  }

  /** Why there is no connection says more than that there is none. */
  #why(error: unknown): Error {
    const failure = withoutParticulars(error);
    if (this.isReady || isRefusal(failure)) return failure;
    return this.#trouble ?? new Error("the connection was lost");
  }

  /** Connects both and checks the server; returns its version. For {@link connectRedis}. */
  async open(): Promise<string> {
    await Promise.all([this.client.connect(), this.#subscriber.connect()]).catch((error: unknown) => {
      // ioredis rejects with "Connection is closed"; why it was closed, say a wrong password, came as an event.
      throw this.#trouble ?? error;
    });
    const version = readServerVersion(await this.client.info("server"));
    this.#isChecked = true;
    await this.#loaded;
    return version;
  }

  /** Round trip in milliseconds. @throws AppError `storage_unavailable` */
  async ping(): Promise<number> {
    const startedAt = performance.now();
    await this.client.ping().catch(rethrow);
    return performance.now() - startedAt;
  }

  /**
   * Runs a script. Calls take effect in the order in which they are made. One that was surely not carried out is made
   * again, as often as the settings say, if the connection is back in time; so is one that may be, where that is
   * harmless.
   * @param args of a script, or what makes them for each attempt
   * @throws AppError whose code the script named; `storage_unavailable` when Redis cannot say
   */
  async run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly string[] | (() => readonly string[]),
  ): Promise<unknown> {
    this.assertClosedCircuit();
    const { logger } = this.#options;
    const startedAt = performance.now();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#runner.run(script, keys, typeof args === "function" ? args() : args);
      } catch (error) {
        const isLast = script.ordered || attempt >= this.#retry.maxAttempts;
        const mayRepeat = wasNotCarriedOut(error) || (script.repeatable && wasLostEarly(error, startedAt));
        if (isLast || !mayRepeat || this.#closing || !(await this.client.whenBack()))
          throw this.#reported(error);
        // The first time at once, so that no later call overtakes it.
        if (attempt > 1) await pause(backoffMs(attempt - 1, 0, this.#retry));
        logger.info({ script: script.name, attempt, err: withoutParticulars(error) }, "redis_call_retry");
      }
    }
  }

  /** Before what would wait for an answer in vain. @throws AppError `storage_unavailable` while the circuit is open */
  assertClosedCircuit(): void {
    const { breaker } = this.#options;
    if (!breaker || breaker.state === "closed") return;
    const { retryAfterMs = 0 } = breaker.status;
    throw new AppError("storage_unavailable", {
      retryAfterMs: Math.max(retryAfterMs, MIN_RETRY_AFTER_MS),
      cause: new CircuitOpenError(breaker.name, retryAfterMs),
    });
  }

  #reported(error: unknown): AppError {
    const failure = toRedisError(error);
    // All that was under way on one connection is lost with it: that is one failure, and the probes look after it.
    const isOfMany = error instanceof AnswerLostError;
    if (failure.code === "storage_unavailable" && !isOfMany) this.#watch?.report(this.#why(error));
    return failure;
  }

  /** Waits for what is under way, at most its 500 ms, and closes both. Only once. */
  close(): Promise<void> {
    this.#closing ??= Promise.all(
      [this.client, this.#subscriber].map((client) => client.quit().catch(() => undefined)),
    ).then(() => this.#cut());
    return this.#closing;
  }

  /** Closes both at once. */
  abort(): void {
    this.#closing ??= Promise.resolve();
    this.#cut();
  }

  #cut(): void {
    this.#watch?.close();
    this.subscriptions.close();
    for (const client of [this.client, this.#subscriber]) {
      client.disconnect();
      // Its own end() waits for a server that may hang.
      client.stream?.destroy();
    }
  }

  /** Never rejects: a script that is missing is sent whole when it is called. */
  async #loadScripts(): Promise<void> {
    const loads = this.#options.scripts.map(({ source }) => this.client.script("LOAD", source));
    await Promise.allSettled(loads);
  }

  /** One line when a connection is lost and one when it is back, however often it was tried in between. */
  #logChanges(client: Redis, connection: string): void {
    let state: "new" | "up" | "lost" = "new";
    client.on("error", (error: Error) => {
      this.#trouble = withoutParticulars(error);
    });
    client.on("close", () => {
      if (state !== "up" || this.#closing) return;
      state = "lost";
      this.#options.logger.warn({ connection, err: this.#trouble }, "redis_connection_lost");
    });
    client.on("ready", () => {
      if (state === "lost") this.#options.logger.info({ connection }, "redis_connection_restored");
      state = "up";
      this.#trouble = undefined;
    });
  }
}

/**
 * Connects within 3 s; where it `mayBeAway` it is waited for in the background, and has no version yet.
 * @throws AppError `storage_unavailable` when Redis is away, refuses the credentials or is too old; nothing is left open
 */
export async function connectRedis(
  options: RedisConnectionOptions,
): Promise<{ connection: RedisConnection; version: string | undefined }> {
  const connection = new RedisConnection(options);
  const { withinMs = START_DEADLINE_MS } = options;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const cause = new Error(`no answer from Redis within ${Math.round(withinMs)} ms`);
    timer = setTimeout(() => reject(cause), withinMs);
  });
  try {
    return { connection, version: await Promise.race([connection.open(), late]) };
  } catch (error) {
    // One that answered, and is too old, will not become another by waiting.
    if (options.mayBeAway && !connection.isReady) return { connection, version: undefined };
    connection.abort();
    throw toRedisError(error);
  } finally {
    clearTimeout(timer);
  }
}

function rethrow(error: unknown): never {
  throw toRedisError(error);
}
