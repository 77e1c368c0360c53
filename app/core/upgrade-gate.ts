// Decides whether an upgrade request may become a socket, before anything of it is believed.
// Promises: cheap checks first; what is refused is an AppError. Counts sockets from admission to their very end.
// Does not write answers, and does not know what is said on the socket.

import type { IncomingMessage } from "node:http";
import { type ClientAddressReader, toAddressGroup } from "./client-address.ts";
import { AppError } from "./errors.ts";
import { isOriginAllowed } from "./origin.ts";

/** What an application may know of an upgrade request; the request itself is not kept. */
export interface UpgradeRequest {
  readonly requestId: string;
  /** The client's address, proxies seen through. */
  readonly address: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<
    Partial<Record<"origin" | "user-agent" | "accept-language" | "authorization" | "cookie", string>>
  >;
}

export interface UpgradeGateOptions {
  readonly path: string;
  readonly allowedOrigins: readonly string[];
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly readClientAddress: ClientAddressReader;
}

/** How many are taken, and the most there have been. */
export interface Places {
  readonly open: number;
  readonly peak: number;
}

const DRAINING_RETRY_MS = 2_000;
const FULL_RETRY_MS = 5_000;
const ADDRESS_FULL_RETRY_MS = 10_000;

export class UpgradeGate {
  readonly #options: UpgradeGateOptions;
  readonly #perAddress = new Map<string, number>();
  #held = 0;
  #peak = 0;
  #draining = false;

  constructor(options: UpgradeGateOptions) {
    this.#options = options;
  }

  /** Of sockets, and of whatever else has taken one. */
  get places(): Places {
    return { open: this.#held, peak: this.#peak };
  }

  stopAccepting(): void {
    this.#draining = true;
  }

  /** Throws AppError `draining` once accepting has been stopped. */
  assertAccepting(): void {
    if (this.#draining) throw new AppError("draining", { retryAfterMs: DRAINING_RETRY_MS });
  }

  /** The facts of a request that may go on; throws the AppError of the first check it fails. */
  inspect(request: IncomingMessage, requestId: string): UpgradeRequest {
    const { path, allowedOrigins, readClientAddress } = this.#options;
    const url = request.url ?? "";
    const mark = url.includes("?") ? url.indexOf("?") : url.length;
    if (url.slice(0, mark) !== path) throw new AppError("route_not_found");
    this.assertAccepting();
    const { headers } = request;
    if (!isOriginAllowed(headers.origin, headers.host, allowedOrigins)) {
      throw new AppError("origin_not_allowed");
    }
    const address = readClientAddress(request.socket.remoteAddress, headers["x-forwarded-for"]);
    return {
      requestId,
      address,
      path,
      query: new URLSearchParams(url.slice(mark)),
      headers: pickHeaders(request),
    };
  }

  /** Takes a place, or throws AppError `overloaded` or `rate_limited`. Call the result once, when the socket is gone. */
  takePlace(address: string): () => void {
    if (this.#held >= this.#options.maxConnections) {
      throw new AppError("overloaded", { retryAfterMs: FULL_RETRY_MS });
    }
    const group = toAddressGroup(address);
    const held = this.#perAddress.get(group) ?? 0;
    if (held >= this.#options.maxConnectionsPerAddress) {
      throw new AppError("rate_limited", {
        message: "There are too many connections from this address. Close one first.",
        retryAfterMs: ADDRESS_FULL_RETRY_MS,
      });
    }
    this.#held += 1;
    this.#peak = Math.max(this.#peak, this.#held);
    this.#perAddress.set(group, held + 1);
    return () => this.#freePlace(group);
  }

  #freePlace(group: string): void {
    this.#held -= 1;
    const left = (this.#perAddress.get(group) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(group, left);
    else this.#perAddress.delete(group);
  }
}

const KEPT_HEADERS = ["origin", "user-agent", "accept-language", "authorization", "cookie"] as const;

function pickHeaders(request: IncomingMessage): UpgradeRequest["headers"] {
  const kept: Partial<Record<(typeof KEPT_HEADERS)[number], string>> = {};
  for (const name of KEPT_HEADERS) {
    const value = request.headers[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}
