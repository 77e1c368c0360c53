// One run: a message of the line is answered, shown, stored and ended with exactly one terminal event.
// Promises: once a run was stopped its sink takes nothing more, and its end is numbered at once; the conversation is
// free only when the agent's own work has ended too, or has been given up after a deadline.

import { randomUUID } from "node:crypto";
import { AppError, type ErrorCode, toAppError } from "#app/core/errors.ts";
import type { Logger } from "#app/core/logging.ts";
import type { Metrics } from "#app/core/metrics.ts";
import type { MessageTurn, StoredMessage } from "#app/models/conversation.ts";
import type { Persona } from "#app/models/persona.ts";
import type { ConversationEvent, RunTimings } from "#app/models/server-event.ts";
import type { ChatModelReply } from "#app/services/llm/client.ts";
import type { Agent } from "./agent.ts";
import type { EventWriter } from "./event-writer.ts";
import type { HistoryWindow } from "./prompt-history.ts";
import { ReplyStream } from "./reply-stream.ts";
import type { Lease } from "./run-lease.ts";
import { countRun } from "./run-metrics.ts";
import { stopCauseOf } from "./run-stop.ts";

export interface RunOptions {
  readonly turn: MessageTurn;
  readonly persona: Persona;
  readonly history: HistoryWindow;
  readonly locale: string | undefined;
  /** Whose day the reply is paid from, hashed. */
  readonly visitor?: string | undefined;
  readonly agent: Agent;
  readonly lease: Lease;
  readonly writer: EventWriter;
  /** Aborted with a RunStop: everything the run has started hangs off it. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
}

/** How a run ended. */
type Outcome =
  | { readonly type: "success"; readonly reply: ChatModelReply }
  | { readonly type: "cancelled" }
  | { readonly type: "error"; readonly error: AppError }
  | { readonly type: "lost" };

type EndedOutcome = Exclude<Outcome, { readonly type: "lost" }>;

/** How long an agent that was told to stop may take before its conversation goes on without it. */
const ABANDON_AFTER_MS = 2_000;

export async function executeRun(options: RunOptions): Promise<void> {
  const startedAt = performance.now();
  const queuedMs = Math.max(0, Date.now() - options.turn.message.createdAt);
  const { writer, turn } = options;
  writer.write(runStarted(options));
  writer.note({ type: "run-started", runId: turn.runId });

  const stream = new ReplyStream(writer, randomUUID());
  const work = startAgent(options, stream);
  const outcome = await untilStopped(work, options.signal);
  // A lost lease, or one that is handed over: another instance speaks for this conversation, and would be contradicted.
  if (outcome.type === "lost") stream.drop();
  else stream.close();
  const timings: RunTimings = {
    queuedMs,
    firstTokenMs: stream.startedAt === undefined ? null : Math.round(stream.startedAt - startedAt),
    totalMs: Math.round(performance.now() - startedAt),
  };
  if (outcome.type !== "lost") end(options, stream, judge(outcome, stream), timings);
  await endOfWork(work);
}

/** Never rejects: what went wrong is an outcome. */
async function startAgent(options: RunOptions, stream: ReplyStream): Promise<Outcome> {
  if (options.turn.cancelled) return { type: "cancelled" };
  const { visitor, lease } = options;
  try {
    options.signal.throwIfAborted();
    const reply = await options.agent.reply({
      persona: options.persona,
      text: options.turn.message.content,
      history: options.history,
      locale: options.locale,
      onDelta: stream.push,
      onSource: stream.from,
      payer: { conversationId: lease.conversationId, ...(visitor !== undefined && { visitor }) },
      signal: options.signal,
    });
    return { type: "success", reply };
  } catch (error) {
    return toOutcome(options.signal) ?? { type: "error", error: toAppError(error) };
  }
}

/**
 * The listener goes with the run: Node keeps a signal that depends on others for as long as anybody listens to it, and a
 * failure's stack, which stands behind this one, the whole call with its buffers.
 */
async function untilStopped(work: Promise<Outcome>, signal: AbortSignal): Promise<Outcome> {
  const stopped = Promise.withResolvers<Outcome>();
  const stop = (): void => stopped.resolve(toOutcome(signal) ?? { type: "lost" });
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function toOutcome(signal: AbortSignal): Outcome | undefined {
  const cause = stopCauseOf(signal);
  switch (cause) {
    case undefined:
      return undefined;
    case "cancelled":
      return { type: "cancelled" };
    case "deadline":
      return { type: "error", error: new AppError("llm_timeout") };
    case "draining":
      return { type: "error", error: new AppError("run_interrupted") };
    case "lease-lost":
    case "handed-over":
      return { type: "lost" };
    default:
      return cause satisfies never;
  }
}

/** A reply without a word is a failure, whatever the model called it. */
function judge(outcome: EndedOutcome, stream: ReplyStream): EndedOutcome {
  if (outcome.type !== "success" || stream.text !== "") return outcome;
  return {
    type: "error",
    error: new AppError("llm_unavailable", { message: "The language model gave no answer." }),
  };
}

/** Stores the reply, as far as it came, and closes what is open. Shown once it is stored. */
function end(options: RunOptions, stream: ReplyStream, outcome: EndedOutcome, timings: RunTimings): void {
  const { writer, turn, persona } = options;
  const reply = stream.text === "" ? undefined : toStoredReply(options, stream, outcome);
  const events: ConversationEvent[] = [];
  if (reply) {
    events.push({
      type: "TEXT_MESSAGE_END",
      messageId: reply.id,
      metadata: {
        source: reply.source ?? "model",
        revision: persona.revision,
        createdAt: reply.createdAt,
        ...(reply.partial && { partial: true as const }),
        ...(outcome.type === "success" && { finishReason: outcome.reply.finishReason }),
        ...reasonOf(outcome, stream),
      },
    });
  }
  events.push(terminalEvent(options, outcome, timings));
  writer.conclude(events, (seq) => ({
    type: "run-finished",
    runId: turn.runId,
    ...(reply && { reply }),
    seq,
  }));
  tellEnd(options, outcome, timings, reply);
}

/** Also of a reply that broke off or was stopped: whose words they are does not depend on how they ended. */
function reasonOf(outcome: Outcome, stream: ReplyStream): { reason?: ErrorCode } {
  const reason = outcome.type === "success" ? outcome.reply.reason : stream.mark?.reason;
  return reason === undefined ? {} : { reason };
}

function toStoredReply(options: RunOptions, stream: ReplyStream, outcome: Outcome): StoredMessage {
  const { turn, persona, agent } = options;
  return {
    id: stream.messageId,
    role: "assistant",
    content: stream.text,
    createdAt: Date.now(),
    runId: turn.runId,
    persona: { kind: persona.kind, id: persona.id },
    source: outcome.type === "success" ? outcome.reply.source : (stream.mark?.source ?? agent.source),
    revision: persona.revision,
    ...(outcome.type !== "success" && { partial: true }),
  };
}

function runStarted({ turn, persona, lease }: RunOptions): ConversationEvent {
  const threadId = lease.conversationId;
  const { runId, message } = turn;
  return {
    type: "RUN_STARTED",
    threadId,
    runId,
    ...(message.parentRunId !== undefined && { parentRunId: message.parentRunId }),
    input: {
      threadId,
      runId,
      messages: [{ id: message.id, role: "user", content: message.content }],
      tools: [],
      context: [],
    },
    metadata: {
      persona: { id: persona.id, kind: persona.kind, name: persona.name, revision: persona.revision },
    },
  };
}

function terminalEvent(
  { turn, lease }: RunOptions,
  outcome: EndedOutcome,
  timings: RunTimings,
): ConversationEvent {
  const ids = { threadId: lease.conversationId, runId: turn.runId };
  if (outcome.type === "error") {
    const { code, message, retryable, retryAfterMs } = outcome.error;
    const metadata = { retryable, ...(retryAfterMs !== undefined && { retryAfterMs }) };
    return { type: "RUN_ERROR", ...ids, code, message, metadata };
  }
  const success = outcome.type === "success";
  return {
    type: "RUN_FINISHED",
    ...ids,
    outcome: { type: success ? "success" : "cancelled" },
    usage: success && outcome.reply.usage ? [outcome.reply.usage] : [],
    metadata: { timings },
  };
}

function tellEnd(
  options: RunOptions,
  outcome: EndedOutcome,
  timings: RunTimings,
  reply: StoredMessage | undefined,
): void {
  const error = outcome.type === "error" ? outcome.error : undefined;
  const source = reply?.source;
  options.logger[error ? "warn" : "info"](
    {
      outcome: outcome.type,
      ...timings,
      persona: `${options.persona.kind}/${options.persona.id}`,
      source,
      usage: outcome.type === "success" ? outcome.reply.usage : undefined,
      ...(error && { code: error.code, err: error.cause ?? error }),
    },
    "run_finished",
  );
  if (options.metrics) countRun(options.metrics, { outcome: outcome.type, source, timings, error });
}

async function endOfWork(work: Promise<Outcome>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ABANDON_AFTER_MS);
  });
  await Promise.race([work, deadline]);
  clearTimeout(timer);
}
