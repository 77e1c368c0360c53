// What is to be done about a run whose producer died, decided from the log and the line alone.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MessageTurn } from "#app/models/conversation.ts";
import { type ConversationEvent, encodeEvent } from "#app/models/server-event.ts";
import { planTakeOver } from "#app/services/chatbot/take-over.ts";
import { messageTurn, openConversation } from "../../contracts/conversation-samples.ts";
import { createLocalHarness } from "../../support/local-harness.ts";

const REPLY = "reply-1";

/** A conversation in whose line `turn` stands first and runs, with what its producer had shown. */
async function leaveBehind(turn: MessageTurn, shown: readonly ConversationEvent[], seq = 0) {
  const harness = createLocalHarness();
  const { store, log } = harness.here;
  const { id, lease } = await openConversation(harness.here);
  await store.accept(id, turn);
  await store.record(lease, { type: "run-started", runId: turn.runId });
  await log.open(id);
  const events = shown.map((event, index) => encodeEvent(event, index + 1, 0));
  await log.append(lease, { firstSeq: 1, events, floorSeq: 1 });
  const { conversation } = await store.page(id, { limit: 0 });
  const plan = () => planTakeOver({ ...conversation, seq }, turn, log);
  return { harness, id, log, plan };
}

function started({ runId, message }: MessageTurn): ConversationEvent {
  const messages = [{ id: message.id, role: "user" as const, content: message.content }];
  return {
    type: "RUN_STARTED",
    threadId: "t",
    runId,
    input: { threadId: "t", runId, messages, tools: [], context: [] },
    metadata: { persona: { id: "ada", kind: "persona", name: "Ada", revision: "0123456789ab" } },
  };
}

function content(delta: string, messageId = REPLY): ConversationEvent {
  return { type: "TEXT_MESSAGE_CONTENT", messageId, delta };
}

function ended(messageId = REPLY): ConversationEvent {
  return { type: "TEXT_MESSAGE_END", messageId, metadata: { source: "model", revision: "", createdAt: 0 } };
}

function failed(runId: string, code: "run_interrupted" | "llm_timeout"): ConversationEvent {
  const metadata = { retryable: true };
  return { type: "RUN_ERROR", threadId: "t", runId, code, message: "…", metadata };
}

function finished(runId: string): ConversationEvent {
  const metadata = { timings: { queuedMs: 0, firstTokenMs: 1, totalMs: 2 } };
  return { type: "RUN_FINISHED", threadId: "t", runId, outcome: { type: "success" }, usage: [], metadata };
}

const opened: ConversationEvent = { type: "TEXT_MESSAGE_START", messageId: REPLY, role: "assistant" };
const waits: ConversationEvent = {
  type: "CUSTOM",
  name: "message.accepted",
  value: { messageId: "other", runId: "other", text: "x", position: 1 },
};

async function kinds(turn: MessageTurn, shown: readonly ConversationEvent[], seq = 0): Promise<string[]> {
  const { plan } = await leaveBehind(turn, shown, seq);
  const { events = [] } = (await plan()) ?? {};
  return events.map((event) => (event.type === "CUSTOM" ? event.name : event.type));
}

