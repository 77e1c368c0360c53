// One question, one reply, over plain HTTP: `POST /api/v1/chat`, as JSON or as server-sent events.
// The same conversations and the same events as over the WebSocket; a reply goes on when its reader leaves.

import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { parseRequest } from "#app/api/request-body.ts";
import { AppError } from "#app/core/errors.ts";
import {
  conversationIdSchema,
  localeSchema,
  personaIdSchema,
  resumeTokenSchema,
} from "#app/models/identifiers.ts";
import type { PersonaRef } from "#app/models/persona.ts";
import type { Conversations, OpenedConversation } from "#app/services/chatbot/conversations.ts";
import { type RunEvents, type RunSink, readRun } from "#app/services/chatbot/run-events.ts";

const bodySchema = z
  .strictObject({
    message: z.string().refine((text) => text.trim() !== "", "must not be empty"),
    conversationId: conversationIdSchema.optional(),
    resumeToken: resumeTokenSchema.optional(),
    persona: personaIdSchema.optional(),
    object: personaIdSchema.optional(),
    locale: localeSchema.optional(),
  })
  .refine((body) => !(body.persona && body.object), {
    path: ["object"],
    error: "choose persona or object, not both",
  })
  .refine((body) => (body.conversationId === undefined) === (body.resumeToken === undefined), {
    path: ["resumeToken"],
    error: "conversationId and resumeToken go together",
  });

type Body = z.output<typeof bodySchema>;

export interface ChatReplyOptions {
  readonly conversations: Conversations;
  /** Takes one message from the visitor's allowance, and says who that is, for limits. @throws AppError `rate_limited` */
  readonly take: (request: FastifyRequest) => Promise<string>;
}

export function registerChatReply(app: FastifyInstance, options: ChatReplyOptions): void {
  app.post("/chat", async (request, reply) => {
    const body = parseRequest(bodySchema, request.body);
    const visitor = await options.take(request);
    const opened = await open(options.conversations, body, visitor);
    const { conversation } = opened.page;
    const events = await readRun(options.conversations, opened);
    try {
      const said = await options.conversations.turns.say(conversation, { text: body.message });
      events.follow(said.runId);
    } catch (error) {
      events.close();
      throw error;
    }
    if (request.headers.accept?.includes("text/event-stream")) return stream(request, reply, opened, events);
    return answer(opened, events);
  });
}

function open(conversations: Conversations, body: Body, visitor: string): Promise<OpenedConversation> {
  const { conversationId, resumeToken, locale } = body;
  if (conversationId !== undefined && resumeToken !== undefined) {
    return conversations.open(conversationId, resumeToken);
  }
  return conversations.create({ persona: refOf(body), locale, visitor });
}

function refOf(body: Body): PersonaRef | undefined {
  if (body.object !== undefined) return { kind: "object", id: body.object };
  return body.persona === undefined ? undefined : { kind: "persona", id: body.persona };
}

/** Whole, when the run has ended. A run that failed is an HTTP error, unless something was said before. */
async function answer(opened: OpenedConversation, events: RunEvents) {
  const run = await events.ended;
  if (run.error && run.text === "") throw new AppError(run.error.code, { message: run.error.message });
  return {
    conversationId: opened.page.conversation.id,
    ...(opened.resumeToken !== undefined && { resumeToken: opened.resumeToken }),
    runId: run.runId,
    outcome: run.outcome,
    message: { id: run.messageId, role: "assistant", content: run.text, metadata: run.metadata },
  };
}

/** Frame by frame. The conversation's id and token stand in headers, so that the body holds AG-UI events only. */
function stream(
  request: FastifyRequest,
  reply: FastifyReply,
  opened: OpenedConversation,
  events: RunEvents,
): FastifyReply {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Request-Id": request.id,
    "X-Conversation-Id": opened.page.conversation.id,
    ...(opened.resumeToken !== undefined && { "X-Resume-Token": opened.resumeToken }),
  });
  // Not with the first word: whoever asked knows then that the question is stored.
  raw.flushHeaders();
  raw.on("close", () => events.close());
  events.onEvent((event) => raw.write(`data: ${event}\n\n`), sinkOf(raw));
  void events.ended.then(() => raw.end()).catch(() => raw.destroy());
  return reply;
}

/** A comment stands in line behind everything that was sent; when it is taken, so is all before it. */
function sinkOf(raw: ServerResponse): RunSink {
  return {
    get bufferedBytes() {
      return raw.writableLength;
    },
    whenDrained: () =>
      new Promise((resolve) => {
        raw.once("close", resolve);
        raw.write(":\n\n", () => {
          raw.off("close", resolve);
          resolve();
        });
      }),
  };
}
