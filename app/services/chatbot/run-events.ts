// The events of one run, for a transport that shows a single reply: from its RUN_STARTED to its terminal event.

import { z } from "zod";
import { AppError, type ErrorCode, isErrorCode } from "#app/core/errors.ts";
import type { Conversations, OpenedConversation } from "./conversations.ts";
import type { ReaderTransport } from "./reader.ts";

/** A run that has ended. */
export interface EndedRun {
  readonly runId: string;
  readonly outcome: "success" | "cancelled" | "error";
  readonly messageId: string | null;
  readonly text: string;
  /** The reply's `source`, `revision`, `createdAt`, as `TEXT_MESSAGE_END` has them. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

export interface RunEvents {
  /** Names the run to follow; what was said of it before is not lost. */
  follow(runId: string): void;
  /**
   * Receives each encoded event of the run, in order, from the first, as fast as the sink takes them. Whoever is given them
   * keeps them: nothing is kept here any more.
   */
  onEvent(listener: (event: string) => void, sink?: RunSink): void;
  /** Resolves with the run once it has ended; rejects when its events cannot be read. */
  readonly ended: Promise<EndedRun>;
  /** Stops listening. The run goes on. */
  close(): void;
}

/** Where the events go: what a {@link ReaderTransport} is asked for its window. */
export type RunSink = Pick<ReaderTransport, "bufferedBytes" | "whenDrained">;

/** The parts of an event that are looked at here. */
const eventSchema = z.object({
  type: z.string(),
  runId: z.string().optional(),
  messageId: z.string().optional(),
  delta: z.string().optional(),
  outcome: z.object({ type: z.enum(["success", "cancelled"]) }).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  code: z.string().optional(),
  message: z.string().optional(),
});

type SeenEvent = z.output<typeof eventSchema>;

/** Starts to listen at once, from where the conversation stood when it was opened. */
export async function readRun(conversations: Conversations, opened: OpenedConversation): Promise<RunEvents> {
  const { id } = opened.page.conversation;
  const row = new RunRow();
  let sink: RunSink = { bufferedBytes: 0, whenDrained: () => Promise.resolve() };
  const reader = await conversations.listen({
    conversationId: id,
    transport: {
      get bufferedBytes() {
        return sink.bufferedBytes;
      },
      send: (event) => {
        if (row.take(event)) close();
      },
      whenDrained: () => sink.whenDrained(),
      close: (name) =>
        row.fail(new AppError(name === "erased" ? "conversation_not_found" : "storage_unavailable")),
    },
    onLevel: () => undefined,
    onLost: (error) => row.fail(error ?? new AppError("storage_unavailable")),
  });
  const close = (): void => conversations.leave(id, reader);
  reader.start(opened.head.lastSeq, opened.head);
  return {
    follow: (runId) => {
      if (row.follow(runId)) close();
    },
    onEvent: (listener, given = sink) => {
      sink = given;
      row.listen(listener);
    },
    ended: row.ended,
    close,
  };
}

/** The conversation's events as they come, and of them the followed run's. */
class RunRow {
  readonly #result = Promise.withResolvers<EndedRun>();
  /** Everything, until it is known which run to follow; then the run's own. */
  #events: string[] = [];
  #collector: RunCollector | undefined;
  #listener: ((event: string) => void) | undefined;

  constructor() {
    // Whoever only streams the events does not ask how it ended.
    this.#result.promise.catch(() => undefined);
  }

  get ended(): Promise<EndedRun> {
    return this.#result.promise;
  }

  /** Whether the followed run has ended with this event. */
  take(event: string): boolean {
    if (!this.#collector) {
      this.#events.push(event);
      return false;
    }
    if (this.#collector.ended || !this.#collector.take(eventSchema.parse(JSON.parse(event)))) return false;
    if (this.#listener) this.#listener(event);
    else this.#events.push(event);
    if (this.#collector.ended) this.#result.resolve(this.#collector.ended);
    return this.#collector.ended !== undefined;
  }

  follow(runId: string): boolean {
    this.#collector = new RunCollector(runId);
    const seen = this.#events;
    this.#events = [];
    return seen.some((event) => this.take(event));
  }

  listen(listener: (event: string) => void): void {
    for (const event of this.#events.splice(0)) listener(event);
    this.#listener = listener;
  }

  fail(error: unknown): void {
    this.#result.reject(error);
  }
}

/** Puts one run together out of its events. */
class RunCollector {
  readonly #runId: string;
  #open = false;
  #messageId: string | null = null;
  #text = "";
  #metadata: Readonly<Record<string, unknown>> = {};
  ended: EndedRun | undefined;

  constructor(runId: string) {
    this.#runId = runId;
  }

  /** Whether the event is one of this run's. */
  take(event: SeenEvent): boolean {
    if (event.type === "RUN_STARTED") this.#open = event.runId === this.#runId;
    if (!this.#open || event.type === "CUSTOM") return false;
    if (event.type === "TEXT_MESSAGE_START") this.#messageId = event.messageId ?? null;
    if (event.type === "TEXT_MESSAGE_CONTENT") this.#text += event.delta ?? "";
    if (event.type === "TEXT_MESSAGE_END") this.#metadata = event.metadata ?? {};
    if (event.type === "RUN_FINISHED") this.#end(event.outcome?.type ?? "success");
    if (event.type === "RUN_ERROR") this.#end("error", event);
    return true;
  }

  #end(outcome: EndedRun["outcome"], event?: SeenEvent): void {
    this.ended = {
      runId: this.#runId,
      outcome,
      messageId: this.#messageId,
      text: this.#text,
      metadata: this.#metadata,
      ...(event && { error: { code: toErrorCode(event.code), message: event.message ?? "" } }),
    };
  }
}

function toErrorCode(code: string | undefined): ErrorCode {
  return isErrorCode(code) ? code : "internal_error";
}
