// A revision in its turn, on the real in-memory bundle: what is logged, recorded and shown, and in which order; and a
// producer that dies on its way.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { AppError } from "#app/core/errors.ts";
import type { RevisionTurn } from "#app/models/conversation.ts";
import { messageTurn, replyTo } from "../../contracts/conversation-samples.ts";
import { revisedBy, revisionTurn } from "../../contracts/revision-samples.ts";
import { createPacedScript } from "../../support/paced-model.ts";
import { until } from "../../support/until.ts";
import { CONVERSATION_ID, startQueue } from "./queueing.ts";

type Line = Awaited<ReturnType<typeof startQueue>>;

const away = () => Promise.reject(new AppError("storage_unavailable"));

/** A line that has answered `a` and `b`; the messages' ids are `message-a` and `message-b`. */
async function startAnswered(test: TestContext): Promise<Line> {
  const line = await startQueue(test);
  for (const text of ["a", "b"]) await line.say(text);
  await line.queue.idle();
  return line;
}

async function accept({ storage }: Line, messageId: string, text?: string): Promise<RevisionTurn> {
  const turn = revisionTurn(messageId, text);
  await storage.store.accept(CONVERSATION_ID, turn);
  return turn;
}

async function workOff({ queue }: Line): Promise<void> {
  queue.wake();
  await queue.idle();
}

/** Every event of the log, from its start. */
async function logged({ storage }: Line): Promise<Record<string, unknown>[]> {
  const { epoch } = await storage.log.open(CONVERSATION_ID);
  const slice = await storage.log.read(CONVERSATION_ID, { epoch, after: 0, limit: 500 });
  return (slice?.events ?? []).map((event) => JSON.parse(event));
}

const contents = async (line: Line) => (await line.stored()).messages.map(({ content }) => content);
const REPLY = ["TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END", "RUN_FINISHED"];
const kindsOf = (events: readonly Record<string, unknown>[]) =>
  events.map(({ type, name, code }) => code ?? name ?? type);

describe("a revision whose turn has come", () => {
  it("is shown before its answer begins, and its position is that of the history", async (test) => {
    const line = await startAnswered(test);
    const before = (await line.stored()).messages;
    const length = line.shown.frames.length;
    const turn = await accept(line, "message-a", "A");
    await workOff(line);
    const shown = line.shown.frames.slice(length);
    assert.deepEqual(kindsOf(shown), ["conversation.edited", "RUN_STARTED", ...REPLY]);
    const removed = before.slice(1).map(({ id }) => id);
    assert.deepEqual(shown[0]?.value, { messageId: "message-a", removed });
    assert.partialDeepStrictEqual(shown[1], { runId: turn.runId, parentRunId: before[0]?.runId });
    assert.deepEqual(await contents(line), ["A", "ok"]);
    const { conversation } = await line.stored();
    assert.equal(conversation.seq, line.shown.seqs.at(-1));
  });

  it("is logged before it is recorded, and not shown before the log has it", async (test) => {
    const line = await startAnswered(test);
    const { length } = line.shown.sent;
    const gate = Promise.withResolvers<void>();
    line.storage.beforeNext("append", () => gate.promise);
    await accept(line, "message-a", "A");
    line.queue.wake();
    const from = line.storage.calls.length;
    await until("it is being logged", () => line.storage.calls.slice(from).includes("append"));
    assert.deepEqual(await contents(line), ["a", "ok", "b", "ok"]);
    assert.equal(line.shown.sent.length, length);
    gate.resolve();
    await line.queue.idle();
    assert.deepEqual(await contents(line), ["A", "ok"]);
  });

  it("takes the reply that it broke off with it, however far that came", async (test) => {
    const line = await startAnswered(test);
    line.model.script(...createPacedScript("half", "never").steps);
    const runId = await line.say("c");
    await until("it speaks", () => line.shown.sent.some((frame) => frame.includes("half")));
    await accept(line, "message-c", "C");
    line.queue.wake();
    await line.queue.idle();
    const ends = line.shown.frames.filter((frame) => frame.runId === runId && frame.type === "RUN_FINISHED");
    assert.partialDeepStrictEqual(ends, [{ outcome: { type: "cancelled" } }]);
    assert.deepEqual(await contents(line), ["a", "ok", "b", "ok", "C", "ok"]);
  });

  it("is answered as it stands in the history by then, where it only asks for another answer", async (test) => {
    const line = await startAnswered(test);
    await accept(line, "message-b", "B");
    await workOff(line);
    await accept(line, "message-b");
    await workOff(line);
    assert.deepEqual(await contents(line), ["a", "ok", "B", "ok"]);
  });
});

