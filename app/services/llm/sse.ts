// An incremental parser of server-sent events (WHATWG HTML, 9.2.6), for the data of events only.
// Promises: characters and line ends that a packet cuts come out whole; a line that never ends is refused, not kept.
// More tolerant than the standard in one place: an event at the very end counts without its blank line.

import { StringDecoder } from "node:string_decoder";

/** An event longer than this is an attack or a mistake; the longest honest one is a few kilobytes. */
const MAX_EVENT_CHARS = 1024 * 1024;

/** An event grew beyond what is accepted. */
export class EventTooLongError extends Error {
  override readonly name = "EventTooLongError";
}

export class SseParser {
  readonly #onData: (data: string) => void;
  readonly #maxChars: number;
  readonly #decoder = new StringDecoder("utf8");
  /** The line that has not ended yet. */
  #line = "";
  #data: string | undefined;
  #endedInCr = false;
  #atStart = true;
  #stopped = false;

  constructor(onData: (data: string) => void, maxChars = MAX_EVENT_CHARS) {
    this.#onData = onData;
    this.#maxChars = maxChars;
  }

  /** @throws EventTooLongError, and whatever the receiver throws */
  push(bytes: Buffer): void {
    this.#read(this.#decoder.write(bytes));
  }

  /** The stream is over: what stands there without its line end still counts. */
  end(): void {
    this.#read(`${this.#decoder.end()}\n\n`);
  }

  /** Nothing more comes out, even in the midst of push(). */
  stop(): void {
    this.#stopped = true;
  }

  #read(decoded: string): void {
    if (decoded === "" || this.#stopped) return;
    const text = this.#withPlainLineEnds(decoded);
    let from = 0;
    let to = text.indexOf("\n");
    while (to !== -1) {
      const line = this.#line === "" ? text.slice(from, to) : this.#line + text.slice(from, to);
      this.#line = "";
      this.#takeLine(line);
      if (this.#stopped) return;
      from = to + 1;
      to = text.indexOf("\n", from);
    }
    if (from < text.length) this.#line += text.slice(from);
    this.#check(this.#line.length);
  }

  /** `\r\n` and `\r` end lines, too; a packet may end between the two. */
  #withPlainLineEnds(decoded: string): string {
    let text = decoded;
    if (this.#atStart) {
      this.#atStart = false;
      if (text.startsWith("\uFEFF")) text = text.slice(1);
    }
    if (this.#endedInCr && text.startsWith("\n")) text = text.slice(1);
    this.#endedInCr = decoded.endsWith("\r");
    return text.includes("\r") ? text.replaceAll(/\r\n?/g, "\n") : text;
  }

  #takeLine(line: string): void {
    if (line === "") {
      const data = this.#data;
      this.#data = undefined;
      if (data !== undefined) this.#onData(data);
      return;
    }
    // Comments (keep-alives) and the fields event, id and retry say nothing here.
    if (!line.startsWith("data")) return;
    const value = line === "data" ? "" : line.charCodeAt(4) === 0x3a ? afterColon(line) : undefined;
    if (value === undefined) return;
    this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    this.#check(this.#data.length);
  }

  #check(chars: number): void {
    if (chars <= this.#maxChars) return;
    this.stop();
    throw new EventTooLongError(`an event of more than ${this.#maxChars} characters`);
  }
}

/** What follows `data:`, without the one blank that may stand there. */
function afterColon(line: string): string {
  return line.charCodeAt(5) === 0x20 ? line.slice(6) : line.slice(5);
}