describe("the plan for a run whose producer died", () => {
  for (const [name, shown] of [
    ["nothing at all", []],
    ["only what waits behind it", [waits]],
  ] as const) {
    it(`is to let it begin where its start was never shown: ${name}`, async () => {
      const { plan } = await leaveBehind(messageTurn("x"), shown);
      assert.equal(await plan(), undefined);
    });
  }

  it("ends it where only its start was shown", async () => {
    const turn = messageTurn("x");
    assert.deepEqual(await kinds(turn, [waits, started(turn)]), ["RUN_ERROR"]);
  });

  it("closes the open reply as interrupted, ends the run, and takes the reply out of the history", async () => {
    const turn = messageTurn("x");
    const shown = [started(turn), opened, content("Half a"), waits, content(" sentence")];
    const { plan, id } = await leaveBehind(turn, shown);
    const { events, successorId } = (await plan()) ?? assert.fail("no plan");
    const [end, error, edited, ...more] = events;
    assert.ok(end?.type === "TEXT_MESSAGE_END" && end.messageId === REPLY);
    assert.equal(end.metadata.interrupted, true);
    assert.partialDeepStrictEqual(error, {
      type: "RUN_ERROR",
      threadId: id,
      runId: turn.runId,
      code: "run_interrupted",
    });
    assert.deepEqual(edited, {
      type: "CUSTOM",
      name: "conversation.edited",
      value: { messageId: turn.message.id, removed: [REPLY] },
    });
    assert.deepEqual(more, []);
    assert.ok(successorId && successorId !== turn.runId);
  });

  it("closes it under the name of whoever was speaking, and of the text that the persona had then", async () => {
    const turn = messageTurn("x");
    const metadata = { source: "fallback-model", reason: "llm_unavailable" } as const;
    const { plan } = await leaveBehind(turn, [started(turn), { ...opened, metadata }, content("Half")]);
    const [end] = (await plan())?.events ?? [];
    assert.ok(end?.type === "TEXT_MESSAGE_END");
    assert.deepEqual(
      [end.metadata.source, end.metadata.reason, end.metadata.revision, end.metadata.interrupted],
      ["fallback-model", "llm_unavailable", "0123456789ab", true],
    );
  });

  it("does not close a reply twice", async () => {
    const turn = messageTurn("x");
    const shown = [started(turn), opened, content("All of it."), ended()];
    assert.deepEqual(await kinds(turn, shown), ["RUN_ERROR", "conversation.edited"]);
  });

  it("looks at nothing that earlier runs have shown", async () => {
    const [earlier, turn] = [messageTurn("before"), messageTurn("x")];
    const before = [started(earlier), opened, content("open for ever")];
    const theirs = [...before, finished(earlier.runId)];
    assert.deepEqual(await kinds(turn, [...before, started(turn)]), ["RUN_ERROR"]);
    assert.deepEqual(await kinds(turn, [...theirs, started(turn)]), ["RUN_ERROR"]);
    const { plan } = await leaveBehind(turn, theirs);
    assert.equal(await plan(), undefined, "the end of another is not its start");
  });

  it("looks at nothing before the position of the finished history", async () => {
    const turn = messageTurn("x");
    const { plan } = await leaveBehind(turn, [started(turn), opened], 2);
    assert.equal(await plan(), undefined);
  });

  for (const count of [499, 500, 501, 1_700]) {
    it(`reads a log of any length: ${count} pieces`, async () => {
      const turn = messageTurn("x");
      const pieces = Array.from({ length: count }, (_, index) => content(`${index} `));
      const whole = [started(turn), opened, ...pieces, ended()];
      assert.deepEqual(await kinds(turn, whole), ["RUN_ERROR", "conversation.edited"]);
    });
  }
});

describe("the message of a run whose producer died", () => {
  it("is put in line again under another run, which names the one before", async () => {
    const turn = messageTurn("x");
    const { plan } = await leaveBehind(turn, [started(turn)]);
    const { change, successorId = "" } = (await plan()) ?? assert.fail("no plan");
    assert.deepEqual(change(9), {
      type: "run-replaced",
      runId: turn.runId,
      seq: 9,
      by: {
        ...turn,
        runId: successorId,
        message: { ...turn.message, runId: successorId, parentRunId: turn.runId, retried: true },
      },
    });
  });

  for (const [name, changes] of [
    [
      "was tried a second time",
      { message: { ...messageTurn("x").message, parentRunId: "before", retried: true } },
    ],
    ["was to be stopped", { cancelled: true }],
  ] as const) {
    it(`is given up where it ${name}`, async () => {
      const turn: MessageTurn = { ...messageTurn("x"), ...changes };
      const { plan } = await leaveBehind(turn, [started(turn), opened, content("Half")]);
      const { change, successorId, events } = (await plan()) ?? assert.fail("no plan");
      assert.equal(successorId, undefined);
      assert.deepEqual(change(9), { type: "run-finished", runId: turn.runId, seq: 9 });
      assert.equal(events.length, 3, "its end is shown all the same");
    });
  }
});

