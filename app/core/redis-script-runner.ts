// Runs scripts on one connection by their hash, and in whole where the server has lost them.
// Promises: calls take effect in the order in which they were made, also over a SCRIPT FLUSH: ioredis' own fallback
// resends each script by itself, and a later append overtakes an earlier one. Calls of one tick go out in one write.

import type { Redis } from "ioredis";
import { isNoScript, isOutOfOrder } from "./redis-errors.ts";
import type { RedisScript } from "./redis-script.ts";

interface Call {
  readonly script: RedisScript;
  readonly keys: readonly string[];
  readonly args: readonly string[];
  resolve(reply: unknown): void;
  reject(error: unknown): void;
}

export class ScriptRunner {
  readonly #client: Redis;
  #underWay = 0;
  /** Calls that the server did not know the script of, and those that failed because they came after one of these. */
  #lost: Call[] = [];
  /** Calls made since; they wait until the lost ones have been sent again. */
  #held: Call[] = [];
  #corked = false;

  constructor(client: Redis) {
    this.#client = client;
  }

  run(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = { script, keys, args, resolve, reject };
      if (this.#lost.length > 0) this.#held.push(call);
      else this.#send(call);
    });
  }

  #send(call: Call, whole = false): void {
    this.#cork();
    const { script, keys, args } = call;
    this.#underWay += 1;
    const reply = whole
      ? this.#client.eval(script.source, keys.length, ...keys, ...args)
      : this.#client.evalsha(script.sha, keys.length, ...keys, ...args);
    reply.then(
      (value) => this.#settle(() => call.resolve(value)),
      (error: unknown) => {
        const lost = !whole && (isNoScript(error) || (this.#lost.length > 0 && isOutOfOrder(error)));
        if (lost) this.#lost.push(call);
        this.#settle(lost ? undefined : () => call.reject(error));
      },
    );
  }

  #settle(tell: (() => void) | undefined): void {
    this.#underWay -= 1;
    tell?.();
    // Only when nothing is under way any more is it known which calls were lost, and in which order.
    if (this.#underWay > 0 || this.#lost.length === 0) return;
    const again = [...this.#lost, ...this.#held];
    this.#lost = [];
    this.#held = [];
    for (const call of again) this.#send(call, true);
  }

  /** Holds the socket until the end of this tick: one system call for all that is written in it. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    const { stream } = this.#client;
    stream?.cork();
    process.nextTick(() => {
      this.#corked = false;
      stream?.uncork();
    });
  }
}
