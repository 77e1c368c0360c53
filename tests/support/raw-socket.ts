// A TCP socket that speaks just enough HTTP and WebSocket to say what a proper client cannot: broken frames, frames
// in the packet of the handshake, silence. It answers nothing by itself.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { until } from "./until.ts";

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A masked client frame. The mask is zero, which masks nothing and keeps dumps readable. */
export function clientFrame(opcode: number, payload: Uint8Array | string = "", fin = true): Buffer {
  const bytes = Buffer.from(payload);
  const { length } = bytes;
  const header = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  header[0] = (fin ? 0x80 : 0) | opcode;
  header[1] = 0x80 | (header.length === 2 ? length : header.length === 4 ? 126 : 127);
  if (header.length === 4) header.writeUInt16BE(length, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, Buffer.alloc(4), bytes]);
}

export class RawSocket {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    socket.on("error", () => undefined);
    socket.once("close", () => {
      this.#isClosed = true;
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The HTTP answer as far as it has come: its head, and what follows the head. */
  get answer(): { head: string; rest: Buffer } {
    const end = this.#received.indexOf("\r\n\r\n");
    if (end < 0) return { head: "", rest: Buffer.alloc(0) };
    return { head: this.#received.subarray(0, end).toString(), rest: this.#received.subarray(end + 4) };
  }

  /** The whole frames that have come after the handshake. */
  get frames(): ServerFrame[] {
    const frames: ServerFrame[] = [];
    let { rest } = this.answer;
    while (rest.length >= 2) {
      const short = rest.readUInt8(1) & 0x7f;
      const start = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (rest.length < start) break;
      const length =
        start === 10 ? Number(rest.readBigUInt64BE(2)) : start === 4 ? rest.readUInt16BE(2) : short;
      if (rest.length < start + length) break;
      frames.push({ opcode: rest.readUInt8(0) & 0x0f, payload: rest.subarray(start, start + length) });
      rest = rest.subarray(start + length);
    }
    return frames;
  }

  /** The code of the close frame, once it has come. */
  async closeCode(): Promise<number> {
    const find = () => this.frames.find((frame) => frame.opcode === OPCODE.close);
    await until("a close frame", () => find() !== undefined);
    return find()?.payload.readUInt16BE(0) ?? 0;
  }

  write(bytes: Uint8Array | string): void {
    this.socket.write(bytes);
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** The bytes of a handshake. */
export function handshake(path: string, headers: Readonly<Record<string, string>> = {}): string {
  const all = {
    Host: "127.0.0.1",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

/** Connects and writes `opening` in one packet; waits for the head of the answer. Cut off when the test ends. */
export async function openRawSocket(
  test: TestContext,
  port: number,
  opening: Uint8Array | string,
  options: { readonly allowHalfOpen?: boolean } = {},
): Promise<RawSocket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, ...options });
  const raw = new RawSocket(socket);
  test.after(() => raw.destroy());
  await once(socket, "connect");
  raw.write(opening);
  await until("an answer to the handshake", () => raw.answer.head !== "");
  return raw;
}