describe("a take-over that was broken off itself", () => {
  it("is only recorded where its events were shown already", async () => {
    const turn = messageTurn("x");
    const shown = [started(turn), opened, content("Half"), ended(), failed(turn.runId, "run_interrupted")];
    const { plan } = await leaveBehind(turn, shown);
    const { events, change, successorId } = (await plan()) ?? assert.fail("no plan");
    assert.deepEqual(events, []);
    assert.ok(successorId);
    assert.equal(change(5).type, "run-replaced");
  });

  for (const [name, end] of [
    ["RUN_FINISHED", finished],
    ["another error", (runId: string) => failed(runId, "llm_timeout")],
  ] as const) {
    it(`records what was shown, and gives a run no second end, nor its message a second reply: ${name}`, async () => {
      const turn = messageTurn("x");
      const shown = [started(turn), opened, content("All "), content("of it."), ended(), end(turn.runId)];
      const { plan } = await leaveBehind(turn, shown);
      const { events, change, successorId } = (await plan()) ?? assert.fail("no plan");
      assert.deepEqual([events, successorId], [[], undefined]);
      const reply = {
        id: REPLY,
        role: "assistant",
        content: "All of it.",
        runId: turn.runId,
        source: "model",
        revision: "",
        createdAt: 0,
        persona: { kind: "persona", id: "ada" },
      };
      assert.deepEqual(change(6), { type: "run-finished", runId: turn.runId, reply, seq: 6 });
    });
  }
});

describe("a run whose log is gone", () => {
  it("is ended where its events are too old to be read: it had been shown, and is not begun twice", async () => {
    const turn = messageTurn("x");
    const { plan, harness, id } = await leaveBehind(turn, [started(turn), opened, content("Half")]);
    await harness.lapseLease(id);
    await harness.outliveEvents(id);
    const { events, successorId } = (await plan()) ?? assert.fail("no plan");
    assert.deepEqual(
      events.map(({ type }) => type),
      ["RUN_ERROR"],
    );
    assert.ok(successorId);
  });

  it("simply begins in a new life of the log", async () => {
    const turn = messageTurn("x");
    const { log } = createLocalHarness().here;
    const { plan } = await leaveBehind(turn, [started(turn)], 7);
    assert.equal(await plan(), undefined, "the numbers have begun anew, below the position");
    const conversation = {
      id: "l".repeat(22),
      tokenHash: "",
      persona: { kind: "persona", id: "ada" },
      createdAt: 0,
      seq: 7,
      line: [turn],
      runningId: turn.runId,
    } as const;
    assert.equal(await planTakeOver(conversation, turn, log), undefined, "nothing is there");
  });
});

describe("a run that its own producer hands over", () => {
  it("is tried again without using up its one try, whether that was used before or not", async () => {
    for (const retried of [undefined, true] as const) {
      const said = messageTurn("Hello");
      const turn = retried ? { ...said, message: { ...said.message, retried } } : said;
      const { id, log, harness } = await leaveBehind(turn, [started(turn), opened, content("half")]);
      const { conversation } = await harness.here.store.page(id, { limit: 0 });
      const plan = await planTakeOver(conversation, turn, log, true);
      const change = plan?.change(6);
      assert.ok(change?.type === "run-replaced");
      assert.equal(change.by.message.retried, retried);
      assert.equal(change.by.message.parentRunId, turn.runId);
    }
  });

  it("is not tried again where the visitor had stopped it", async () => {
    const turn = { ...messageTurn("Hello"), cancelled: true };
    const { id, log, harness } = await leaveBehind(turn, [started(turn)]);
    const { conversation } = await harness.here.store.page(id, { limit: 0 });
    assert.equal((await planTakeOver(conversation, turn, log, true))?.successorId, undefined);
  });
});
