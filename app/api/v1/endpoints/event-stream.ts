// One open stream of server-sent events, as a conversation's reader sees it: a transport like a socket.
// Promises: nothing leaves before `begin`, so that a refusal can still be an HTTP answer; what has a number carries
// `id: <epoch>:<seq>`; a comment every 15 s; nothing here throws because a peer is slow or gone.
// Source: HTML standard, 9.2 (server-sent events).

import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { CLOSE_CODES, type CloseName } from "#app/core/close-codes.ts";
import { seqOf } from "#app/models/server-event.ts";
import type { ReaderTransport } from "#app/services/chatbot/reader.ts";

/** Often enough for proxies, which take a line that is silent for a minute for dead. */
export const STREAM_HEARTBEAT_MS = 15_000;

const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  // A proxy that gathers what it passes on would hold the words back.
  "x-accel-buffering": "no",
} as const;

type StreamHeaders = Readonly<Record<string, number | string | string[] | undefined>>;

const JOINED = '{"type":"CUSTOM","name":"joined",';

export class EventStream implements ReaderTransport {
  /** A UUID, new for every stream; `hello` names it. */
  readonly id: string = randomUUID();
  /** Fulfilled, never rejected, when the stream is gone, however that came about. */
  readonly closed: Promise<void>;
  readonly #response: ServerResponse;
  /** What was said before the beginning. */
  #early: string[] | undefined = [];
  #epoch = "";
  #isOver = false;
  #heartbeat: NodeJS.Timeout | undefined;
  closeName: CloseName | undefined;
  /** When the conversation last went on here, in milliseconds of `performance.now()`. */
  lastEventAtMs = performance.now();

  constructor(response: ServerResponse) {
    this.#response = response;
    this.closed = new Promise((resolve) => {
      const end = (): void => {
        this.#isOver = true;
        clearInterval(this.#heartbeat);
        resolve();
      };
      response.once("close", end);
      // Its peer may have gone before anybody listened.
      if (response.destroyed) end();
    });
    // The close event follows.
    response.on("error", () => undefined);
  }

  get bufferedBytes(): number {
    return this.#response.writableLength;
  }

  /** Sends the head, and what has been said so far. */
  begin(headers: StreamHeaders): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    if (this.#response.destroyed) return;
    for (const [name, value] of Object.entries({ ...headers, ...STREAM_HEADERS })) {
      if (value !== undefined) this.#response.setHeader(name, value);
    }
    this.#response.flushHeaders();
    for (const text of early) this.#response.write(text);
    if (this.#isOver) this.#response.end();
    else this.#heartbeat = setInterval(() => this.#write(": \n\n"), STREAM_HEARTBEAT_MS).unref();
  }

  send(frame: string): void {
    const seq = seqOf(frame);
    if (seq !== undefined) this.lastEventAtMs = performance.now();
    if (frame.startsWith(JOINED)) this.#epoch = epochOf(frame);
    // The own notice of whoever writes over HTTP to another instance than the one that streams comes back here.
    else if (seq === undefined && isOwnTyping(frame, this.id)) return;
    this.#write(`${seq === undefined ? "" : `id: ${this.#epoch}:${seq}\n`}data: ${frame}\n\n`);
  }

  whenDrained(): Promise<void> {
    if (this.#isOver || this.bufferedBytes === 0) return Promise.resolve();
    // A comment stands in line behind everything that was sent; when it is taken, so is all before it.
    const taken = new Promise<void>((resolve) => {
      this.#response.write(":\n\n", () => resolve());
    });
    return Promise.race([taken, this.closed]);
  }

  /** Says why in a comment and ends; a peer that does not read would never see the end, and is cut off. */
  close(name: CloseName): void {
    if (this.#isOver) return;
    const { code, reason } = CLOSE_CODES[name];
    this.#write(`: ${code} ${reason}\n\n`);
    this.#isOver = true;
    this.closeName = name;
    clearInterval(this.#heartbeat);
    if (name === "slowReader") this.#response.destroy();
    else if (!this.#early) this.#response.end();
  }

  /** Cuts the line, whatever is still under way. */
  cut(): void {
    this.#response.destroy();
  }

  #write(text: string): void {
    if (this.#isOver) return;
    if (this.#early) this.#early.push(text);
    else this.#response.write(text);
  }
}

function epochOf(joined: string): string {
  const { value }: { value?: { epoch?: unknown } } = Object(JSON.parse(joined));
  return String(value?.epoch);
}

function isOwnTyping(frame: string, id: string): boolean {
  return frame.startsWith('{"type":"CUSTOM","name":"typing",') && frame.includes(id);
}
