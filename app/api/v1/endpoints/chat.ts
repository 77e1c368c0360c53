// The WebSocket endpoint: one JSON frame in, parsed once; carried out strictly in order; errors answered as frames.

import { randomUUID } from "node:crypto";
import type { CloseName } from "#app/core/close-codes.ts";
import type { Connection } from "#app/core/connection.ts";
import { type AppError, toAppError } from "#app/core/errors.ts";
import type { ConnectionHandler } from "#app/core/frame-intake.ts";
import type { Logger } from "#app/core/logging.ts";
import type { Metrics } from "#app/core/metrics.ts";
import type { RateLimiter } from "#app/core/rate-limit.ts";
import type { VisitorReader } from "#app/core/visitor.ts";
import { parseClientFrame } from "#app/models/client-frame.ts";
import type { PersonaRef } from "#app/models/persona.ts";
import { encodeConnectionFrame } from "#app/models/server-event.ts";
import type { Conversations } from "#app/services/chatbot/conversations.ts";
import { ChatSession } from "#app/services/chatbot/session.ts";
import { encodeHello } from "./hello.ts";

export interface ChatEndpointOptions {
  readonly conversations: Conversations;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
  readonly limits: ChatLimits;
  readonly visitorOf: VisitorReader;
  readonly heartbeatMs: number;
  readonly idleTtlMs: number;
  readonly messagesPerMinute: number;
}

export interface ChatLimits {
  /** Messages of one address. */
  readonly message: RateLimiter;
  /** Messages of one connection. */
  readonly connectionMessage: RateLimiter;
  /** New conversations of one address. */
  readonly join: RateLimiter;
  /** Frames of any kind on one connection. */
  readonly frame: RateLimiter;
}

/** A client that sends rubbish is told so this many times within a minute; then it is closed with 4500. */
const MAX_BAD_FRAMES = 10;
const BAD_FRAME_WINDOW_MS = 60_000;

/** What the WebSocket manager calls for every new connection. `chosen` comes from the query. */
export function createChatHandler(options: ChatEndpointOptions) {
  return (connection: Connection, chosen: PersonaRef | undefined): ConnectionHandler => {
    connection.send(encodeHello(options, connection.id));
    const { conversations, limits } = options;
    const session = new ChatSession({
      connectionId: connection.id,
      conversations,
      transport: connection,
      chosen,
      visitor: options.visitorOf(connection.address),
      take: async (what) => {
        if (what === "message") await limits.connectionMessage.take(connection.id);
        await limits[what].take(connection.address);
      },
      metrics: options.metrics,
    });
    const badFrames = new BadFrameCount();
    let isDismissed = false;
    const dismiss = (name: CloseName): void => {
      isDismissed = true;
      connection.close(name);
    };
    const context: FrameContext = { ...options, connection, session, badFrames, dismiss };
    // One after the other: a frame starts when the one before it has been carried out.
    let last = Promise.resolve();
    return {
      onText: (text) => {
        // What was sent behind the frame that ended the connection stands in line already: it is not carried out.
        last = last.then(() => (isDismissed ? undefined : carryOut(text, context)));
        return last;
      },
      onClose: () => session.close(),
    };
  };
}

interface FrameContext extends ChatEndpointOptions {
  readonly connection: Connection;
  readonly session: ChatSession;
  readonly badFrames: BadFrameCount;
  /** Ends the connection for what its client did. */
  readonly dismiss: (name: CloseName) => void;
}

/** Never rejects: what goes wrong is the client's answer. */
async function carryOut(text: string, context: FrameContext): Promise<void> {
  const { connection, session, limits, badFrames, dismiss } = context;
  let commandId: string | undefined;
  try {
    await limits.frame.take(connection.id);
  } catch {
    dismiss("rateLimited");
    return;
  }
  try {
    const frame = parseClientFrame(text);
    commandId = frame.commandId;
    await session.handle(frame);
  } catch (thrown) {
    const error = toAppError(thrown);
    answerError(error, commandId ?? commandIdOf(text), context);
    if (error.category === "validation" && badFrames.isTooMany()) dismiss("tooManyBadFrames");
  }
}

function answerError(
  error: AppError,
  commandId: string | undefined,
  { connection, logger, metrics }: FrameContext,
): void {
  metrics?.count("errors_total", { route: "ws", category: error.category });
  const requestId = randomUUID();
  const fields = { connectionId: connection.id, requestId, code: error.code };
  if (error.code === "internal_error") logger.error({ ...fields, err: error.cause ?? error }, "frame_failed");
  else logger.debug(fields, "frame_refused");
  const { code, message, retryable, retryAfterMs, details } = error;
  connection.send(
    encodeConnectionFrame("error", {
      code,
      message,
      retryable,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(details !== undefined && { details }),
      ...(commandId !== undefined && { commandId }),
      requestId,
    }),
  );
}

/** A refused frame's own id, where the frame is sound enough to have one: the client can tell what was refused. */
function commandIdOf(text: string): string | undefined {
  try {
    const frame: unknown = JSON.parse(text);
    if (typeof frame !== "object" || frame === null || !("commandId" in frame)) return undefined;
    return typeof frame.commandId === "string" ? frame.commandId.slice(0, 64) : undefined;
  } catch {
    return undefined;
  }
}

class BadFrameCount {
  #count = 0;
  #since = 0;

  isTooMany(): boolean {
    const now = performance.now();
    if (now - this.#since > BAD_FRAME_WINDOW_MS) {
      this.#since = now;
      this.#count = 0;
    }
    this.#count += 1;
    return this.#count > MAX_BAD_FRAMES;
  }
}
