// One POST that is answered with an event stream, over node:http with connections that are kept.
// Promises: the receiver hears end() or fail() once, nothing after it, and nothing after cut(); connect and headers
// have deadlines. Redirects are not followed: a key goes to the host it was configured for, and to no other.

import { Buffer } from "node:buffer";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { AppError } from "#app/core/errors.ts";
import type { Deadlines } from "./deadlines.ts";
import type { ModelEndpoint } from "./endpoint.ts";
import { refusalOf } from "./provider-answer.ts";
import { keptConnections } from "./provider-connections.ts";
import { lateness, modelError, sickness } from "./provider-fault.ts";

export interface StreamReceiver {
  /** The headers came, and an event stream follows. */
  open(): void;
  data(bytes: Buffer): void;
  end(): void;
  fail(error: AppError): void;
}

/** What is looked at of a refusal's body. */
const MAX_REFUSAL_BYTES = 64 * 1024;
const LOST = "the connection was lost in mid-stream";
const REFUSAL_BODY_MS = 2_000;

export class EventStreamPost {
  readonly #endpoint: ModelEndpoint;
  readonly #body: Buffer;
  readonly #deadlines: Deadlines;
  readonly #receiver: StreamReceiver;
  #request: ClientRequest;
  #response: IncomingMessage | undefined;
  #timer: NodeJS.Timeout | undefined;
  #over = false;
  #resent = false;

  /** Sends at once. */
  constructor(endpoint: ModelEndpoint, body: string, deadlines: Deadlines, receiver: StreamReceiver) {
    this.#endpoint = endpoint;
    this.#body = Buffer.from(body);
    this.#deadlines = deadlines;
    this.#receiver = receiver;
    this.#request = this.#send();
  }

  /** Ends everything at once: the provider sees its socket close. */
  cut(): void {
    this.#finish();
    this.#request.destroy();
  }

  /** Nothing more is wanted. A stream that ends within `graceMs` gives its connection back; any other is cut. */
  release(graceMs: number): void {
    this.#finish();
    const response = this.#response;
    if (response === undefined || response.complete) return;
    const timer = setTimeout(() => this.#request.destroy(), graceMs).unref();
    response.once("close", () => clearTimeout(timer)).resume();
  }

  #send(): ClientRequest {
    const { url, headers } = this.#endpoint;
    const secure = url.protocol === "https:";
    const request = (secure ? httpsRequest : httpRequest)(url, {
      method: "POST",
      // Sent again: every kept connection may have gone the same way, so a new one.
      agent: this.#resent ? false : keptConnections(url),
      headers: {
        ...headers,
        "content-type": "application/json",
        "content-length": this.#body.length,
        accept: "text/event-stream",
        "accept-encoding": "identity",
      },
    });
    this.#expire(this.#deadlines.connectMs, () => sickness("no connection in time"));
    request.once("socket", (socket) => {
      const connected = () =>
        this.#expire(this.#deadlines.headersMs, () => lateness("no response headers in time"));
      if (socket.connecting) socket.once(secure ? "secureConnect" : "connect", connected);
      else connected();
    });
    request.once("response", (response) => this.#take(response));
    request.on("error", (error) => this.#lose(request, error));
    request.end(this.#body);
    return request;
  }

  #take(response: IncomingMessage): void {
    clearTimeout(this.#timer);
    this.#response = response;
    // Heard also when everything is over, or a late reset would be an uncaught error.
    response.on("error", (error) => this.#fail(sickness(LOST, error)));
    if (this.#over) return;
    const { statusCode = 0, headers } = response;
    // A page of a proxy, or a server that does not stream. A missing type is forgiven.
    const isPage = /^(?:text\/html|application\/json)/i.test(headers["content-type"] ?? "");
    const encoding = headers["content-encoding"] ?? "identity";
    if (statusCode !== 200 || isPage) this.#takeRefusal(response, statusCode);
    else if (encoding !== "identity")
      this.#fail(strange("the stream is compressed, which was not asked for"));
    else this.#takeStream(response);
  }

  #takeStream(response: IncomingMessage): void {
    this.#receiver.open();
    response.on("data", (bytes: Buffer) => {
      if (!this.#over) this.#receiver.data(bytes);
    });
    response.once("end", () => {
      if (this.#over) return;
      this.#finish();
      this.#receiver.end();
    });
  }

  #takeRefusal(response: IncomingMessage, status: number): void {
    const parts: Buffer[] = [];
    let bytes = 0;
    const judge = () => {
      const body = Buffer.concat(parts).toString();
      if (status === 200) this.#fail(sickness("the provider answered with something else than a stream"));
      else this.#fail(refusalOf(status, response.headers, body));
    };
    this.#timer = setTimeout(judge, Math.min(REFUSAL_BODY_MS, this.#deadlines.headersMs));
    response.on("data", (part: Buffer) => {
      if (this.#over) return;
      parts.push(part);
      bytes += part.length;
      if (bytes > MAX_REFUSAL_BYTES) judge();
    });
    response.once("end", () => judge());
    response.once("close", () => judge());
  }

  #lose(request: ClientRequest, error: Error): void {
    if (this.#over || request !== this.#request) return;
    // A kept connection that the provider closed in the same moment (node:http, "request.reusedSocket").
    if (request.reusedSocket && this.#response === undefined && isReset(error) && !this.#resent) {
      this.#resent = true;
      clearTimeout(this.#timer);
      this.#request = this.#send();
      return;
    }
    const untrusted = isCertificate(error) && "the provider's certificate is not trusted";
    this.#fail(sickness(untrusted || (this.#response ? LOST : "no connection"), error));
  }

  /** The error is made when it is needed: its stack costs more than the rest of a call. */
  #expire(ms: number, toError: () => AppError): void {
    clearTimeout(this.#timer);
    if (this.#over) return;
    this.#timer = setTimeout(() => this.#fail(toError()), ms);
  }

  #fail(error: AppError): void {
    if (this.#over) return;
    this.cut();
    this.#receiver.fail(error);
  }

  #finish(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }
}

/** An answer that trying again will not change. */
function strange(message: string): AppError {
  return modelError("llm_unavailable", message, { transient: false, counts: true });
}

function isReset(error: Error): boolean {
  return "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");
}

function isCertificate(error: Error): boolean {
  return "code" in error && typeof error.code === "string" && /CERT|SELF_SIGNED|ERR_TLS/.test(error.code);
}
