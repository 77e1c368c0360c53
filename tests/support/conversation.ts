// What a client of a conversation does and reads, in one line each. On top of socket-client.ts; every answer is
// parsed, so that a test gets typed values and a wrong form fails where it is read.

import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Frame, SocketClient } from "./socket-client.ts";
import { joinDeltas } from "./wire-invariants.ts";

const joinedSchema = z.strictObject({
  conversationId: z.string().regex(/^[\w-]{22,64}$/),
  resumeToken: z.string().optional(),
  epoch: z.string(),
  lastSeq: z.int().min(0),
  recovered: z.boolean().optional(),
  activeRunId: z.string().optional(),
  persona: z.looseObject({
    id: z.string(),
    kind: z.enum(["persona", "object"]),
    name: z.string(),
    greeting: z.string(),
    language: z.string(),
  }),
  new: z.boolean(),
  storage: z.enum(["redis", "memory"]),
  commandId: z.string().optional(),
});

const acceptedSchema = z.strictObject({
  messageId: z.string(),
  runId: z.string(),
  position: z.int().min(0),
  state: z.enum(["waiting", "running", "finished"]),
  duplicate: z.literal(true).optional(),
  commandId: z.string().optional(),
});

const errorSchema = z.strictObject({
  code: z.string(),
  message: z.string().min(1),
  retryable: z.boolean(),
  retryAfterMs: z.number().optional(),
  details: z.unknown().optional(),
  commandId: z.string().optional(),
  requestId: z.uuid(),
});

const messagesSchema = z.array(
  z.strictObject({
    id: z.string(),
    role: z.enum(["user", "assistant"]),
    content: z.string(),
    metadata: z.record(z.string(), z.unknown()),
  }),
);

const historySchema = z.strictObject({
  messages: messagesSchema,
  before: z.string().nullable(),
  hasMore: z.boolean(),
  commandId: z.string().optional(),
});

const editedSchema = z.strictObject({ messageId: z.string(), removed: z.array(z.string()) });

export type Joined = z.output<typeof joinedSchema>;

/** One run as a client saw it. */
export interface SeenRun {
  /** The numbered events from its RUN_STARTED to its terminal event. */
  readonly frames: readonly Frame[];
  /** The deltas, joined. */
  readonly text: string;
  /** `success`, `cancelled`, or the code of RUN_ERROR. */
  readonly outcome: unknown;
}

/** Answers and events of one connection, in the order in which the test asks for them. */
export class Talk {
  readonly client: SocketClient;

  constructor(client: SocketClient) {
    this.client = client;
  }

  /** The next connection frame or CUSTOM event of that name. */
  async custom(name: string): Promise<unknown> {
    return (await this.client.next((frame) => frame.name === name)).value;
  }

  async joined(): Promise<Joined> {
    return joinedSchema.parse(await this.custom("joined"));
  }

  join(frame: object = {}): Promise<Joined> {
    this.client.send({ type: "join", ...frame });
    return this.joined();
  }

  async accepted() {
    return acceptedSchema.parse(await this.custom("accepted"));
  }

  say(text: string, fields: object = {}) {
    this.client.send({ type: "message", text, ...fields });
    return this.accepted();
  }

  /** Replaces what was said; the answer to that frame. */
  edit(messageId: string, text: string, fields: object = {}) {
    this.client.send({ type: "edit", messageId, text, ...fields });
    return this.accepted();
  }

  /** Asks for another answer: to the message named, or to the last one. */
  regenerate(fields: object = {}) {
    this.client.send({ type: "regenerate", ...fields });
    return this.accepted();
  }

  /** The next refusal. */
  async refused() {
    return errorSchema.parse(await this.custom("error"));
  }

  async history(fields: object = {}) {
    this.client.send({ type: "history", ...fields });
    return historySchema.parse(await this.custom("history"));
  }

  /** The texts of the newest page of the history. */
  async contents(): Promise<string[]> {
    return (await this.history()).messages.map(({ content }) => content);
  }

  /** The next revision that was applied. */
  async edited() {
    return editedSchema.parse(await this.custom("conversation.edited"));
  }

  /** Sends a ping and waits for its answer: what was sent before has been carried out. */
  async caughtUp(): Promise<void> {
    this.client.send({ type: "ping" });
    await this.custom("pong");
  }

  /** The next snapshot: its messages, and the position it stands for. */
  async snapshot() {
    const frame = await this.client.next(({ type }) => type === "MESSAGES_SNAPSHOT");
    const { seq } = z.object({ seq: z.int() }).parse(frame.metadata);
    return { seq, messages: messagesSchema.parse(frame.messages) };
  }

  /** Waits until the run has ended. */
  async run(runId: string): Promise<SeenRun> {
    const end = await this.client.next((frame) => frame.runId === runId && isTerminal(frame));
    const { frames } = this.client;
    const start = frames.findLastIndex((frame) => frame.type === "RUN_STARTED" && frame.runId === runId);
    const seen = frames.slice(start, frames.indexOf(end) + 1).filter(({ seq }) => typeof seq === "number");
    const outcome = z.object({ type: z.string() }).safeParse(end.outcome);
    return { frames: seen, text: joinDeltas(seen), outcome: outcome.data?.type ?? end.code };
  }

  async ask(text: string): Promise<SeenRun> {
    return this.run((await this.say(text)).runId);
  }

  /** Waits until the text that has come holds `text`. */
  async heard(text: string): Promise<void> {
    while (!joinDeltas(this.client.frames).includes(text)) {
      await this.client.next((frame) => frame.type === "TEXT_MESSAGE_CONTENT");
    }
  }

  /** Numbered events in the order they came, since the last `joined`. */
  events(): readonly Frame[] {
    const start = this.client.frames.findLastIndex((frame) => frame.name === "joined");
    return this.client.frames.slice(start + 1).filter((frame) => typeof frame.seq === "number");
  }
}

export function isTerminal(frame: Frame): boolean {
  return frame.type === "RUN_FINISHED" || frame.type === "RUN_ERROR";
}

/** An id and a token as a client makes them itself. */
export function ownPair(): { conversationId: string; resumeToken: string } {
  const random = () => randomBytes(16).toString("base64url");
  return { conversationId: random(), resumeToken: random() };
}
