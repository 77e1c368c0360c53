// A socket that comes back: it opens, notices the end, waits as it was told and opens again.
// Knows close codes, waiting and nothing of conversations. One socket at a time; what an abandoned one still says
// is not heard. Timers never outlive `close()`.

import {
  type AfterClose,
  type Backoff,
  backoffMs,
  DEFAULT_BACKOFF,
  decideAfterClose,
  decideAfterProbe,
} from "./connection-policy.ts";
import type { LinkState } from "./transcript.ts";

export interface LinkOptions {
  /** ws: or wss: address. */
  readonly url: string;
  /** Address that is asked over HTTP when an upgrade fails, since a browser hides the upgrade's own answer. */
  readonly probeUrl: () => string;
  readonly backoff?: Backoff | undefined;
  readonly random?: (() => number) | undefined;
  readonly onOpen: () => void;
  readonly onText: (text: string) => void;
  readonly onState: (state: LinkState) => void;
}

/** A connection that lived this long was a good one: the next wait begins small again. */
const STABLE_AFTER_MS = 5_000;
const OPEN_TIMEOUT_MS = 10_000;
const PROBE_TIMEOUT_MS = 5_000;

export class Link {
  readonly #options: LinkOptions;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #openedAtMs: number | undefined;
  #announcedMs: number | undefined;
  #stopped = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Opens at once, whatever it was waiting for. Nothing where a socket is open or opening. */
  open(): void {
    if (this.#socket || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#options.onState({ status: "connecting" });
    const socket = new WebSocket(this.#options.url);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.drop(), OPEN_TIMEOUT_MS);
    socket.onopen = () => {
      if (this.#socket === socket) this.#opened();
    };
    socket.onmessage = ({ data }: { data: unknown }) => {
      if (this.#socket === socket && typeof data === "string") this.#options.onText(data);
    };
    socket.onclose = ({ code }) => {
      if (this.#socket === socket) this.#ended(code);
    };
  }

  /** False where the frame did not go out; the caller keeps what must not be lost. */
  send(frame: object): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** The server stops soon and says when to come back. */
  announce(reconnectInMs: number): void {
    this.#announcedMs = reconnectInMs;
  }

  /** Gives up a socket that no longer answers. Its own closing could take minutes, so it is not waited for. */
  drop(): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#ended(1006);
    socket.close();
  }

  /** For good. */
  close(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close(1000);
  }

  #opened(): void {
    clearTimeout(this.#timer);
    this.#openedAtMs = Date.now();
    this.#options.onState({ status: "online" });
    this.#options.onOpen();
  }

  #ended(code: number): void {
    clearTimeout(this.#timer);
    this.#socket = undefined;
    const openedAtMs = this.#openedAtMs;
    this.#openedAtMs = undefined;
    const announcedMs = this.#announcedMs;
    this.#announcedMs = undefined;
    if (openedAtMs === undefined) return void this.#probe();
    if (Date.now() - openedAtMs >= STABLE_AFTER_MS) this.#attempt = 0;
    this.#follow(decideAfterClose(code, announcedMs));
  }

  /** Never rejects: a probe that fails as well says no more than that the server is away. */
  async #probe(): Promise<void> {
    const wait = this.#wait(undefined);
    try {
      const response = await fetch(this.#options.probeUrl(), {
        signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      });
      await response.body?.cancel();
      if (this.#timer !== wait || this.#stopped) return;
      const decision = decideAfterProbe(response.status, response.headers.get("retry-after"), Date.now());
      if (decision.type !== "retry" || decision.afterMs !== undefined) this.#follow(decision);
    } catch {
      // The wait that is already running goes on.
    }
  }

  #follow(decision: AfterClose): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    if (decision.type === "retry") this.#wait(decision.afterMs);
    else if (decision.type === "pause") this.#options.onState({ status: "paused" });
    else this.#options.onState({ status: "stopped", code: decision.code });
  }

  #wait(askedMs: number | undefined): ReturnType<typeof setTimeout> {
    const { random = Math.random, backoff = DEFAULT_BACKOFF, onState } = this.#options;
    const waitMs = Math.max(
      askedMs ?? 0,
      askedMs === undefined ? backoffMs(this.#attempt, random(), backoff) : 0,
    );
    this.#attempt += 1;
    const timer = setTimeout(() => this.open(), waitMs);
    this.#timer = timer;
    onState({ status: "waiting", untilMs: Date.now() + waitMs });
    return timer;
  }
}
