// One connection to an instance that keeps every frame as the text that came, to the byte.
// Promises: nothing that came is lost or changed; waits have deadlines and end when the connection does.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { WebSocket } from "ws";
import { parseFrame } from "../support/recorded-frames.ts";
import type { Frame } from "../support/socket-client.ts";
import type { Place } from "./instance-pair.ts";

const DEADLINE_MS = 20_000;

export class RawLine {
  /** Every frame, in order, as it came. */
  readonly texts: string[] = [];
  readonly #socket: WebSocket;
  readonly #frames: Frame[] = [];
  readonly #watchers = new Set<() => void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => {
      this.texts.push(Buffer.isBuffer(data) ? data.toString() : "");
      this.#tell();
    });
    // The close event follows every error.
    socket.on("error", () => undefined);
    socket.once("close", () => this.#tell());
  }

  /** Resolves when the instance has let it in. */
  static async open(place: Place): Promise<RawLine> {
    const socket = new WebSocket(place.socketUrl, {
      perMessageDeflate: false,
      handshakeTimeout: DEADLINE_MS,
    });
    const line = new RawLine(socket);
    await once(socket, "open");
    return line;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Every frame that has come, read; each is parsed once. */
  get frames(): readonly Frame[] {
    for (const text of this.texts.slice(this.#frames.length)) this.#frames.push(parseFrame(text));
    return this.#frames;
  }

  /** Texts of the numbered events. */
  get numbered(): readonly string[] {
    const { frames } = this;
    return this.texts.filter((_, index) => typeof frames[index]?.seq === "number");
  }

  named(name: string): readonly Frame[] {
    return this.frames.filter((frame) => frame.name === name || frame.type === name);
  }

  send(frame: object): void {
    this.#socket.send(JSON.stringify(frame));
  }

  /** What answers a command, refusal or not. */
  async ask(frame: object): Promise<Frame> {
    const named = { commandId: randomUUID(), ...frame };
    const { commandId } = named;
    this.send(named);
    let answer: Frame | undefined;
    await this.hears("an answer", () => {
      answer = this.frames.find(({ value }) => Object(value).commandId === commandId);
      return answer !== undefined;
    });
    return answer ?? { type: "none" };
  }

  /** Waits until the condition holds, which is looked at with every frame that comes. */
  async hears(what: string, condition: () => boolean, deadlineMs = DEADLINE_MS): Promise<void> {
    if (condition()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(this.#missing(what)), deadlineMs);
    const look = (): void => {
      try {
        if (condition()) resolve();
        else if (this.#socket.readyState === WebSocket.CLOSED) reject(this.#missing(what));
      } catch (error) {
        reject(error);
      }
    };
    this.#watchers.add(look);
    look();
    await promise.finally(() => {
      clearTimeout(timer);
      this.#watchers.delete(look);
    });
  }

  /** Everything the server had to say until now has come. */
  async isQuiet(): Promise<void> {
    await this.ask({ type: "ping" });
  }

  /** Stops reading, as a client whose side hangs; `resume` goes on. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Cuts the line, as a network does. */
  terminate(): void {
    this.#socket.terminate();
  }

  /** Says goodbye; the other side's answer is not waited for. */
  close(): void {
    this.#socket.close(1000);
  }

  #tell(): void {
    for (const look of this.#watchers) look();
  }

  #missing(what: string): Error {
    const state =
      this.#socket.readyState === WebSocket.CLOSED ? "the line has ended" : "it did not come in time";
    return new Error(
      `${what}: ${state}; the last of ${this.texts.length}: ${this.texts.slice(-5).join("\n")}`,
    );
  }
}
