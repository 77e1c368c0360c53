// A reply of very many token frames, put into a conversation through the storage's own doors, as an instance does that
// holds the lease, only faster than a model speaks: a frame every 40 ms would take minutes.

import assert from "node:assert/strict";
import { type ConversationEvent, encodeEvent } from "#app/models/server-event.ts";
import { createRedisBundle } from "#app/services/chatbot/redis-bundle.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";

export interface LongReply {
  readonly redisUrl: string;
  readonly conversationId: string;
  readonly tokens: readonly string[];
}

const RUN_ID = "long-run";
const MESSAGE_ID = "long-reply";
const REVISION = "000000000000";
const QUESTION = { id: "long-question", role: "user" as const, content: "Tell me all" };
/** Events that travel in one append. */
const BATCH = 25;

/** Resolves when the whole reply stands in the log and in the history. */
export async function writeLongReply({ redisUrl, conversationId, tokens }: LongReply): Promise<void> {
  const bundle = await createRedisBundle({
    url: redisUrl,
    conversationTtlMs: 3_600_000,
    instanceId: "long-reply",
    logger: createRecordingLogger(),
  });
  const { store, lease: leases, log } = bundle;
  const lease = await leases.acquire(conversationId);
  assert.ok(lease);
  const createdAt = Date.now();
  const message = { ...QUESTION, createdAt, runId: RUN_ID };
  await store.accept(conversationId, { type: "message", runId: RUN_ID, message, cancelled: false });
  await store.record(lease, { type: "run-started", runId: RUN_ID });
  const { lastSeq } = await log.open(conversationId);
  const events = eventsOf(conversationId, tokens, createdAt).map((event, index) =>
    encodeEvent(event, lastSeq + 1 + index, createdAt),
  );
  for (let start = 0; start < events.length; start += BATCH) {
    const batch = events.slice(start, start + BATCH);
    await log.append(lease, { firstSeq: lastSeq + 1 + start, floorSeq: lastSeq + 1, events: batch });
  }
  const reply = { id: MESSAGE_ID, role: "assistant" as const, content: tokens.join(""), createdAt };
  const seq = lastSeq + events.length;
  await store.record(lease, { type: "run-finished", runId: RUN_ID, reply: { ...reply, runId: RUN_ID }, seq });
  await leases.release(lease, true);
  await bundle.close();
}

function eventsOf(threadId: string, tokens: readonly string[], createdAt: number): ConversationEvent[] {
  const ids = { threadId, runId: RUN_ID };
  return [
    {
      type: "RUN_STARTED",
      ...ids,
      input: { ...ids, messages: [QUESTION], tools: [], context: [] },
      metadata: { persona: { id: "ada", kind: "persona", name: "Ada", revision: REVISION } },
    },
    { type: "TEXT_MESSAGE_START", messageId: MESSAGE_ID, role: "assistant" },
    ...tokens.map((delta) => ({ type: "TEXT_MESSAGE_CONTENT" as const, messageId: MESSAGE_ID, delta })),
    {
      type: "TEXT_MESSAGE_END",
      messageId: MESSAGE_ID,
      metadata: { source: "model", revision: REVISION, createdAt },
    },
    {
      type: "RUN_FINISHED",
      ...ids,
      outcome: { type: "success" },
      usage: [],
      metadata: { timings: { queuedMs: 0, firstTokenMs: 0, totalMs: 0 } },
    },
  ];
}