/** `a` and `b`, answered before anything was logged or shown here; a revision of `a`; and a producer of it. */
async function startDying(test: TestContext) {
  const line = await startQueue(test);
  const { store, log, lease } = line.storage;
  const held = await lease.acquire(CONVERSATION_ID);
  assert.ok(held);
  for (const text of ["a", "b"]) {
    const turn = messageTurn(text, `message-${text}`);
    await store.accept(CONVERSATION_ID, turn);
    const reply = replyTo(turn, "ok");
    await store.record(held, { type: "run-finished", runId: turn.runId, reply, seq: 0 });
  }
  const { messages } = await line.stored();
  const removed = messages.slice(1).map(({ id }) => id);
  const parentRunId = messages[0]?.runId;
  await log.open(CONVERSATION_ID);
  let seq = 0;
  return {
    line,
    removed,
    parentRunId,
    show: async (event: object): Promise<void> => {
      seq += 1;
      const events = [JSON.stringify({ ...event, timestamp: 0, seq })];
      await log.append(held, { firstSeq: seq, events, floorSeq: seq });
    },
    apply: (turn: RevisionTurn) => store.record(held, revisedBy(turn, removed, seq, parentRunId)),
    begin: ({ runId }: RevisionTurn) => store.record(held, { type: "run-started", runId }),
    die: () => lease.release(held, false),
  };
}

describe("a producer that dies over a revision", () => {
  const steps = ["taken", "logged", "recorded", "begun"];
  for (const [came, upTo] of steps.entries()) {
    it(`leaves it to the next one, which ends with one answer: ${upTo}`, async (test) => {
      const { line, removed, parentRunId, show, apply, begin, die } = await startDying(test);
      const turn = await accept(line, "message-a", "A");
      const value = { messageId: "message-a", removed };
      if (came > 0) await show({ type: "CUSTOM", name: "conversation.edited", value });
      if (came > 1) await apply(turn);
      if (came > 2) await begin(turn);
      await die();
      await workOff(line);
      const told = await logged(line);
      // Logged and not recorded: nobody knows whether it was shown, and so it is said again.
      const edits = Array.from({ length: upTo === "logged" ? 2 : 1 }, () => "conversation.edited");
      assert.deepEqual(kindsOf(told), [...edits, "RUN_STARTED", ...REPLY]);
      for (const event of told.slice(0, edits.length)) assert.deepEqual(event.value, value);
      assert.partialDeepStrictEqual(told[edits.length], { runId: turn.runId, parentRunId });
      assert.deepEqual(await contents(line), ["A", "ok"]);
      assert.equal((await line.stored()).conversation.seq, told.at(-1)?.seq);
    });
  }

  it("in the midst of its answer leaves the message to be tried once more, though it was answered before", async (test) => {
    const { line, apply, begin, show, die } = await startDying(test);
    const turn = await accept(line, "message-a");
    await apply({ ...turn, text: "a" });
    await begin(turn);
    await show({ type: "RUN_STARTED", threadId: CONVERSATION_ID, runId: turn.runId });
    await die();
    await workOff(line);
    assert.deepEqual(line.story(), ["run_interrupted", "start a", "success"]);
    const start = line.shown.frames.find(({ type }) => type === "RUN_STARTED");
    assert.equal(start?.parentRunId, turn.runId);
    const { messages } = await line.stored();
    assert.deepEqual([messages[0]?.retried, messages[0]?.parentRunId], [true, turn.runId]);
    await accept(line, "message-a");
    await workOff(line);
    const again = (await line.stored()).messages;
    assert.equal(again[0]?.retried, undefined, "and asked for anew it may be tried once more again");
  });

  for (const [call, moment] of [
    ["append", "before"],
    ["append", "after"],
    ["record", "before"],
    ["record", "after"],
    ["page", "before"],
  ] as const) {
    it(`is the same where the storage fails: one answer (${moment} ${call})`, async (test) => {
      const { line, die } = await startDying(test);
      await accept(line, "message-a", "A");
      await die();
      if (moment === "before") line.storage.beforeNext(call, away);
      else line.storage.afterNext(call, away);
      await workOff(line);
      await workOff(line);
      assert.deepEqual(await contents(line), ["A", "ok"]);
      const told = kindsOf(await logged(line)).filter((kind) => kind !== "conversation.edited");
      assert.deepEqual(told, ["RUN_STARTED", ...REPLY]);
      assert.equal(line.model.calls.length, 1);
    });
  }
});
