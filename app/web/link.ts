// A connection that comes back: it opens, notices the end, waits as it was told and opens again; over an event stream
// where WebSockets do not get through. Knows close codes, waiting and nothing of conversations. One transport at a
// time; what an abandoned one still says is not heard. Timers never outlive `close()`.

import type { ClientFrame } from "#app/models/client-frame.ts";
import { Blockade } from "./blockade.ts";
import {
  type AfterClose,
  type Backoff,
  backoffMs,
  DEFAULT_BACKOFF,
  decideAfterClose,
  decideAfterProbe,
} from "./connection-policy.ts";
import type { LinkState } from "./transcript.ts";
import { type Transport, type TransportName, UNEXPLAINED } from "./transport.ts";

export interface LinkOptions {
  readonly createTransport: (name: TransportName) => Transport;
  /** Address that is asked over HTTP when an upgrade fails, since a browser hides the upgrade's own answer. */
  readonly probeUrl: () => string;
  readonly backoff?: Backoff | undefined;
  readonly random?: (() => number) | undefined;
  readonly openTimeoutMs?: number | undefined;
  readonly onOpen: () => void;
  readonly onText: (text: string) => void;
  /** Something came that is no frame. */
  readonly onSign: () => void;
  readonly onState: (state: LinkState) => void;
}

/** A connection that lived this long was a good one: the next wait begins small again. */
const STABLE_AFTER_MS = 5_000;
const OPEN_TIMEOUT_MS = 5_000;
const PROBE_TIMEOUT_MS = 5_000;

export class Link {
  readonly #options: LinkOptions;
  readonly #blockade = new Blockade();
  #transport: Transport | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #openedAtMs: number | undefined;
  #heard = false;
  #announcedMs: number | undefined;
  #stopped = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** The way that is taken; undefined while there is none. */
  get transport(): TransportName | undefined {
    return this.#transport?.name;
  }

  /** Opens at once, whatever it was waiting for. Nothing where a connection is open or opening. */
  open(): void {
    if (this.#transport || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#options.onState({ status: "connecting" });
    const transport = this.#options.createTransport(this.#blockade.choose(Date.now()));
    this.#transport = transport;
    this.#heard = false;
    const timeoutMs = this.#options.openTimeoutMs ?? OPEN_TIMEOUT_MS;
    this.#timer = setTimeout(() => this.#giveUp("slow"), timeoutMs);
    const isPresent = () => this.#transport === transport;
    transport.open({
      onOpen: () => isPresent() && this.#opened(),
      onText: (text) => isPresent() && this.#hear(text),
      onSign: () => isPresent() && this.#options.onSign(),
      onEnd: (code) => isPresent() && this.#ended(code, "failed"),
    });
  }

  /** False where the frame did not go out; the caller keeps what must not be lost. */
  send(frame: ClientFrame): boolean {
    return this.#transport?.send(frame) ?? false;
  }

  /** The server stops soon and says when to come back. */
  announce(reconnectInMs: number): void {
    this.#announcedMs = reconnectInMs;
  }

  /** Gives up a connection that no longer answers. */
  drop(): void {
    this.#giveUp("failed");
  }

  /** Leaves the present connection for a new one. */
  renew(): void {
    this.#abandon();
    this.open();
  }

  /** Leaves the present connection, until somebody opens another. */
  stop(code: string): void {
    this.#abandon();
    this.#options.onState({ status: "stopped", code });
  }

  /** For good. */
  close(): void {
    this.#stopped = true;
    this.#abandon();
  }

  #abandon(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const transport = this.#transport;
    this.#transport = undefined;
    this.#openedAtMs = undefined;
    this.#announcedMs = undefined;
    transport?.close();
  }

  /** A connection's own closing could take minutes, so it is not waited for. */
  #giveUp(how: "slow" | "failed"): void {
    const transport = this.#transport;
    if (!transport) return;
    this.#ended(UNEXPLAINED, how);
    transport.close();
  }

  #opened(): void {
    clearTimeout(this.#timer);
    this.#openedAtMs = Date.now();
    this.#options.onState({ status: "online" });
    this.#options.onOpen();
  }

  #hear(text: string): void {
    this.#heard = true;
    if (this.transport === "websocket") this.#blockade.passed();
    this.#options.onText(text);
  }

  #ended(code: number, how: "slow" | "failed"): void {
    clearTimeout(this.#timer);
    const name = this.transport;
    this.#transport = undefined;
    const openedAtMs = this.#openedAtMs;
    this.#openedAtMs = undefined;
    const announcedMs = this.#announcedMs;
    this.#announcedMs = undefined;
    // A connection on which nothing came is one that did not open, however it looked from here.
    if (openedAtMs === undefined || (!this.#heard && code === UNEXPLAINED)) {
      void this.#probe(name === "websocket" ? how : undefined);
      return;
    }
    if (Date.now() - openedAtMs >= STABLE_AFTER_MS) this.#attempt = 0;
    this.#follow(decideAfterClose(code, announcedMs));
  }

  /** @param refused how a WebSocket did not get through: where its host answers all the same, something blocks it */
  async #probe(refused: "slow" | "failed" | undefined): Promise<void> {
    const asked = this.#ask();
    const wait = this.#wait(undefined, asked);
    const answer = await asked;
    if (!answer) return;
    const decision = decideAfterProbe(answer.status, answer.headers.get("retry-after"), Date.now());
    const isPlain = decision.type === "retry" && decision.afterMs === undefined;
    const isBlocked = answer.ok && isPlain && refused && this.#blockade.refused(refused, Date.now());
    if (this.#timer !== wait || this.#stopped) return;
    if (!isPlain) this.#follow(decision);
    else if (isBlocked) this.open();
  }

  /** Never rejects: a probe that fails as well says no more than that the server is away. */
  async #ask(): Promise<Response | undefined> {
    try {
      const response = await fetch(this.#options.probeUrl(), {
        signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      });
      void response.body?.cancel().catch(() => undefined);
      return response;
    } catch {
      // The wait that is already running goes on.
      return undefined;
    }
  }

  #follow(decision: AfterClose): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    if (decision.type === "retry") this.#wait(decision.afterMs);
    else if (decision.type === "pause") this.#options.onState({ status: "paused" });
    else this.#options.onState({ status: "stopped", code: decision.code });
  }

  /** @param first what is to be known before the next attempt: it can decide which way that one takes */
  #wait(
    askedMs: number | undefined,
    first: Promise<unknown> = Promise.resolve(),
  ): ReturnType<typeof setTimeout> {
    const { random = Math.random, backoff = DEFAULT_BACKOFF, onState } = this.#options;
    const waitMs = askedMs ?? backoffMs(this.#attempt, random(), backoff);
    this.#attempt += 1;
    const goOn = () => {
      if (this.#timer === timer) this.open();
    };
    const timer = setTimeout(() => void first.then(goOn), waitMs);
    this.#timer = timer;
    onState({ status: "waiting", untilMs: Date.now() + waitMs });
    return timer;
  }
}
