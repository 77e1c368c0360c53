// What a visitor may do with a conversation of theirs over plain HTTP: read it, export it, erase it, and (in files of
// their own) follow it and act in it. Each with the conversation's own token; nothing of it is kept by a cache.

import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { parseRequest } from "#app/api/request-body.ts";
import { shortIdSchema } from "#app/models/identifiers.ts";
import { exportConversation } from "#app/services/chatbot/conversation-export.ts";
import { showMessage } from "#app/services/chatbot/message-view.ts";
import { accessOf } from "./conversation-access.ts";
import { type ConversationCommandsOptions, registerConversationCommands } from "./conversation-commands.ts";
import { registerConversationEvents } from "./conversation-events.ts";

export type ConversationsEndpointOptions = ConversationCommandsOptions;

/** As the `history` frame. */
const pageSchema = z.strictObject({
  before: shortIdSchema.optional(),
  limit: z
    .string()
    .regex(/^\d{1,3}$/, "1 to 100")
    .transform(Number)
    .pipe(z.int().min(1).max(100))
    .default(50),
});

export function registerConversations(app: FastifyInstance, options: ConversationsEndpointOptions): void {
  const { conversations, addressOf, takeRequest } = options;
  app.get("/conversations/:id", async (request, reply) => {
    const access = accessOf(request);
    await takeRequest(addressOf(request));
    const text = await exportConversation(conversations, access);
    void reply.header("cache-control", "no-store").type("application/json; charset=utf-8");
    return reply.send(Readable.from(text));
  });
  app.get("/conversations/:id/messages", async (request, reply) => {
    const { id, resumeToken } = accessOf(request);
    await takeRequest(addressOf(request));
    const query = parseRequest(pageSchema, request.query);
    const page = await conversations.read(id, resumeToken, query);
    void reply.header("cache-control", "no-store");
    return {
      messages: page.messages.map(showMessage),
      before: page.messages[0]?.id ?? null,
      hasMore: page.olderCount > 0,
    };
  });
  app.delete("/conversations/:id", async (request, reply) => {
    const { id, resumeToken } = accessOf(request);
    await takeRequest(addressOf(request));
    await conversations.erase(id, resumeToken);
    return reply.code(204).header("cache-control", "no-store").send();
  });
  registerConversationEvents(app, options);
  registerConversationCommands(app, options);
}
