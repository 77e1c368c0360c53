// A server that does exactly what a test says: it writes down what the client sends and answers nothing by itself.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { until } from "../support/until.ts";
import { ScriptedRequests } from "./scripted-requests.ts";
import { ADA } from "./shown-personas.ts";

export interface ClientFrame {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** One connection, as the server sees it. */
export class ScriptedConnection {
  readonly frames: ClientFrame[] = [];
  /** Set: a ping is answered as soon as it comes, as a server does; a test's own answer may be late on a busy machine. */
  answersPings = false;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => {
      const frame: unknown = JSON.parse(Buffer.isBuffer(data) ? data.toString() : "null");
      if (typeof frame !== "object" || frame === null || !("type" in frame)) return;
      this.frames.push(frame as ClientFrame);
      if (this.answersPings && frame.type === "ping") this.say("pong", {});
    });
  }

  of(type: string): ClientFrame[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  /** The frame of that type and index; waits for it. */
  async receive(type: string, index = 0): Promise<ClientFrame> {
    await until(`${type} frame ${index}`, () => this.of(type).length > index);
    return this.of(type)[index] ?? { type };
  }

  send(frame: object): void {
    this.#socket.send(JSON.stringify(frame));
  }

  say(name: string, value: object): void {
    this.send({ type: "CUSTOM", name, value });
  }

  /** Answers the latest join. */
  async join(more: object = {}, index = 0): Promise<ClientFrame> {
    const frame = await this.receive("join", index);
    const { conversationId, commandId } = frame;
    const value = {
      conversationId,
      commandId,
      epoch: "e1",
      lastSeq: 0,
      persona: ADA,
      new: true,
      storage: "memory",
    };
    this.say("joined", { ...value, ...more });
    return frame;
  }

  /** Sends events with numbers from `seq` on. */
  events(seq: number, ...events: readonly object[]): void {
    for (const [index, event] of events.entries()) this.send({ ...event, seq: seq + index, timestamp: 1 });
  }

  refuse(code: string, commandId: unknown, more: object = {}): void {
    this.say("error", {
      code,
      message: `refused: ${code}`,
      retryable: false,
      requestId: "r",
      commandId,
      ...more,
    });
  }

  close(code: number): void {
    this.#socket.close(code);
  }

  /** As a network dies. */
  terminate(): void {
    this.#socket.terminate();
  }
}

export class ScriptedServer {
  readonly connections: ScriptedConnection[] = [];
  /** Paths that were asked for over HTTP. */
  readonly probes: string[] = [];
  /** Set: upgrades and probes are answered with this status. */
  refusal: { status: number; retryAfter?: string } | undefined;
  /** Set: upgrades do not get through, though HTTP does; they are cut, or nobody answers them. */
  blocking: "cut" | "hang" | undefined;
  /** How many upgrades were asked for. */
  upgrades = 0;
  /** What was asked for below `/api/v1/conversations/`. */
  readonly requests = new ScriptedRequests();
  readonly #http: Server;
  /** They are nobody's any more: Node does not close them with the server. */
  readonly #hanging: { destroy(): void }[] = [];
  readonly #sockets = new WebSocketServer({ noServer: true });

  constructor() {
    this.#http = createServer((request, response) => {
      if (this.requests.take(request, response)) return;
      this.probes.push(request.url ?? "");
      if (this.refusal?.retryAfter) response.setHeader("retry-after", this.refusal.retryAfter);
      response.writeHead(this.refusal?.status ?? 200).end("{}");
    });
    this.#http.on("upgrade", (request, socket, head) => {
      this.upgrades += 1;
      if (this.blocking === "hang") {
        this.#hanging.push(socket);
        return;
      }
      if (this.blocking === "cut") {
        socket.destroy();
        return;
      }
      if (this.refusal) {
        socket.end(`HTTP/1.1 ${this.refusal.status} Refused\r\nConnection: close\r\n\r\n`);
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (opened) => {
        this.connections.push(new ScriptedConnection(opened));
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
    // A listening TCP server has an AddressInfo.
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}/api/v1/chat/ws`;
  }

  /** The connection with that index, waited for. */
  async connection(index: number): Promise<ScriptedConnection> {
    await until(`connection ${index}`, () => this.connections.length > index);
    const found = this.connections[index];
    if (!found) throw new Error(`there is no connection ${index}`);
    return found;
  }

  async close(): Promise<void> {
    for (const connection of this.connections) connection.terminate();
    for (const socket of this.#hanging) socket.destroy();
    this.requests.close();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }
}
