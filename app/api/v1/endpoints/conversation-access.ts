// Which conversation a request is about, and by what right: the id of its path and the token of its header.
// Promises: an id or a token of a wrong form is answered like an unknown one; neither gets any further.

import type { FastifyRequest } from "fastify";
import { AppError } from "#app/core/errors.ts";
import { conversationIdSchema, resumeTokenSchema } from "#app/models/identifiers.ts";

export interface ConversationAccess {
  readonly id: string;
  readonly resumeToken: string;
}

/** @throws AppError `unauthorized` where no token was sent at all; `conversation_not_found` */
export function accessOf({ params, headers }: FastifyRequest): ConversationAccess {
  const sent = headers["x-resume-token"];
  if (sent === undefined)
    throw new AppError("unauthorized", { message: "Send the conversation's token as X-Resume-Token." });
  const id = conversationIdSchema.safeParse(Object(params).id);
  const token = resumeTokenSchema.safeParse(sent);
  if (!id.success || !token.success) throw new AppError("conversation_not_found");
  return { id: id.data, resumeToken: token.data };
}
