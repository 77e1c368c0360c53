// A run queue on a real in-memory bundle, with everything that its conversation shows.

import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import { ConversationChannel } from "#app/services/chatbot/conversation-channel.ts";
import { RemoteFeed } from "#app/services/chatbot/remote-feed.ts";
import { RunQueue } from "#app/services/chatbot/run-queue.ts";
import { type ChatCoreOptions, createChatParts, MAIN } from "../../support/chat-core.ts";
import { RecordedFrames } from "../../support/recorded-frames.ts";
import { assertWireInvariants } from "../../support/wire-invariants.ts";

export const CONVERSATION_ID = "q".repeat(22);

export async function startQueue(test: TestContext, options: ChatCoreOptions = {}) {
  const parts = createChatParts(test, options);
  const { store } = parts.storage;
  await store.create({ id: CONVERSATION_ID, tokenHash: "", persona: MAIN, createdAt: Date.now() });
  const channel = new ConversationChannel();
  const shown = new RecordedFrames();
  channel.join({ deliver: (_seq, event) => shown.send(event), recheck: () => undefined });
  const counts = { idle: 0 };
  const onIdle = () => {
    counts.idle += 1;
  };
  const conversationId = CONVERSATION_ID;
  const feed = new RemoteFeed({ ...parts, conversationId, log: parts.storage.log, channel });
  const queue = new RunQueue({ ...parts, conversationId, channel, feed, onIdle });
  test.after(() => {
    // Also where the test failed on its way: a line that works on keeps the process alive.
    queue.drain();
    assertWireInvariants(shown.frames);
  });

  /** Puts a message into the line without waking anybody; returns its run. */
  const accept = async (text: string, runId: string = randomUUID()): Promise<string> => {
    const id = `message-${text}`;
    const message = { id, role: "user", content: text, createdAt: Date.now(), runId } as const;
    await store.accept(CONVERSATION_ID, { type: "message", runId, message, cancelled: false });
    return runId;
  };
  return {
    ...parts,
    queue,
    shown,
    counts,
    accept,
    say: async (text: string): Promise<string> => {
      const runId = await accept(text);
      queue.wake();
      return runId;
    },
    stop: async (runId?: string): Promise<void> => {
      await store.cancel(CONVERSATION_ID, runId, "all");
      queue.wake();
    },
    switchTo: async (persona: { kind: "persona" | "object"; id: string }): Promise<void> => {
      await store.accept(CONVERSATION_ID, { type: "persona", turnId: randomUUID(), persona });
      queue.wake();
    },
    stored: () => store.page(CONVERSATION_ID, { limit: 100 }),
    /** What was shown, as `type:run` of runs and `name:…` of the rest. */
    story: () => shown.frames.flatMap((frame) => tell(frame)),
  };
}

function tell(frame: { readonly [field: string]: unknown }): string[] {
  if (frame.type === "RUN_STARTED") return [`start ${String(Object(frame.input).messages[0].content)}`];
  if (frame.type === "RUN_FINISHED") return [String(Object(frame.outcome).type)];
  if (frame.type === "RUN_ERROR") return [String(frame.code)];
  if (frame.name === "message.accepted") return [`waits ${String(Object(frame.value).text)}`];
  if (frame.name === "persona.changed") return [`now ${String(Object(frame.value).id)}`];
  return [];
}
