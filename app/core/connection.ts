// One open socket, as the rest of the product sees it. With websocket.ts the door of `ws`.
// Promises: frames leave in the order of `send`; nothing here throws because a peer is slow, gone or closing.
// Knows nothing of chat, and does not decide when a connection is too slow: it only says how much is waiting.

import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import { CLOSE_CODES, type CloseName } from "./close-codes.ts";
import { encodeTextFrame } from "./text-frame.ts";

export interface Connection {
  /** A UUID, new for every socket. */
  readonly id: string;
  /** The client's address, proxies seen through. */
  readonly address: string;
  /** Fulfilled, never rejected, when the socket is gone, however that came about. */
  readonly closed: Promise<void>;
  /** False from the first moment of closing on: what is sent then goes nowhere. */
  readonly isOpen: boolean;
  /** Bytes that were sent and not yet taken by the kernel, which itself takes megabytes of an idle reader. */
  readonly bufferedBytes: number;
  /** Sends one text frame. Does nothing on a socket that is closing or closed. */
  send(text: string): void;
  /** Fulfilled, never rejected, when all that was sent so far has been taken by the kernel, or the socket is gone. */
  whenDrained(): Promise<void>;
  /** Starts the closing handshake; a peer that does not answer it within 5 s is cut off. The first name counts. */
  close(name: CloseName): void;
}

const NO_PAYLOAD = Buffer.alloc(0);

/** A Connection over ws, with what the manager needs beside it: heartbeat state and counts. */
export class SocketConnection implements Connection {
  readonly id: string;
  readonly address: string;
  readonly closed: Promise<void>;
  readonly openedAtMs = performance.now();
  /** When the client last sent a frame (a pong is none), on the monotonic clock. */
  lastFrameAtMs = this.openedAtMs;
  /** Set by the heartbeat's ping, cleared by the pong. */
  awaitingPong = false;
  framesIn = 0;
  framesOut = 0;
  closeName: CloseName | undefined;
  readonly #webSocket: WebSocket;
  /** Where preframed text goes; undefined when a compressing ws must keep the order itself. */
  readonly #stream: Duplex | undefined;

  constructor(id: string, address: string, webSocket: WebSocket, stream: Duplex) {
    this.id = id;
    this.address = address;
    this.#webSocket = webSocket;
    this.#stream = webSocket.extensions === "" ? stream : undefined;
    this.closed = new Promise((resolve) => webSocket.once("close", () => resolve()));
    webSocket.on("pong", () => {
      this.awaitingPong = false;
    });
  }

  get isOpen(): boolean {
    return this.#webSocket.readyState === WebSocket.OPEN;
  }

  get bufferedBytes(): number {
    return this.#webSocket.bufferedAmount;
  }

  /** Frames are not being read from this client at the moment, so its pongs are not seen either. */
  get isPaused(): boolean {
    return this.#webSocket.isPaused;
  }

  send(text: string): void {
    if (this.#webSocket.readyState !== WebSocket.OPEN) return;
    this.framesOut += 1;
    if (this.#stream) this.#stream.write(encodeTextFrame(text));
    else this.#webSocket.send(text);
  }

  whenDrained(): Promise<void> {
    if (!this.isOpen || this.bufferedBytes === 0) return Promise.resolve();
    const taken = new Promise<void>((resolve) => {
      // An unsolicited pong is a frame that asks for no answer (RFC 6455, 5.5.3). It stands in line behind everything
      // sent so far, compressed or not, and its callback tells when the line up to here is gone: no callback a frame.
      this.#webSocket.pong(NO_PAYLOAD, false, () => resolve());
    });
    return Promise.race([taken, this.closed]);
  }

  close(name: CloseName): void {
    if (!this.isOpen) return;
    this.closeName = name;
    this.#webSocket.close(CLOSE_CODES[name].code, CLOSE_CODES[name].reason);
    // The peer's half of the handshake is read even where its frames were not.
    this.#webSocket.resume();
  }

  ping(): void {
    this.awaitingPong = true;
    this.#webSocket.ping();
  }

  /** Cuts the line without a handshake: for a peer that would not answer one. */
  terminate(): void {
    this.#webSocket.terminate();
  }

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }
}
