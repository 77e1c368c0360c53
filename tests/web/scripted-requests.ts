// The HTTP half of the scripted server: event streams, commands, export and erasure of conversations. Answers nothing by
// itself: a test looks at each request and says what comes back.

import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { until } from "../support/until.ts";
import type { ClientFrame } from "./scripted-server.ts";

/** One request, as the server sees it. */
export class ScriptedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly frame: ClientFrame;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, body: string, response: ServerResponse) {
    this.method = request.method ?? "";
    this.path = request.url ?? "";
    this.headers = request.headers;
    this.#response = response;
    const frame: unknown = body === "" ? { type: "" } : JSON.parse(body);
    this.frame = frame as ClientFrame;
  }

  /** The client has left, or the answer is whole. */
  get isOver(): boolean {
    return this.#response.closed;
  }

  answer(status: number, body: object | string): void {
    this.#response.writeHead(status, { "content-type": "application/json" });
    this.#response.end(typeof body === "string" ? body : JSON.stringify(body));
  }

  /** As the socket's answer frame. */
  say(name: string, value: object): void {
    this.answer(200, { type: "CUSTOM", name, value });
  }

  refuse(status: number, code: string, more: object = {}): void {
    const error = { code, message: `refused: ${code}`, retryable: false, requestId: "r", ...more };
    this.answer(status, { error });
  }

  /** Begins an event stream, or goes on with it. */
  stream(chunk: string): void {
    if (!this.#response.headersSent) this.#response.writeHead(200, { "content-type": "text/event-stream" });
    this.#response.write(chunk);
  }

  send(frame: object): void {
    this.stream(`data: ${JSON.stringify(frame)}\n\n`);
  }

  /** Sends events with numbers from `seq` on. */
  events(seq: number, ...events: readonly object[]): void {
    for (const [index, event] of events.entries()) {
      const numbered = { ...event, seq: seq + index, timestamp: 1 };
      this.stream(`id: e1:${seq + index}\ndata: ${JSON.stringify(numbered)}\n\n`);
    }
  }

  end(): void {
    this.#response.end();
  }

  /** As a network dies. */
  cut(): void {
    this.#response.destroy();
  }
}

export class ScriptedRequests {
  readonly all: ScriptedRequest[] = [];

  /** False where the request is none of these. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    if (!request.url?.startsWith("/api/v1/conversations/")) return false;
    void text(request).then((body) => this.all.push(new ScriptedRequest(request, body, response)));
    return true;
  }

  /** Requests whose method and path's end are these: `GET /events`, `POST /commands`, `DELETE`. */
  of(what: string): ScriptedRequest[] {
    const [method, end = ""] = what.split(" ");
    return this.all.filter((request) => request.method === method && request.path.endsWith(end));
  }

  /** The request with that index, waited for. */
  async receive(what: string, index = 0): Promise<ScriptedRequest> {
    await until(`${what} ${index}`, () => this.of(what).length > index);
    const found = this.of(what)[index];
    if (!found) throw new Error(`there is no ${what} ${index}`);
    return found;
  }

  /** The command of that type and index, waited for. */
  async command(type: string, index = 0): Promise<ScriptedRequest> {
    const found = () => this.of("POST /commands").filter(({ frame }) => frame.type === type)[index];
    await until(`the command ${type} ${index}`, () => found() !== undefined);
    const request = found();
    if (!request) throw new Error(`there is no command ${type} ${index}`);
    return request;
  }

  close(): void {
    for (const request of this.all) request.cut();
  }
}
