// The WebSocket manager: upgrades requests of one path on an existing HTTP server, and looks after the sockets.
// Promises: a request is refused in HTTP or gets a Connection; no early frame is lost; every place is given back;
// no error of one connection reaches another. With connection.ts the door of `ws`. Knows nothing of chat.

import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import type { CloseName } from "./close-codes.ts";
import { type Connection, SocketConnection } from "./connection.ts";
import { type CloseAllOptions, closeInBatches } from "./drain.ts";
import { AppError, type ErrorCode, toAppError } from "./errors.ts";
import { type ConnectionHandler, FrameIntake } from "./frame-intake.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Logger } from "./logging.ts";
import type { Metrics } from "./metrics.ts";
import { type Places, UpgradeGate, type UpgradeGateOptions, type UpgradeRequest } from "./upgrade-gate.ts";
import { refuseUpgrade } from "./upgrade-refusal.ts";

export interface WebSocketManagerOptions<Context> extends UpgradeGateOptions {
  readonly server: Server;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
  readonly heartbeatMs: number;
  readonly idleTtlMs: number;
  /** permessage-deflate: less traffic for 238 kB of memory a connection. */
  readonly compression: boolean;
  /** A longer stall of this process excuses late pongs for one round; 2 s by default. */
  readonly maxStallMs?: number;
  /** What `admit` has; 5 s by default. */
  readonly admissionTimeoutMs?: number;
  /** The application's own word before the upgrade: throws an AppError to refuse. */
  readonly admit: (request: UpgradeRequest) => Context | Promise<Context>;
  /** Called at once after the upgrade; frames wait while it is pending. */
  readonly onConnection: (
    connection: Connection,
    context: Context,
  ) => ConnectionHandler | Promise<ConnectionHandler>;
}

const SUB_PROTOCOL = "parley.v1";
/** Largest frame and message in, in bytes. */
export const MAX_FRAME_BYTES = 64 * 1024;
const CLOSE_TIMEOUT_MS = 5_000;
/** The limits among the refusals, as metrics name them. */
const REFUSED_BY: { readonly [Code in ErrorCode]?: string } = {
  overloaded: "connections",
  rate_limited: "connections-per-address",
};
const ADMISSION_TIMEOUT_MS = 5_000;

/** The two options that @types/ws does not know yet. */
type CurrentServerOptions = ServerOptions & { closeTimeout: number; maxPendingAutoPongs: number };

export class WebSocketManager<Context> {
  readonly #options: WebSocketManagerOptions<Context>;
  readonly #gate: UpgradeGate;
  readonly #webSockets: WebSocketServer;
  readonly #heartbeat: Heartbeat;
  readonly #connections = new Set<SocketConnection>();
  #closing: Promise<void> | undefined;

