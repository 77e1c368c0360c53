// One run: answered, shown, stored, and ended with exactly one terminal event, however it goes.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { settle } from "../../support/settle.ts";
import { joinDeltas } from "../../support/wire-invariants.ts";
import { prepareRun } from "./running.ts";

const never = new Promise<void>(() => undefined);
const TERMINAL = /^RUN_(?:FINISHED|ERROR)$/;

describe("a run that succeeds", () => {
  it("shows its start with the question, the reply and its end, and stores what was shown", async (test) => {
    const run = await prepareRun(test);
    run.model.script("Good", " day ", "😀");
    await run.execute();
    const { frames } = run.shown;
    assert.equal(frames[0]?.type, "RUN_STARTED");
    assert.deepEqual(Object(frames[0]?.input).messages, [{ id: "question", role: "user", content: "Hello" }]);
    assert.equal(frames.at(-1)?.type, "RUN_FINISHED");
    assert.deepEqual(frames.at(-1)?.outcome, { type: "success" });
    assert.deepEqual(frames.at(-1)?.usage, [{ model: "scripted", inputTokens: 3, outputTokens: 1 }]);
    const { messages, conversation } = await run.stored();
    assert.deepEqual(
      messages.map(({ role, content }) => [role, content]),
      [
        ["user", "Hello"],
        ["assistant", "Good day 😀"],
      ],
    );
    assert.equal(joinDeltas(frames), messages[1]?.content);
    assert.equal(messages[1]?.id, run.shown.named("TEXT_MESSAGE_START")[0]?.messageId);
    assert.equal(messages[1]?.partial, undefined);
    assert.deepEqual([conversation.line, conversation.runningId], [[], undefined]);
    assert.equal(conversation.seq, frames.at(-1)?.seq);
  });

  it("says of its words where they came from, how they ended and how long they took", async (test) => {
    const run = await prepareRun(test, { finish: { source: "fallback-model", finishReason: "length" } });
    await run.execute();
    const [end] = run.shown.named("TEXT_MESSAGE_END");
    const { source, finishReason, revision, partial } = Object(end?.metadata);
    assert.deepEqual(
      { source, finishReason, revision, partial },
      { source: "fallback-model", finishReason: "length", revision: "000000000000", partial: undefined },
    );
    const { queuedMs, firstTokenMs, totalMs } = Object(Object(run.shown.frames.at(-1)?.metadata).timings);
    assert.ok(queuedMs >= 0 && firstTokenMs >= 0 && firstTokenMs <= totalMs);
    const [line] = run.logger.named("run_finished");
    assert.equal(line?.fields.outcome, "success");
    assert.ok(!JSON.stringify(run.logger.lines).includes("Hello"), "no message text in the log");
  });

  it("is shown as ended only after its reply is stored", async (test) => {
    const run = await prepareRun(test);
    const stored = Promise.withResolvers<void>();
    run.storage.afterNext("record", () => undefined);
    run.storage.afterNext("record", () => stored.promise);
    const executed = run.execute();
    await settle();
    assert.ok(!run.types().some((type) => TERMINAL.test(type)));
    stored.resolve();
    await executed;
    assert.equal(run.types().at(-1), "RUN_FINISHED");
  });

  it("replaces half a character that the model left open, in what is shown and stored alike", async (test) => {
    const run = await prepareRun(test);
    run.model.script("a", "\ud83d");
    await run.execute();
    assert.equal((await run.stored()).messages[1]?.content, "a\ufffd");
    assert.equal(joinDeltas(run.shown.frames), "a\ufffd");
  });
});

