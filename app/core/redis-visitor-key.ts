// One key for the names of visitors, for all instances of one Redis and over their restarts: without it a visitor would
// have a budget of their own with each instance, and a new one after every restart.
// Promises: never rejects; a new key is everybody's within the hour; while Redis is away an instance goes on with the
// names that it has.

import { randomBytes } from "node:crypto";
import type { RedisConnection } from "./redis.ts";
import { VisitorNames, type VisitorReader } from "./visitor.ts";

const KEY = "parley:visitor-key";
/** As long as conversations, which bear the names, are kept by default; then nobody can tell any more whose they were. */
const KEPT_SECONDS = 30 * 24 * 3600;
const ASKED_EVERY_MS = 3_600_000;
const ASKED_AGAIN_MS = 5_000;

/**
 * Names of this process's own where there is no Redis. Resolves when Redis has been asked for the first time.
 * @param signal ends the asking
 */
export async function openVisitorNames(
  connection: RedisConnection | undefined,
  signal: AbortSignal,
): Promise<VisitorReader> {
  const names = new VisitorNames();
  if (connection) await new KeySharing(names, connection, signal).ask();
  return names.of;
}

class KeySharing {
  readonly #names: VisitorNames;
  readonly #connection: RedisConnection;
  readonly #signal: AbortSignal;
  #timer: NodeJS.Timeout | undefined;

  constructor(names: VisitorNames, connection: RedisConnection, signal: AbortSignal) {
    this.#names = names;
    this.#connection = connection;
    this.#signal = signal;
    signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
    connection.watch.onChange(({ isUp }) => {
      if (isUp) void this.ask();
    });
  }

  /** The key that stands, or a new one where none does; and again later. */
  async ask(): Promise<void> {
    clearTimeout(this.#timer);
    const wasAnswered = this.#connection.watch.isUp && (await this.#adopt());
    if (this.#signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.ask(), wasAnswered ? ASKED_EVERY_MS : ASKED_AGAIN_MS).unref();
  }

  async #adopt(): Promise<boolean> {
    const own = randomBytes(32).toString("base64url");
    try {
      const known = await this.#connection.client.set(KEY, own, "EX", KEPT_SECONDS, "NX", "GET");
      this.#names.adopt(known ?? own);
      return true;
    } catch {
      // Asked again in a moment.
      return false;
    }
  }
}
