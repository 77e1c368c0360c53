// Answers an upgrade request in plain HTTP instead of upgrading it.
// Promises: the JSON error body of the protocol, Retry-After where waiting helps, and a socket that is gone afterwards.

import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { toErrorBody, toRetryAfterSeconds } from "./error-body.ts";
import type { AppError } from "./errors.ts";

/** How long a refused peer may keep its side open. */
const LINGER_MS = 1_000;

/** Writes the answer and gives the socket up. Does nothing on a socket that is gone. */
export function refuseUpgrade(socket: Duplex, error: AppError, requestId: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(toErrorBody(error, requestId));
  const retryAfterSeconds = toRetryAfterSeconds(error);
  const lines = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? "Error"}`,
    "Connection: close",
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Cache-Control: no-store",
    `X-Request-Id: ${requestId}`,
  ];
  if (retryAfterSeconds !== undefined) lines.push(`Retry-After: ${retryAfterSeconds}`);
  // RFC 6455, 4.4: a server that could not agree on the handshake says which version it speaks.
  if (error.status === 400) lines.push("Sec-WebSocket-Version: 13");
  // What the client sent early is read and dropped: closing over unread bytes resets the line, and the answer with it.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once("close", () => clearTimeout(timer));
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}