describe("a run whose model fails", () => {
  it("ends with llm_unavailable when the model says nothing at all", async (test) => {
    const run = await prepareRun(test);
    run.model.script();
    await run.execute();
    assert.deepEqual(run.types(), ["RUN_STARTED", "RUN_ERROR"]);
    assert.equal(run.shown.frames[1]?.code, "llm_unavailable");
    const { messages, conversation } = await run.stored();
    assert.deepEqual([messages.length, conversation.line.length], [1, 0]);
  });

  it("ends with the model's own error before the first token, with its advice", async (test) => {
    const run = await prepareRun(test);
    run.model.script({ fail: new AppError("llm_rejected") });
    await run.execute();
    assert.deepEqual(run.types(), ["RUN_STARTED", "RUN_ERROR"]);
    const [, end] = run.shown.frames;
    assert.deepEqual([end?.code, end?.metadata], ["llm_rejected", { retryable: false }]);
  });

  it("says when it makes sense to try again, where the model said so", async (test) => {
    const run = await prepareRun(test);
    run.model.script({ fail: new AppError("llm_unavailable", { retryAfterMs: 1_500 }) });
    await run.execute();
    assert.deepEqual(run.shown.frames[1]?.metadata, { retryable: true, retryAfterMs: 1_500 });
  });

  it("closes and keeps what was said before the failure, marked as partial", async (test) => {
    const run = await prepareRun(test);
    run.model.script("Good", " day", { fail: new AppError("llm_timeout") });
    await run.execute();
    assert.deepEqual(run.types().slice(-2), ["TEXT_MESSAGE_END", "RUN_ERROR"]);
    assert.equal(Object(run.shown.named("TEXT_MESSAGE_END")[0]?.metadata).partial, true);
    const reply = (await run.stored()).messages[1];
    assert.deepEqual([reply?.content, reply?.partial, reply?.source], ["Good day", true, "model"]);
    assert.equal(joinDeltas(run.shown.frames), "Good day");
  });

  it("tells nobody what a fault of ours was, but the log", async (test) => {
    const run = await prepareRun(test);
    run.model.script({ fail: new Error("secret at /srv/key.ts") });
    await run.execute();
    assert.equal(run.shown.frames.at(-1)?.code, "internal_error");
    assert.ok(!run.shown.sent.join().includes("secret"));
    assert.match(String(run.logger.named("run_finished")[0]?.fields.err), /secret/);
  });
});

describe("a run that has ended", () => {
  // Node keeps a signal that hangs off others while somebody listens, and with it all that the run has used.
  for (const [how, steps] of [
    ["well", ["Good", " day"]],
    ["in a failure of its model", ["Good", { fail: new AppError("llm_unavailable") }]],
    ["before its first word", [{ fail: new AppError("llm_rejected") }]],
  ] as const) {
    it(`does not listen for its stop any more, once it ended ${how}`, async (test) => {
      const run = await prepareRun(test);
      run.model.script(...steps);
      const executed = run.execute();
      assert.ok(run.stopListeners() > 0);
      await executed;
      assert.equal(run.stopListeners(), 0);
    });
  }
});

describe("a run that is stopped", () => {
  it("asks no model when it was dropped while it waited", async (test) => {
    const run = await prepareRun(test, { cancelled: true });
    await run.execute();
    assert.deepEqual(run.types(), ["RUN_STARTED", "RUN_FINISHED"]);
    assert.deepEqual(run.shown.frames[1]?.outcome, { type: "cancelled" });
    assert.equal(run.model.calls.length, 0);
    assert.equal((await run.stored()).messages.length, 1);
  });

  for (const [why, type, detail] of [
    ["cancelled", "RUN_FINISHED", { outcome: { type: "cancelled" }, usage: [] }],
    ["deadline", "RUN_ERROR", { code: "llm_timeout" }],
    ["draining", "RUN_ERROR", { code: "run_interrupted" }],
  ] as const) {
    it(`ends with ${type} before the first token (${why})`, async (test) => {
      const run = await prepareRun(test);
      run.model.script({ until: never });
      const executed = run.execute();
      await settle();
      run.stop(why);
      await executed;
      assert.deepEqual(run.types(), ["RUN_STARTED", type]);
      for (const [field, value] of Object.entries(detail))
        assert.deepEqual(run.shown.frames[1]?.[field], value);
      assert.equal(run.model.active, 0);
    });

    it(`ends with ${type} after the first token, and keeps what was said (${why})`, async (test) => {
      const run = await prepareRun(test);
      run.model.script("Good", " day", { until: never }, "unsaid");
      const executed = run.execute();
      await settle();
      run.stop(why);
      await executed;
      assert.deepEqual(run.types().slice(-2), ["TEXT_MESSAGE_END", type]);
      const reply = (await run.stored()).messages[1];
      assert.deepEqual([reply?.content, reply?.partial], ["Good day", true]);
      assert.equal(joinDeltas(run.shown.frames), "Good day");
    });

    it(`asks no model when it was stopped before it began (${why})`, async (test) => {
      const run = await prepareRun(test);
      run.stop(why);
      await run.execute();
      assert.deepEqual(run.types(), ["RUN_STARTED", type]);
      assert.equal(run.model.calls.length, 0);
    });
  }

  it("writes nothing more once its lease is lost, not even what waited to be joined", async (test) => {
    const run = await prepareRun(test);
    run.model.script("Good", " day", { until: never });
    const executed = run.execute();
    await settle();
    const { lastSeq } = run.writer;
    run.stop("lease-lost");
    await executed;
    assert.equal(run.writer.lastSeq, lastSeq);
    assert.deepEqual(run.types(), ["RUN_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT"]);
    const { messages, conversation } = await run.stored();
    assert.deepEqual([messages.length, conversation.line.length], [0, 1]);
    assert.deepEqual(run.logger.named("run_finished"), []);
  });
});

