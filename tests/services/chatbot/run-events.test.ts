// The events of one run, for a transport that shows a single reply.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { readRun } from "#app/services/chatbot/run-events.ts";
import { ChatCore, type ChatCoreOptions, endOf } from "../../support/chat-core.ts";
import { parseFrame } from "../../support/recorded-frames.ts";
import { settle } from "../../support/settle.ts";
import { joinDeltas } from "../../support/wire-invariants.ts";

const never = new Promise<void>(() => undefined);

async function startReading(test: TestContext, options: ChatCoreOptions = {}) {
  const core = new ChatCore(test, options);
  const { opened, shown, id } = await core.open();
  const events = await readRun(core.conversations, opened);
  const say = (text: string) => core.conversations.turns.say(opened.page.conversation, { text });
  return { ...core.parts, conversations: core.conversations, shown, opened, id, events, say };
}

describe("a run that is followed", () => {
  it("is put together whole: outcome, text, the message's id and what stands beside it", async (test) => {
    const { model, events, say, shown } = await startReading(test);
    model.script("Good", " day 😀");
    const { runId } = await say("Hello");
    events.follow(runId);
    const { metadata, ...run } = await events.ended;
    const [end] = shown.named("TEXT_MESSAGE_END");
    assert.deepEqual(run, { runId, outcome: "success", messageId: end?.messageId, text: "Good day 😀" });
    assert.deepEqual(metadata, end?.metadata);
  });

  it("loses nothing of what was said before it was named, nor before anybody listened", async (test) => {
    const { model, events, say, shown } = await startReading(test);
    const gate = Promise.withResolvers<void>();
    model.script("early", { until: gate.promise }, " late");
    const { runId } = await say("Hello");
    await settle();
    assert.ok(shown.sent.length > 1);
    events.follow(runId);
    await settle();
    const heard: string[] = [];
    events.onEvent((event) => heard.push(event));
    gate.resolve();
    await events.ended;
    assert.deepEqual(heard, shown.sent, "the same strings, each once, from RUN_STARTED to the end");
    assert.equal(joinDeltas(heard.map(parseFrame)), "early late");
  });

  it("is given out no faster than the sink takes it, and waits in the log meanwhile", async (test) => {
    const { model, events, say, shown } = await startReading(test);
    const drained = Promise.withResolvers<void>();
    model.script("one", " two");
    const heard: string[] = [];
    let isStuck = true;
    const sink = { bufferedBytes: 0, whenDrained: () => drained.promise };
    events.onEvent((event) => {
      heard.push(event);
      if (isStuck) sink.bufferedBytes = 300 * 1024;
    }, sink);
    const { runId } = await say("Hello");
    events.follow(runId);
    await endOf(shown, runId);
    await settle();
    assert.equal(heard.length, 1);
    isStuck = false;
    sink.bufferedBytes = 0;
    drained.resolve();
    await events.ended;
    assert.deepEqual(heard, shown.sent);
  });

  it("shows nothing of other runs, before it and after it, nor what is no run's", async (test) => {
    const { model, opened, conversations, say, shown } = await startReading(test);
    const gate = Promise.withResolvers<void>();
    model.script({ until: gate.promise }, "one");
    model.script("two");
    model.script("three");
    await say("a");
    await settle();
    const events = await readRun(conversations, opened);
    const second = await say("b");
    const third = await say("c");
    events.follow(second.runId);
    const heard: string[] = [];
    events.onEvent((event) => heard.push(event));
    gate.resolve();
    const run = await events.ended;
    await endOf(shown, third.runId);
    assert.equal(run.text, "two");
    const types = heard.map((event) => parseFrame(event).type);
    assert.deepEqual([types[0], types.at(-1)], ["RUN_STARTED", "RUN_FINISHED"]);
    assert.equal(joinDeltas(heard.map(parseFrame)), "two");
    assert.ok(!types.includes("CUSTOM"));
  });

  it("says that it was stopped, with what was said until then", async (test) => {
    const { model, events, say, conversations, id } = await startReading(test);
    model.script("Good", { until: never });
    const { runId } = await say("Hello");
    events.follow(runId);
    await settle();
    await conversations.turns.stop(id, runId);
    const run = await events.ended;
    assert.deepEqual([run.outcome, run.text, run.metadata.partial], ["cancelled", "Good", true]);
  });

  it("says what went wrong, by its code, and that nothing was said", async (test) => {
    const { model, events, say } = await startReading(test);
    model.script({ fail: new AppError("llm_rejected") });
    events.follow((await say("Hello")).runId);
    const run = await events.ended;
    assert.deepEqual([run.outcome, run.text, run.messageId], ["error", "", null]);
    assert.equal(run.error?.code, "llm_rejected");
  });

  it("leaves nothing listening once it has ended", async (test) => {
    const { events, say, conversations, shown, opened } = await startReading(test);
    events.follow((await say("Hello")).runId);
    await events.ended;
    events.close();
    // The one that is left is the test's own.
    await settle();
    assert.ok(shown.sent.length > 0);
    assert.deepEqual(conversations.counts, { live: 1, running: 0 });
    const heard: string[] = [];
    events.onEvent((event) => heard.push(event));
    const { length } = heard;
    const { runId } = await conversations.turns.say(opened.page.conversation, { text: "more" });
    await endOf(shown, runId);
    assert.equal(heard.length, length);
  });
});

describe("a run that cannot be followed any more", () => {
  it("goes on without whoever has closed", async (test) => {
    const { model, events, say, shown } = await startReading(test);
    const gate = Promise.withResolvers<void>();
    model.script("Good", { until: gate.promise }, " day");
    const { runId } = await say("Hello");
    events.follow(runId);
    const heard: string[] = [];
    events.onEvent((event) => heard.push(event));
    await settle();
    events.close();
    const { length } = heard;
    gate.resolve();
    assert.equal((await endOf(shown, runId)).type, "RUN_FINISHED");
    assert.equal(heard.length, length);
  });

  it("rejects when its log is lost or cannot be read, and rejects unheard where nobody asks", async (test) => {
    for (const gate of ["lost", "away"] as const) {
      const core = new ChatCore(test);
      const { opened } = await core.open();
      await settle();
      const { storage } = core.parts;
      if (gate === "lost") storage.replyToNextRead(undefined);
      else storage.beforeNext("read", () => Promise.reject(new AppError("internal_error")));
      const events = await readRun(core.conversations, opened);
      await settle();
      const code = gate === "lost" ? "storage_unavailable" : "internal_error";
      await assert.rejects(events.ended, { code });
    }
  });
});
