// `POST /conversations/{id}/commands`: one client frame a request; its answer is the response.
// The same frames, parsed by the same parser and carried out by the same session as on a socket. What happens in the
// conversation is told by its event stream; here only what the frame itself is answered with.

import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { AppError } from "#app/core/errors.ts";
import { type ClientFrame, type JoinFrame, parseClientFrame } from "#app/models/client-frame.ts";
import { ChatSession } from "#app/services/chatbot/session.ts";
import { accessOf, type ConversationAccess } from "./conversation-access.ts";
import type { ConversationEventsOptions } from "./conversation-events.ts";
import { TypingWriters } from "./typing-writers.ts";

export interface ConversationCommandsOptions extends ConversationEventsOptions {
  /** Before somebody new is taken in. @throws AppError `overloaded` */
  readonly assertRoom: () => void;
}

interface Command {
  readonly access: ConversationAccess;
  readonly address: string;
  /** The event stream that belongs to whoever sends it, where it is named. */
  readonly connectionId: string | undefined;
}

const connectionIdSchema = z.uuid();

export function registerConversationCommands(
  app: FastifyInstance,
  options: ConversationCommandsOptions,
): void {
  const writers = new TypingWriters();
  app.addHook("onClose", async () => writers.close());
  void app.register(async (scope) => {
    // As it came: a frame is parsed in one place only.
    scope.removeContentTypeParser("application/json");
    scope.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) =>
      done(null, body),
    );
    scope.post("/conversations/:id/commands", async (request, reply) => {
      const command = await commandOf(request, options);
      const frame = parseClientFrame(typeof request.body === "string" ? request.body : "");
      options.streams.touch(command.access, command.connectionId);
      const answer = await carryOut(frame, command, options, writers);
      void reply.header("cache-control", "no-store");
      if (answer === undefined) return reply.code(204).send();
      return reply.type("application/json; charset=utf-8").send(answer);
    });
  });
}

async function commandOf(request: FastifyRequest, options: ConversationCommandsOptions): Promise<Command> {
  const access = accessOf(request);
  const address = options.addressOf(request);
  await options.takeRequest(address);
  const { data: connectionId } = connectionIdSchema.safeParse(request.headers["x-connection-id"]);
  return { access, address, connectionId };
}

/** The frame that answers it; undefined where there is nothing to say. @throws AppError */
async function carryOut(
  frame: ClientFrame,
  command: Command,
  options: ConversationCommandsOptions,
  writers: TypingWriters,
): Promise<string | undefined> {
  if (frame.type === "join") {
    assertSame(frame, command.access);
    if (frame.create) options.assertRoom();
    return answerOf(frame, sessionFor(command, options));
  }
  // What moves or belongs to an open stream is its session's.
  const { access, connectionId } = command;
  const streaming = options.streams.sessionOf(access, connectionId);
  if (streaming && (frame.type === "ack" || frame.type === "typing")) {
    await streaming.handle(frame);
    return undefined;
  }
  // Meanwhile: of a slow storage the visitor would wait for both.
  const paid = PAID.has(frame.type) ? options.limits.message.take(command.address) : undefined;
  paid?.catch(() => undefined);
  const { conversation } = await options.conversations.read(access.id, access.resumeToken, { limit: 0 });
  const acting = () => {
    const open = sessionFor(command, options, paid);
    open.session.attach(conversation);
    return open;
  };
  if (frame.type !== "typing") return answerOf(frame, acting());
  await writers.of(`${access.id} ${connectionId ?? command.address}`, () => acting().session)?.handle(frame);
  return undefined;
}

/** What is taken from the visitor's allowance of messages. */
const PAID: ReadonlySet<ClientFrame["type"]> = new Set(["message", "edit", "regenerate", "persona"]);

interface ActingSession {
  readonly session: ChatSession;
  /** What it has said. */
  readonly said: string[];
}

/** A session of one request. What is read along after the answer goes nowhere. */
function sessionFor(
  { access, address, connectionId }: Command,
  { conversations, limits, metrics, visitorOf }: ConversationCommandsOptions,
  paid?: Promise<void>,
): ActingSession {
  const said: string[] = [];
  const session = new ChatSession({
    connectionId: connectionId ?? randomUUID(),
    conversations,
    transport: {
      bufferedBytes: 0,
      send: (frame) => void said.push(frame),
      whenDrained: () => Promise.resolve(),
      close: () => undefined,
    },
    chosen: undefined,
    visitor: visitorOf(address),
    take: async (what) => {
      // A conversation that is spoken to over HTTP has the allowance of one socket.
      if (what === "message") await limits.connectionMessage.take(`http ${access.id}`);
      await (what === "message" && paid ? paid : limits[what].take(address));
    },
    metrics,
  });
  return { session, said };
}

async function answerOf(frame: ClientFrame, { session, said }: ActingSession): Promise<string | undefined> {
  try {
    await session.handle(frame);
    return said[0];
  } finally {
    session.close();
  }
}

/** @throws AppError `invalid_frame`: one request is about one conversation */
function assertSame({ conversationId, resumeToken }: JoinFrame, access: ConversationAccess): void {
  const field = conversationId !== access.id ? "conversationId" : "resumeToken";
  if (conversationId === access.id && resumeToken === access.resumeToken) return;
  throw new AppError("invalid_frame", {
    message: "Join the conversation of the address, with the token of X-Resume-Token.",
    details: { fields: [{ field, problem: "is not the request's own" }] },
  });
}
