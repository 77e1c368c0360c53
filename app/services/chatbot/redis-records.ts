// How a conversation is written in Redis, and read again. Lua never looks into the JSON: what it has to know of a turn
// stands in lines before it. A record is checked as it is read; one that was spoilt is our fault, not a visitor's.

import { z } from "zod";
import { AppError } from "#app/core/errors.ts";
import type {
  Conversation,
  ConversationPage,
  Feedback,
  NewConversation,
  StoredMessage,
  Turn,
} from "#app/models/conversation.ts";
import type { PersonaRef } from "#app/models/persona.ts";

const personaSchema: z.ZodType<PersonaRef> = z.object({
  kind: z.enum(["persona", "object"]),
  id: z.string(),
});

const messageSchema: z.ZodType<StoredMessage> = z.object({
  id: z.string(),
  role: z.enum(["user", "assistant"]),
  content: z.string(),
  createdAt: z.number(),
  runId: z.string(),
  parentRunId: z.string().exactOptional(),
  persona: personaSchema.exactOptional(),
  source: z.string().exactOptional(),
  revision: z.string().exactOptional(),
  partial: z.boolean().exactOptional(),
  retried: z.boolean().exactOptional(),
});

const feedbackSchema: z.ZodType<Feedback> = z.object({
  rating: z.enum(["up", "down"]),
  comment: z.string().exactOptional(),
});

const revisionSchema = z.object({
  isEdit: z.boolean(),
  text: z.string(),
  commandId: z.string().exactOptional(),
  createdAt: z.number(),
});

/** What never changes of a conversation, beside its id and its token. */
const fixedSchema = z.object({
  createdAt: z.number(),
  locale: z.string().exactOptional(),
  visitor: z.string().exactOptional(),
});

/** What DESCRIBE of redis-lua.ts gives. */
const describedSchema = z.tuple([
  z.string(),
  z.string(),
  z.string(),
  z.coerce.number(),
  z.string().nullish(),
  z.array(z.string()),
]);

const pageSchema = z.tuple([z.unknown(), z.number(), z.array(z.string()), z.string().nullable()]);

export function encodeFixed({ createdAt, locale, visitor }: NewConversation): string {
  return JSON.stringify({ createdAt, locale, visitor });
}

/** Kind and mark, id, message's id, JSON: one line each. JSON holds no line end, and no id does. */
export function encodeTurn(turn: Turn): string {
  if (turn.type === "persona") return `p0\n${turn.turnId}\n\n${JSON.stringify(turn.persona)}`;
  const cancelled = turn.cancelled ? 1 : 0;
  if (turn.type === "message")
    return `m${cancelled}\n${turn.runId}\n${turn.message.id}\n${JSON.stringify(turn.message)}`;
  const { runId, messageId, isEdit, text, commandId, createdAt } = turn;
  return `r${cancelled}\n${runId}\n${messageId}\n${JSON.stringify({ isEdit, text, commandId, createdAt })}`;
}

export function decodeConversation(id: string, reply: unknown): Conversation {
  const [tokenHash, fixed, persona, seq, runningId, line] = checked(describedSchema, reply);
  return {
    id,
    tokenHash,
    ...parsed(fixedSchema, fixed),
    persona: parsed(personaSchema, persona),
    seq,
    line: line.map(decodeTurn),
    ...(runningId != null && { runningId }),
  };
}

export function decodePage(id: string, reply: unknown): ConversationPage {
  const [described, olderCount, messages, epoch] = checked(pageSchema, reply);
  return {
    conversation: decodeConversation(id, described),
    messages: messages.map(decodeMessage),
    olderCount,
    ...(epoch !== null && { epoch }),
  };
}

/** A script's reply, held against what it promises. @throws AppError `internal_error` */
export function checked<Value>(schema: z.ZodType<Value>, reply: unknown): Value {
  const result = schema.safeParse(reply);
  if (result.success) return result.data;
  // Paths and kinds, no values: they may be a visitor's words.
  const issues = result.error.issues.map((issue) => `${issue.path.join(".")} ${issue.code}`).join(", ");
  throw new AppError("internal_error", { cause: new Error(`a record in Redis is spoilt: ${issues}`) });
}

function decodeTurn(text: string): Turn {
  const [head = "", id = "", messageId = ""] = text.split("\n", 3);
  const json = text.slice(head.length + id.length + messageId.length + 3);
  const cancelled = head.endsWith("1");
  switch (head[0]) {
    case "p":
      return { type: "persona", turnId: id, persona: parsed(personaSchema, json) };
    case "r":
      return { type: "revision", runId: id, messageId, ...parsed(revisionSchema, json), cancelled };
    default:
      return { type: "message", runId: id, message: parsed(messageSchema, json), cancelled };
  }
}

/** A message, and in a line behind it what is thought of it. */
function decodeMessage(entry: string): StoredMessage {
  const [json = "", feedback] = entry.split("\n", 2);
  const message = parsed(messageSchema, json);
  return feedback === undefined ? message : { ...message, feedback: parsed(feedbackSchema, feedback) };
}

function parsed<Value>(schema: z.ZodType<Value>, json: string): Value {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // The parser's own error repeats the text.
    throw new AppError("internal_error", { cause: new Error("a record in Redis is no JSON") });
  }
  return checked(schema, value);
}