  constructor(options: WebSocketManagerOptions<Context>) {
    this.#options = options;
    this.#gate = new UpgradeGate(options);
    this.#webSockets = new WebSocketServer(toServerOptions(options.compression));
    // Emitted instead of an answer when the handshake itself is wrong (method, key, version, protocol list).
    this.#webSockets.on("wsClientError", (cause: Error, socket: Duplex) => {
      this.#refuse(
        socket,
        new AppError("invalid_frame", { message: `${cause.message}.`, cause }),
        randomUUID(),
      );
    });
    this.#heartbeat = new Heartbeat({ ...options, connections: this.#connections });
    this.#heartbeat.start();
    options.server.on("upgrade", (request, socket, head) => void this.#upgrade(request, socket, head));
    const { path, heartbeatMs, idleTtlMs, maxConnections, maxConnectionsPerAddress, compression } = options;
    options.logger.info(
      { path, heartbeatMs, idleTtlMs, maxConnections, maxConnectionsPerAddress, compression },
      "websocket_manager_started",
    );
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Sockets, and connections that are none and have taken a place. */
  get places(): Places {
    return this.#gate.places;
  }

  /**
   * A place for a connection that is no socket, counted like one. Call the result once, when that is gone.
   * @throws AppError `draining`, `overloaded`, `rate_limited`
   */
  takePlace(address: string): () => void {
    this.#gate.assertAccepting();
    return this.#gate.takePlace(address);
  }

  /** From now on every upgrade is refused with 503 `draining`. Open sockets stay. */
  stopAccepting(): void {
    this.#gate.stopAccepting();
  }

  /** Closes every socket, in batches; fulfilled when all are gone, at most 5 s after the last batch. Only once. */
  closeAll(name: CloseName, options: CloseAllOptions): Promise<void> {
    this.stopAccepting();
    this.#closing ??= closeInBatches(this.#connections, name, options).finally(() => this.#heartbeat.stop());
    return this.#closing;
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const requestId = randomUUID();
    socket.on("error", destroySocket);
    try {
      const facts = this.#gate.inspect(request, requestId);
      socket.once("close", this.#gate.takePlace(facts.address));
      const context = await this.#admit(facts);
      this.#gate.assertAccepting();
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        this.#open(webSocket, socket, facts, context);
      });
    } catch (error) {
      this.#refuse(socket, toAppError(error), requestId);
    }
  }

  async #admit(facts: UpgradeRequest): Promise<Context> {
    const { admit, admissionTimeoutMs = ADMISSION_TIMEOUT_MS } = this.#options;
    // Before the timer: what throws here must not leave a deadline behind that nobody waits for.
    const admitted = admit(facts);
    let timer: NodeJS.Timeout | undefined;
    // Without a deadline, requests that wait for a hanging store would take up every place.
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new AppError("overloaded")), admissionTimeoutMs);
    });
    return Promise.race([admitted, late]).finally(() => clearTimeout(timer));
  }

  #refuse(socket: Duplex, error: AppError, requestId: string): void {
    const { logger, metrics, path } = this.#options;
    metrics?.count("errors_total", { route: path, category: error.category });
    const limit = REFUSED_BY[error.code];
    if (limit !== undefined) metrics?.count("limits_total", { limit });
    const level = error.code === "internal_error" ? "error" : "debug";
    logger[level]({ requestId, code: error.code, err: error.cause }, "websocket_refused");
    refuseUpgrade(socket, error, requestId);
  }

  /**
   * Runs in the same turn in which ws begins to read, so the listeners are there before the first frame. They live as
   * long as the socket and hold neither the request nor a logger of their own: that is memory times 10,000.
   */
  #open(webSocket: WebSocket, socket: Duplex, facts: UpgradeRequest, context: Context): void {
    const { logger, metrics, onConnection } = this.#options;
    metrics?.count("connections_total");
    const connection = new SocketConnection(randomUUID(), facts.address, webSocket, socket);
    const intake = new FrameIntake(connection, logger);
    this.#connections.add(connection);
    listen(webSocket, connection, intake, logger);
    webSocket.once("close", () => this.#connections.delete(connection));
    const { requestId, address } = facts;
    logger.info(
      { connectionId: connection.id, requestId, address, open: this.#connections.size },
      "websocket_connected",
    );
    intake.start(() => onConnection(connection, context));
  }
}

function listen(
  webSocket: WebSocket,
  connection: SocketConnection,
  intake: FrameIntake,
  logger: Logger,
): void {
  webSocket.on("message", (data, isBinary) => receive(connection, intake, data, isBinary));
  // ws has closed with the right code already (1002, 1007, 1008, 1009), or cut the line; the close event follows.
  webSocket.on("error", (error) =>
    logger.debug({ connectionId: connection.id, err: error }, "websocket_error"),
  );
  webSocket.once("close", (code) => {
    logDisconnect(logger, connection, code);
    intake.end();
  });
}

function receive(connection: SocketConnection, intake: FrameIntake, data: RawData, isBinary: boolean): void {
  connection.lastFrameAtMs = performance.now();
  connection.framesIn += 1;
  if (isBinary || !Buffer.isBuffer(data)) connection.close("unsupportedData");
  else intake.accept(data.toString());
}

function logDisconnect(logger: Logger, connection: SocketConnection, code: number): void {
  const { id: connectionId, framesIn, framesOut, closeName } = connection;
  const durationMs = Math.round(performance.now() - connection.openedAtMs);
  logger.info({ connectionId, code, closeName, durationMs, framesIn, framesOut }, "websocket_disconnected");
}

function toServerOptions(compression: boolean): CurrentServerOptions {
  return {
    noServer: true,
    clientTracking: false,
    // Each bound stops a flood that fits into a legal handshake: of bytes, of fragments, of chunks, of pings.
    maxPayload: MAX_FRAME_BYTES,
    maxFragments: 64,
    maxBufferedChunks: 4_096,
    maxPendingAutoPongs: 8,
    closeTimeout: CLOSE_TIMEOUT_MS,
    handleProtocols: (protocols) => (protocols.has(SUB_PROTOCOL) ? SUB_PROTOCOL : false),
    perMessageDeflate: compression && {
      threshold: 1_024,
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
    },
  };
}

/** A client that is cut off while it is being admitted is nobody's error. */
function destroySocket(this: Duplex): void {
  this.destroy();
}
