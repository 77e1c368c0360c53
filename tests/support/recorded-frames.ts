// A reader's transport that keeps every frame, with a socket whose buffer a test fills and empties.

import type { CloseName } from "#app/core/close-codes.ts";
import type { ReaderTransport } from "#app/services/chatbot/reader.ts";
import type { Frame } from "./socket-client.ts";

export class RecordedFrames implements ReaderTransport {
  /** What was sent, as it was encoded. */
  readonly sent: string[] = [];
  readonly closedWith: CloseName[] = [];
  bufferedBytes = 0;
  /** Called within each send, as a socket that breaks would. */
  onSend: (frame: string) => void = () => undefined;
  readonly #waiting: (() => void)[] = [];

  send(frame: string): void {
    this.sent.push(frame);
    this.onSend(frame);
  }

  whenDrained(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(name: CloseName): void {
    this.closedWith.push(name);
  }

  /** The socket has taken everything. */
  drain(): void {
    this.bufferedBytes = 0;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  get frames(): Frame[] {
    return this.sent.map(parseFrame);
  }

  get seqs(): unknown[] {
    return this.frames.filter((frame) => "seq" in frame).map((frame) => frame.seq);
  }

  /** Frames by their type, or, of CUSTOM ones, by their name. */
  named(name: string): Frame[] {
    return this.frames.filter((frame) => frame.type === name || frame.name === name);
  }
}

export function parseFrame(encoded: string): Frame {
  const value: unknown = JSON.parse(encoded);
  if (typeof value === "object" && value !== null && "type" in value && typeof value.type === "string") {
    return { ...value, type: value.type };
  }
  throw new Error(`no frame: ${encoded}`);
}
