// One visitor: a WebSocket that says something and reads the reply to its end.
// Promises: a reply is counted only if it is whole; anything else rejects, with what was wrong.

import { WebSocket } from "ws";
import type { Dialect } from "./dialects.ts";
import { type ReplyScript, readReply, toQuestion } from "./reply-script.ts";

export interface Turn {
  /** From the message to its first token. */
  readonly firstMs: number;
  /** The same, less what the upstream took for that token. */
  readonly overheadMs: number;
  readonly totalMs: number;
  /** Frames that carried text. */
  readonly frames: number;
}

interface Waiting {
  readonly resolve: (turn: Turn) => void;
  readonly reject: (error: Error) => void;
  readonly script: ReplyScript;
  readonly saidAt: number;
  text: string;
  firstAt: number;
  frames: number;
}

/** A reply that takes longer has hung. */
const TURN_TIMEOUT_MS = 60_000;

export class StreamClient {
  readonly #socket: WebSocket;
  readonly #dialect: Dialect;
  readonly #ready = Promise.withResolvers<void>();
  #waiting: Waiting | undefined;
  #lastFrame = "";

  /** @param localAddress an address of its own: limits that count by address are not what is measured */
  constructor(url: string, dialect: Dialect, localAddress: string) {
    this.#dialect = dialect;
    this.#socket = new WebSocket(url, { localAddress, perMessageDeflate: false });
    this.#socket.once("open", () => {
      if (dialect.join === undefined) this.#ready.resolve();
      else this.#socket.send(dialect.join);
    });
    this.#socket.on("message", (data: Buffer) => this.#take(data.toString()));
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.once("close", (code) => this.#fail(new Error(`the socket was closed with ${code}`)));
  }

  /** Fulfilled when the server listens to this visitor. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  ask(script: ReplyScript): Promise<Turn> {
    const { promise, resolve, reject } = Promise.withResolvers<Turn>();
    const saidAt = performance.now();
    this.#waiting = { resolve, reject, script, saidAt, text: "", firstAt: 0, frames: 0 };
    this.#socket.send(this.#dialect.say(toQuestion(script)));
    const timer = setTimeout(() => this.#fail(new Error(this.#describeHang())), TURN_TIMEOUT_MS);
    return promise.finally(() => clearTimeout(timer));
  }

  close(): void {
    this.#socket.terminate();
  }

  #take(frame: string): void {
    this.#lastFrame = frame;
    const heard = this.#dialect.hear(frame);
    const owed = this.#dialect.owed();
    if (owed !== undefined) this.#socket.send(owed);
    if (heard.type === "joined") this.#ready.resolve();
    else if (heard.type === "failure") this.#fail(new Error(heard.reason));
    else if (heard.type === "text") this.#read(heard.text);
    else if (heard.type === "end") this.#end();
  }

  #read(text: string): void {
    const waiting = this.#waiting;
    if (!waiting) {
      this.#fail(new Error("text that nobody asked for"));
      return;
    }
    if (waiting.frames === 0) waiting.firstAt = performance.now();
    waiting.frames += 1;
    waiting.text += text;
  }

  #end(): void {
    const waiting = this.#waiting;
    if (!waiting) {
      this.#fail(new Error("an end that nobody waited for"));
      return;
    }
    const { script, saidAt, firstAt, frames, text } = waiting;
    const reply = readReply(text, script.tokens);
    if (!reply) {
      this.#fail(new Error(`not the reply that was sent: ${text.length} characters`));
      return;
    }
    this.#waiting = undefined;
    const firstMs = firstAt - saidAt;
    const overheadMs = firstMs - reply.ownMicroseconds / 1000;
    waiting.resolve({ firstMs, overheadMs, totalMs: performance.now() - saidAt, frames });
  }

  #describeHang(): string {
    const { frames = 0, text = "" } = this.#waiting ?? {};
    return `a reply hung after ${frames} frames with ${text.length} characters; last frame: ${this.#lastFrame}`;
  }

  #fail(error: Error): void {
    this.#ready.reject(error);
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}
