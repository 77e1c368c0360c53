// Notices a line that died without a close. Only while an answer is owed: a ping counts as activity, and an idle
// visitor's connection should run into the server's idle limit rather than be kept open by a machine.

import type { Link } from "./link.ts";

const DEFAULT_PATIENCE_MS = 10_000;
/**
 * An answer is waited for in so many parts. Where the machine slept or the tab was frozen, the timer is served at
 * once and the answer may lie unread: whatever the standstill, it takes up no more than one part.
 */
const PARTS = 4;

export type WatchedLink = Pick<Link, "send" | "drop">;

export class Watch {
  readonly #link: WatchedLink;
  readonly #patienceMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #expecting = false;

  constructor(link: WatchedLink, patienceMs = DEFAULT_PATIENCE_MS) {
    this.#link = link;
    this.#patienceMs = patienceMs;
  }

  /** Says whether silence would be a fault from now on. */
  expect(expecting: boolean): void {
    if (expecting === this.#expecting) return;
    this.#expecting = expecting;
    this.heard();
  }

  /** Something has come over the line. */
  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#expecting ? setTimeout(() => this.#silent(), this.#patienceMs) : undefined;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#expecting = false;
  }

  /** Silence: ask once, then give up. */
  #silent(): void {
    if (this.#link.send({ type: "ping", commandId: "watch" })) this.#awaitAnswer(PARTS);
    else this.#timer = setTimeout(() => this.#silent(), this.#patienceMs);
  }

  #awaitAnswer(parts: number): void {
    if (parts > 0) {
      this.#timer = setTimeout(() => this.#awaitAnswer(parts - 1), this.#patienceMs / PARTS);
      return;
    }
    this.#expecting = false;
    this.#link.drop();
  }
}
