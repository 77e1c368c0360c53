// A WebSocket client with memory: it keeps every frame from the first byte on, so that a test can ask for a frame
// that has already come. Every wait has a deadline, and a failed wait tells which frames did come.
// Not for raw bytes: see raw-socket.ts.

import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { type ClientOptions, WebSocket } from "ws";

/** A JSON frame. Text that is no JSON object arrives as `{type: "raw", raw: text}`. */
export interface Frame {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface SocketClientOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly origin?: string;
  readonly protocols?: readonly string[];
  /** `false`: never answers a protocol ping. */
  readonly autoPong?: boolean;
  /** Offers permessage-deflate. */
  readonly compression?: boolean;
}

/** What the server said instead of upgrading. */
export class UpgradeRefused extends Error {
  override readonly name = "UpgradeRefused";
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;

  constructor(status: number, headers: IncomingMessage["headers"], body: string) {
    super(`upgrade refused with ${status}: ${body}`);
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

interface Waiter {
  readonly matches: (frame: Frame) => boolean;
  readonly take: (frame: Frame) => void;
  readonly fail: (why: string) => void;
}

const DEFAULT_TIMEOUT_MS = 15_000;

export class SocketClient {
  /** Every frame that has come, in order, those already handed out included. */
  readonly frames: Frame[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;
  readonly #waiting: Frame[] = [];
  readonly #waiters = new Set<Waiter>();
  #closeCode: number | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => this.#receive(Buffer.isBuffer(data) ? data.toString() : ""));
    // The close event follows every error and is what tests look at.
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        this.#closeCode = code;
        for (const waiter of [...this.#waiters]) waiter.fail(`the socket closed with ${code}`);
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** The oldest matching frame that was not handed out yet; waits for it if need be. Without a predicate: any. */
  next(matches: (frame: Frame) => boolean = () => true, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<Frame> {
    const index = this.#waiting.findIndex(matches);
    const [found] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (found) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        matches,
        take: (frame) => {
          settle();
          resolve(frame);
        },
        fail: (why) => {
          settle();
          reject(new Error(`no such frame: ${why}; came: ${JSON.stringify(this.frames.slice(-20))}`));
        },
      };
      const timer = setTimeout(() => waiter.fail(`${timeoutMs} ms passed`), timeoutMs);
      this.#waiters.add(waiter);
      if (this.#closeCode !== undefined) waiter.fail(`the socket had closed with ${this.#closeCode}`);
    });
  }

  /** An object goes as JSON, a string as it is (for bad frames), bytes as a binary frame. */
  send(frame: object | string | Uint8Array): void {
    const raw = typeof frame === "string" || frame instanceof Uint8Array;
    this.#socket.send(raw ? frame : JSON.stringify(frame));
  }

  /** Stops reading, as a slow client does; `resume` goes on. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Closes with a handshake and waits for its end. */
  close(code = 1000): Promise<{ code: number; reason: string }> {
    this.#socket.close(code);
    return this.closed;
  }

  /** Cuts the line, as a network does. */
  terminate(): void {
    this.#socket.terminate();
  }

  #receive(received: string): void {
    const frame = toFrame(received);
    this.frames.push(frame);
    for (const waiter of this.#waiters) {
      if (!waiter.matches(frame)) continue;
      waiter.take(frame);
      return;
    }
    this.#waiting.push(frame);
  }
}

function toFrame(received: string): Frame {
  try {
    const value: unknown = JSON.parse(received);
    if (typeof value === "object" && value !== null && "type" in value && typeof value.type === "string") {
      return { ...value, type: value.type };
    }
  } catch {
    // Not JSON: kept as it came, the test decides what that means.
  }
  return { type: "raw", raw: received };
}

/** Opens a socket. Rejects with `UpgradeRefused` when the server answers in HTTP, with the socket's error else. */
export function openSocket(url: string, options: SocketClientOptions = {}): Promise<SocketClient> {
  const { protocols = [], headers, origin, autoPong = true, compression = false } = options;
  const settings: ClientOptions = {
    autoPong,
    perMessageDeflate: compression,
    handshakeTimeout: DEFAULT_TIMEOUT_MS,
  };
  if (headers) settings.headers = { ...headers };
  if (origin !== undefined) settings.origin = origin;
  const socket = new WebSocket(url, [...protocols], settings);
  const client = new SocketClient(socket);
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(client));
    socket.once("error", reject);
    socket.once("unexpected-response", (request, response) => {
      const status = response.statusCode ?? 0;
      const settle = (body: string) => {
        reject(new UpgradeRefused(status, response.headers, body));
        request.destroy();
      };
      text(response).then(settle, reject);
    });
  });
}

/** Opens a socket that must be refused, and hands back the refusal. */
export async function openRefused(url: string, options: SocketClientOptions = {}): Promise<UpgradeRefused> {
  const client = await openSocket(url, options).catch((error: unknown) => error);
  if (client instanceof UpgradeRefused) return client;
  if (client instanceof SocketClient) client.terminate();
  throw new Error("the upgrade was not refused", { cause: client });
}
