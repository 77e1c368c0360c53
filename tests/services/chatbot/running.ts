// One run on a real in-memory bundle: a message that has been accepted, a lease, a writer, and all that is shown.

import { getEventListeners } from "node:events";
import type { TestContext } from "node:test";
import type { ConversationChange, MessageTurn } from "#app/models/conversation.ts";
import { type Agent, createAgent } from "#app/services/chatbot/agent.ts";
import { ConversationChannel } from "#app/services/chatbot/conversation-channel.ts";
import { EventWriter } from "#app/services/chatbot/event-writer.ts";
import { createKnowledge } from "#app/services/chatbot/knowledge.ts";
import { executeRun } from "#app/services/chatbot/run.ts";
import { RunStop, type StopCause } from "#app/services/chatbot/run-stop.ts";
import type { ChatModelReply } from "#app/services/llm/client.ts";
import { MAIN } from "../../support/chat-core.ts";
import { RecordedFrames } from "../../support/recorded-frames.ts";
import { createRecordingLogger } from "../../support/recording-logger.ts";
import { createScriptedModel } from "../../support/scripted-model.ts";
import { storageFor } from "../../support/watched-storage.ts";
import { assertWireInvariants } from "../../support/wire-invariants.ts";

const id = "x".repeat(22);

export interface StartOptions {
  readonly text?: string;
  readonly cancelled?: boolean;
  readonly finish?: Partial<ChatModelReply>;
  /** Instead of the real one around a scripted model. */
  readonly agent?: Agent;
}

export async function prepareRun(test: TestContext, options: StartOptions = {}) {
  const { text = "Hello", cancelled = false } = options;
  const storage = storageFor(test);
  await storage.store.create({ id, tokenHash: "", persona: MAIN, createdAt: Date.now() });
  const message = {
    id: "question",
    role: "user",
    content: text,
    createdAt: Date.now(),
    runId: "run",
  } as const;
  const turn: MessageTurn = { type: "message", runId: "run", message, cancelled };
  await storage.store.accept(id, turn);
  const lease = await storage.lease.acquire(id);
  if (!lease) throw new Error("the lease was not free");

  const channel = new ConversationChannel();
  const shown = new RecordedFrames();
  channel.join({ deliver: (_seq, event) => shown.send(event), recheck: () => undefined });
  test.after(() => assertWireInvariants(shown.frames));
  const head = await storage.log.open(id);
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => void failures.push(error);
  const record = (change: ConversationChange) => storage.store.record(lease, change);
  const writer = new EventWriter({ log: storage.log, lease, head, channel, record, onFailure });

  const model = createScriptedModel(options.finish);
  const agent = options.agent ?? createAgent({ model, knowledge: createKnowledge(() => []) });
  const logger = createRecordingLogger();
  const stop = new AbortController();
  const { signal } = stop;
  const history = { messages: [], olderCount: 0 };
  const run = {
    turn,
    persona: MAIN,
    history,
    locale: undefined,
    agent,
    lease,
    writer,
    signal,
    logger,
  };
  return {
    storage,
    shown,
    writer,
    model,
    logger,
    lease,
    failures,
    stop: (why: StopCause) => stop.abort(new RunStop(why)),
    /** How many still wait for its stop. */
    stopListeners: () => getEventListeners(signal, "abort").length,
    async execute(): Promise<void> {
      await executeRun(run);
      await writer.settled();
    },
    /** What the store holds now. */
    stored: () => storage.store.page(id, { limit: 100 }),
    types: () => shown.frames.map((frame) => frame.type),
  };
}
