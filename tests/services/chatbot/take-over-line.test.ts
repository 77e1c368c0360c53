// A line that a dead producer has left in the midst of a run, worked off by the next one: on the real in-memory bundle,
// and, for what instances find, on a real Redis.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { LiveConversations } from "#app/services/chatbot/live-conversations.ts";
import type { RunLease } from "#app/services/chatbot/run-lease.ts";
import { newConversation } from "../../contracts/conversation-samples.ts";
import { createChatParts, MAIN } from "../../support/chat-core.ts";
import { startInstances } from "../../support/redis-harness.ts";
import { settle } from "../../support/settle.ts";
import { until } from "../../support/until.ts";
import { CONVERSATION_ID, startQueue } from "./queueing.ts";
import { createSharedStorage } from "./shared-log.ts";

type Line = Awaited<ReturnType<typeof startQueue>>;

const away = () => Promise.reject(new AppError("storage_unavailable"));

/** What a producer has done who died while it answered that run: as far as it came. */
async function dieWhile({ storage }: Line, runId: string, upTo: "accepted" | "recorded" | "shown") {
  if (upTo === "accepted") return;
  const lease = await storage.lease.acquire(CONVERSATION_ID);
  assert.ok(lease);
  await storage.store.record(lease, { type: "run-started", runId });
  const { lastSeq } = await storage.log.open(CONVERSATION_ID);
  const threadId = CONVERSATION_ID;
  const events = [
    { type: "RUN_STARTED", threadId, runId },
    { type: "TEXT_MESSAGE_START", messageId: `reply-${runId}`, role: "assistant" },
    { type: "TEXT_MESSAGE_CONTENT", messageId: `reply-${runId}`, delta: "Half" },
  ].map((event, index) => JSON.stringify({ ...event, timestamp: 0, seq: lastSeq + 1 + index }));
  if (upTo === "shown")
    await storage.log.append(lease, { firstSeq: lastSeq + 1, events, floorSeq: lastSeq + 1 });
  await storage.lease.release(lease, false);
}

async function workOff({ queue }: Line): Promise<void> {
  queue.wake();
  await queue.idle();
}

describe("a line whose producer died", () => {
  it("goes on with the same message under another run, then with the rest", async (test) => {
    const line = await startQueue(test);
    const runId = await line.accept("a");
    await line.accept("b");
    await dieWhile(line, runId, "shown");
    await workOff(line);
    assert.deepEqual(line.story(), [
      "run_interrupted",
      "waits b",
      "start a",
      "success",
      "start b",
      "success",
    ]);
    const starts = line.shown.frames.filter(({ type }) => type === "RUN_STARTED");
    assert.deepEqual(
      starts.map((frame) => frame.parentRunId),
      [runId, undefined],
    );
    const { messages, conversation } = await line.stored();
    assert.deepEqual(
      messages.map(({ content }) => content),
      ["a", "ok", "b", "ok"],
      "and not half a word of the one who died",
    );
    assert.equal(conversation.seq, line.shown.seqs.at(-1));
    assert.equal(line.shown.seqs[0], 4, "after what had been shown");
  });

  for (const upTo of ["accepted", "recorded"] as const) {
    it(`begins a run that was only ${upTo}, under its own id`, async (test) => {
      const line = await startQueue(test);
      const runId = await line.accept("a");
      await dieWhile(line, runId, upTo);
      await workOff(line);
      assert.deepEqual(line.story(), ["start a", "success"]);
      const [start] = line.shown.frames;
      assert.deepEqual([start?.runId, start?.parentRunId], [runId, undefined]);
    });
  }

  it("gives a message up with the second producer, and answers the next one", async (test) => {
    const line = await startQueue(test);
    const runId = "second-try";
    const message = {
      id: "m",
      role: "user",
      content: "a",
      createdAt: 0,
      runId,
      parentRunId: "first",
      retried: true,
    } as const;
    await line.storage.store.accept(CONVERSATION_ID, { type: "message", runId, message, cancelled: false });
    await line.accept("b");
    await dieWhile(line, runId, "shown");
    await workOff(line);
    assert.deepEqual(line.story(), ["run_interrupted", "start b", "success"]);
    assert.deepEqual(
      (await line.stored()).messages.map(({ content }) => content),
      ["a", "b", "ok"],
      "it stays in the history, without a reply",
    );
  });

  it("does not ask again for what somebody has stopped meanwhile", async (test) => {
    const line = await startQueue(test);
    const runId = await line.accept("a");
    await dieWhile(line, runId, "shown");
    await line.stop(runId);
    await line.queue.idle();
    assert.deepEqual(line.story(), ["run_interrupted"]);
    assert.equal(line.model.calls.length, 0);
  });
});

