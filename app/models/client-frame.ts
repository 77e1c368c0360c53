// What a client may say: one JSON object a frame, parsed once, at the door, into a closed union.
// Every frame is strict: a field this version does not know is an error that names it, never silently dropped.

import { z } from "zod";
import { AppError } from "#app/core/errors.ts";
import {
  conversationIdSchema,
  localeSchema,
  personaIdSchema,
  resumeTokenSchema,
  shortIdSchema,
} from "./identifiers.ts";

const commandId = shortIdSchema.optional();
const seq = z.int().min(0);
const text = z.string().refine((value) => value.trim() !== "", "must not be empty");
const chooses = { persona: personaIdSchema.optional(), object: personaIdSchema.optional() };

const MAX_COMMENT_CHARS = 2_000;

const joinFrame = z
  .strictObject({
    type: z.literal("join"),
    commandId,
    conversationId: conversationIdSchema.optional(),
    resumeToken: resumeTokenSchema.optional(),
    create: z.boolean().optional(),
    epoch: z.string().min(1).max(64).optional(),
    after: seq.optional(),
    locale: localeSchema.optional(),
    ...chooses,
  })
  .refine((frame) => !(frame.persona && frame.object), {
    path: ["object"],
    error: "choose persona or object, not both",
  })
  .refine((frame) => (frame.epoch === undefined) === (frame.after === undefined), {
    path: ["after"],
    error: "epoch and after go together",
  })
  .refine((frame) => !frame.create || (frame.conversationId && frame.resumeToken), {
    path: ["create"],
    error: "create needs conversationId and resumeToken",
  })
  .refine((frame) => !frame.conversationId || frame.resumeToken, {
    path: ["resumeToken"],
    error: "conversationId needs its resumeToken",
  });

const messageFrame = z
  .strictObject({
    type: z.literal("message"),
    commandId,
    id: shortIdSchema.optional(),
    text,
    ...chooses,
  })
  .refine((frame) => !(frame.persona && frame.object), {
    path: ["object"],
    error: "choose persona or object, not both",
  });

const personaFrame = z
  .strictObject({ type: z.literal("persona"), commandId, ...chooses })
  .refine((frame) => Boolean(frame.persona) !== Boolean(frame.object), {
    path: ["persona"],
    error: "name one persona or one object",
  });

const FRAMES = {
  join: joinFrame,
  ack: z.strictObject({ type: z.literal("ack"), commandId, seq }),
  message: messageFrame,
  stop: z.strictObject({ type: z.literal("stop"), commandId, runId: shortIdSchema.optional() }),
  regenerate: z.strictObject({
    type: z.literal("regenerate"),
    commandId,
    messageId: shortIdSchema.optional(),
  }),
  edit: z.strictObject({ type: z.literal("edit"), commandId, messageId: shortIdSchema, text }),
  persona: personaFrame,
  history: z.strictObject({
    type: z.literal("history"),
    commandId,
    before: shortIdSchema.optional(),
    limit: z.int().min(1).max(100).default(50),
  }),
  feedback: z.strictObject({
    type: z.literal("feedback"),
    commandId,
    messageId: shortIdSchema,
    rating: z.enum(["up", "down"]),
    comment: z.string().max(MAX_COMMENT_CHARS).optional(),
  }),
  typing: z.strictObject({ type: z.literal("typing"), commandId, state: z.enum(["start", "stop"]) }),
  ping: z.strictObject({
    type: z.literal("ping"),
    commandId,
    t: z.union([z.string().max(64), z.number()]).optional(),
  }),
} as const;

/** The schema of every frame, for the parser, the documentation and the tests. */
export const clientFrameSchema = z.union([
  FRAMES.join,
  FRAMES.ack,
  FRAMES.message,
  FRAMES.stop,
  FRAMES.regenerate,
  FRAMES.edit,
  FRAMES.persona,
  FRAMES.history,
  FRAMES.feedback,
  FRAMES.typing,
  FRAMES.ping,
]);

export type ClientFrame = z.output<typeof clientFrameSchema>;
export type JoinFrame = z.output<typeof FRAMES.join>;
export type MessageFrame = z.output<typeof FRAMES.message>;

/**
 * Parses one text frame.
 * @throws AppError `invalid_json`, `unsupported_type`, or `invalid_frame` whose `details` name the fields.
 */
export function parseClientFrame(text: string): ClientFrame {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AppError("invalid_frame", { message: "A frame is a JSON object with a type." });
  }
  const type: unknown = "type" in value ? value.type : undefined;
  if (typeof type !== "string") throw invalidFrame([{ field: "type", problem: "a string is needed" }]);
  if (!isFrameType(type)) {
    throw new AppError("unsupported_type", {
      message: `This server knows the frame types ${Object.keys(FRAMES).join(", ")}.`,
      details: { type: type.slice(0, 64) },
    });
  }
  const parsed = FRAMES[type].safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidFrame(parsed.error.issues.flatMap(toProblems));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("invalid_json", { cause });
  }
}

function isFrameType(type: string): type is keyof typeof FRAMES {
  return Object.hasOwn(FRAMES, type);
}

interface FieldProblem {
  readonly field: string;
  readonly problem: string;
}

/** One problem a field; an unknown key is named itself rather than the object that holds it. */
function toProblems(issue: z.core.$ZodIssue): FieldProblem[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ field: key.slice(0, 64), problem: "is not a field of this frame" }));
  }
  return [{ field: issue.path.join("."), problem: issue.message }];
}

function invalidFrame(problems: readonly FieldProblem[]): AppError {
  const shown = problems.slice(0, 8);
  const first = shown[0];
  return new AppError("invalid_frame", {
    message: first ? `The frame's field "${first.field}" is wrong: ${first.problem}.` : "The frame is wrong.",
    details: { fields: shown },
  });
}
