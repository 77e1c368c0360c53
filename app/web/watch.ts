// Notices a line that died without a close. Only while an answer is owed: a ping counts as activity, and an idle
// visitor's connection should run into the server's idle limit rather than be kept open by a machine.

import type { Link } from "./link.ts";

const DEFAULT_PATIENCE_MS = 10_000;

export class Watch {
  readonly #link: Link;
  readonly #patienceMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #expecting = false;
  #asked = false;

  constructor(link: Link, patienceMs = DEFAULT_PATIENCE_MS) {
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
    this.#asked = false;
    this.#timer = this.#expecting ? setTimeout(() => this.#silent(), this.#patienceMs) : undefined;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#expecting = false;
  }

  /** Silence: ask once, then give up. */
  #silent(): void {
    if (this.#asked) {
      this.#expecting = false;
      this.#link.drop();
      return;
    }
    this.#asked = this.#link.send({ type: "ping", commandId: "watch" });
    this.#timer = setTimeout(() => this.#silent(), this.#patienceMs);
  }
}