describe("a run whose agent ignores the stop", () => {
  async function startDeaf(test: Parameters<typeof prepareRun>[0]) {
    test.mock.timers.enable({ apis: ["setTimeout"] });
    const goOn = Promise.withResolvers<void>();
    const run = await prepareRun(test, {
      agent: {
        source: "model",
        async reply({ onDelta }) {
          onDelta("Good");
          await goOn.promise;
          for (let count = 0; count < 41; count += 1) onDelta(` ${count}`);
          return { source: "model", finishReason: "stop" };
        },
      },
    });
    let ended = false;
    const executed = run.execute().then(() => {
      ended = true;
    });
    await settle();
    run.stop("cancelled");
    await settle();
    const tick = (ms: number) => test.mock.timers.tick(ms);
    return { ...run, executed, tick, goOn: goOn.resolve, hasEnded: () => ended };
  }

  it("is shown as ended at once, and keeps the conversation busy until the agent has ended too", async (test) => {
    const run = await startDeaf(test);
    assert.equal(run.types().at(-1), "RUN_FINISHED");
    assert.equal(run.hasEnded(), false);
    run.goOn();
    await run.executed;
    assert.equal(joinDeltas(run.shown.frames), "Good");
  });

  it("is given up after 2 s; what it says later goes nowhere", async (test) => {
    const run = await startDeaf(test);
    run.tick(1_999);
    await settle();
    assert.equal(run.hasEnded(), false);
    run.tick(1);
    await run.executed;
    const { length } = run.shown.sent;
    run.goOn();
    await settle();
    run.tick(10_000);
    await settle();
    assert.equal(run.shown.sent.length, length);
    assert.equal(run.shown.frames.filter(({ type }) => TERMINAL.test(type)).length, 1);
    assert.equal((await run.stored()).messages[1]?.content, "Good");
  });
});

describe("a run whose storage fails", () => {
  it("shows no end that is not stored, and says so once", async (test) => {
    const run = await prepareRun(test);
    run.storage.beforeNext("record", () => undefined);
    run.storage.beforeNext("record", () => Promise.reject(new AppError("storage_unavailable")));
    await run.execute();
    assert.ok(!run.types().some((type) => TERMINAL.test(type)));
    assert.equal(run.failures.length, 1);
    assert.equal(
      (await run.stored()).conversation.line.length,
      1,
      "the message is still there to be answered",
    );
  });

  it("shows nothing at all when its start cannot be stored", async (test) => {
    const run = await prepareRun(test);
    run.storage.beforeNext("record", () => Promise.reject(new AppError("run_interrupted")));
    await run.execute();
    assert.deepEqual(run.types(), []);
    assert.equal(run.failures.length, 1);
  });
});