describe("a take-over in which something fails", () => {
  for (const [call, moment] of [
    ["append", "before"],
    ["append", "after"],
    ["record", "before"],
    ["record", "after"],
    ["read", "before"],
  ] as const) {
    it(`is taken up again: one end, one successor, one reply (${moment} ${call})`, async (test) => {
      const line = await startQueue(test);
      const runId = await line.accept("a");
      await dieWhile(line, runId, "shown");
      if (moment === "before") line.storage.beforeNext(call, away);
      else line.storage.afterNext(call, away);
      await workOff(line);
      await workOff(line);
      const { epoch, lastSeq } = await line.storage.log.open(CONVERSATION_ID);
      const slice = await line.storage.log.read(CONVERSATION_ID, { epoch, after: 0, limit: 100 });
      const events = (slice?.events ?? []).map((event): Record<string, unknown> => JSON.parse(event));
      const kinds = events.map(({ type, name, code }) => code ?? name ?? type);
      assert.deepEqual(kinds, [
        ...["RUN_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END"],
        ...["run_interrupted", "conversation.edited"],
        ...["RUN_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END", "RUN_FINISHED"],
      ]);
      const { messages, conversation } = await line.stored();
      assert.deepEqual(
        messages.map(({ content }) => content),
        ["a", "ok"],
      );
      assert.equal(conversation.seq, lastSeq);
    });
  }
});

describe("an instance that looks for what others have left", () => {
  async function createInstance(test: TestContext) {
    const abandoned: string[] = [];
    const shared = createSharedStorage();
    test.after(() => shared.close());
    const lease: RunLease = {
      acquire: (id) => shared.lease.acquire(id),
      renew: (held) => shared.lease.renew(held),
      release: (held, isDone) => shared.lease.release(held, isDone),
      abandoned: async () => abandoned,
    };
    const parts = createChatParts(test, { storage: { ...shared, lease } });
    const live = new LiveConversations(parts);
    test.after(() => live.drain(0));
    const accept = async (id: string): Promise<void> => {
      await parts.storage.store.create({ id, tokenHash: "", persona: MAIN, createdAt: 0 });
      const message = { id: "m", role: "user", content: "x", createdAt: 0, runId: id } as const;
      await parts.storage.store.accept(id, { type: "message", runId: id, message, cancelled: false });
    };
    return { ...parts, live, abandoned, accept };
  }

  it("stops looking when it is told to drain: what it took up now it would only break off again", async (test) => {
    test.mock.timers.enable({ apis: ["setInterval"] });
    const { live, model, accept, abandoned } = await createInstance(test);
    const gate = Promise.withResolvers<void>();
    model.script({ until: gate.promise }, "whole");
    const [own, foreign] = ["o".repeat(22), "f".repeat(22)];
    await accept(own);
    live.queueOf(own).wake();
    await settle();
    const drained = live.drain(60_000);
    await accept(foreign);
    abandoned.push(foreign);
    test.mock.timers.tick(2_000);
    await settle(30);
    assert.deepEqual([live.counts.running, model.calls.length], [1, 1]);
    gate.resolve();
    await drained;
  });

  it("forgets a conversation that is gone, whole or in part, once it has looked", async (test) => {
    await using redis = await startInstances();
    const { here, server } = redis;
    const wishes = [newConversation(), newConversation()];
    for (const [index, wish] of wishes.entries()) {
      if (index === 0) await here.store.create(wish);
      const message = { id: "m", role: "user", content: "x", createdAt: 0, runId: "r" } as const;
      const accepted = here.store.accept(wish.id, { type: "message", runId: "r", message, cancelled: false });
      await accepted.catch(() => undefined);
    }
    // Evicted: what is left of it is not shown as if it were all.
    await server.command("DEL", `parley:{${wishes[0]?.id}}:ids`);
    assert.equal(await server.command("ZCARD", "parley:runs"), "2");
    for (const { id } of wishes) await server.command("ZADD", "parley:runs", "1", id);
    const live = new LiveConversations(createChatParts(test, { storage: here }));
    const counts: string[] = [];
    for (let look = 0; look < 1_000 && counts.at(-1) !== "0"; look += 1)
      counts.push(await server.command("ZCARD", "parley:runs"));
    assert.equal(counts.at(-1), "0");
    await until("nothing is live", () => live.counts.live === 0);
    await live.drain(0);
  });
});
