// `GET /conversations/{id}/events`: where WebSockets are blocked, what a socket would bring, as server-sent events.
// The same session and the same reader as behind a socket. What goes wrong before the first event is an HTTP answer.

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "#app/core/logging.ts";
import type { Metrics } from "#app/core/metrics.ts";
import type { VisitorReader } from "#app/core/visitor.ts";
import type { JoinFrame } from "#app/models/client-frame.ts";
import type { Conversations } from "#app/services/chatbot/conversations.ts";
import { ChatSession } from "#app/services/chatbot/session.ts";
import type { ChatLimits } from "./chat.ts";
import { accessOf, type ConversationAccess } from "./conversation-access.ts";
import { EventStream, STREAM_HEARTBEAT_MS } from "./event-stream.ts";
import type { EventStreams } from "./event-streams.ts";
import { encodeHello } from "./hello.ts";

export interface ConversationEventsOptions {
  readonly conversations: Conversations;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly limits: ChatLimits;
  readonly idleTtlMs: number;
  readonly messagesPerMinute: number;
  readonly streams: EventStreams;
  readonly addressOf: (request: FastifyRequest) => string;
  readonly visitorOf: VisitorReader;
  /** Takes one from the address's allowance of requests. @throws AppError `rate_limited` */
  readonly takeRequest: (address: string) => Promise<void>;
  /** A place among the connections. @throws AppError `draining`, `overloaded`, `rate_limited` */
  readonly takePlace: (address: string) => () => void;
}

/** `epoch:seq`, as the `id` of each event has it. */
const POSITION = /^([\w-]{1,64}):(\d{1,15})$/;
/** No log has it: what cannot be read cannot be proved, and is answered with a snapshot. */
const NO_EPOCH = "-";

export function registerConversationEvents(app: FastifyInstance, options: ConversationEventsOptions): void {
  // Without a body there would be a stream that nobody reads: no HEAD.
  app.get("/conversations/:id/events", { exposeHeadRoute: false }, async (request, reply) => {
    const access = accessOf(request);
    const address = options.addressOf(request);
    await options.takeRequest(address);
    const leave = options.takePlace(address);
    const stream = new EventStream(reply.raw);
    const session = openSession(stream, address, options);
    void stream.closed.then(() => {
      session.close();
      leave();
    });
    stream.send(encodeHello({ ...options, heartbeatMs: STREAM_HEARTBEAT_MS }, stream.id));
    await session.handle(joinOf(access, request.headers["last-event-id"]));
    begin(request, reply, stream, options.logger);
    options.streams.add(access, { stream, session });
    return reply;
  });
}

function openSession(
  stream: EventStream,
  address: string,
  { conversations, limits, metrics, visitorOf }: ConversationEventsOptions,
): ChatSession {
  return new ChatSession({
    connectionId: stream.id,
    conversations,
    transport: stream,
    chosen: undefined,
    visitor: visitorOf(address),
    take: (what) => limits[what].take(address),
    metrics,
  });
}

function joinOf(
  { id, resumeToken }: ConversationAccess,
  lastEventId: string | string[] | undefined,
): JoinFrame {
  const join = { type: "join", conversationId: id, resumeToken } as const;
  if (lastEventId === undefined || lastEventId === "") return join;
  const [, epoch = NO_EPOCH, after = "0"] = POSITION.exec(String(lastEventId)) ?? [];
  return { ...join, epoch, after: Number(after) };
}

function begin(request: FastifyRequest, reply: FastifyReply, stream: EventStream, logger: Logger): void {
  reply.hijack();
  // A peer that vanishes without a word is found by the kernel.
  request.raw.socket.setKeepAlive(true, STREAM_HEARTBEAT_MS);
  stream.begin(reply.getHeaders());
  const connectionId = stream.id;
  const openedAtMs = performance.now();
  logger.info({ connectionId, requestId: request.id }, "event_stream_opened");
  void stream.closed.then(() => {
    const durationMs = Math.round(performance.now() - openedAtMs);
    logger.info({ connectionId, closeName: stream.closeName, durationMs }, "event_stream_closed");
  });
}
