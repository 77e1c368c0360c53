// A conversation's line: one turn at a time, in order, each with its own end.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settle } from "../../support/settle.ts";
import { startQueue } from "./queueing.ts";

const never = new Promise<void>(() => undefined);

describe("the run queue", () => {
  it("answers one message after the other, in the order in which they came", async (test) => {
    const { queue, say, model, story, stored } = await startQueue(test);
    const gate = Promise.withResolvers<void>();
    model.script({ until: gate.promise }, "one");
    model.script("two");
    model.script("three");
    for (const text of ["a", "b", "c"]) await say(text);
    await settle();
    assert.equal(model.active, 1);
    gate.resolve();
    await queue.idle();
    const told = story().filter((line) => !line.startsWith("waits"));
    assert.deepEqual(told, ["start a", "success", "start b", "success", "start c", "success"]);
    const { messages } = await stored();
    assert.deepEqual(
      messages.map(({ content }) => content),
      ["a", "one", "b", "two", "c", "three"],
    );
  });

  it("gives the model what was said before, and not the message itself twice", async (test) => {
    const { queue, say, model } = await startQueue(test);
    model.script("one");
    await say("a");
    await say("b");
    await queue.idle();
    const contents = model.calls[1]?.messages.filter(({ role }) => role !== "system");
    assert.deepEqual(
      contents?.map(({ content }) => content),
      ["a", "one", "b"],
    );
  });

  it("shows a message that comes while another is answered, once, with its place in the line", async (test) => {
    const { queue, say, model, shown, story } = await startQueue(test);
    const gate = Promise.withResolvers<void>();
    model.script({ until: gate.promise }, "one");
    await say("a");
    await settle();
    for (const text of ["b", "c"]) await say(text);
    for (let more = 0; more < 5; more += 1) queue.wake();
    await settle();
    assert.deepEqual(story(), ["start a", "waits b", "waits c"]);
    const values = shown.named("message.accepted").map((frame) => Object(frame.value));
    assert.deepEqual(
      values.map(({ messageId, position }) => [messageId, position]),
      [
        ["message-b", 1],
        ["message-c", 2],
      ],
    );
    gate.resolve();
    await queue.idle();
    assert.equal(shown.named("message.accepted").length, 2);
  });

  it("answers a message that comes at whichever step of the one before", async (test) => {
    // Every call to storage of a whole tenure is a moment at which the next message may come.
    const first = await startQueue(test);
    await first.say("a");
    await first.queue.idle();
    const steps = first.storage.calls.filter((call) => call !== "accept" && call !== "create");
    for (const [moment, call] of steps.entries()) {
      for (const when of ["beforeNext", "afterNext"] as const) {
        const { queue, say, storage, story, stored } = await startQueue(test);
        const earlier = steps.slice(0, moment).filter((step) => step === call).length;
        for (let skip = 0; skip < earlier; skip += 1) storage[when](call, () => undefined);
        storage[when](call, async () => void (await say("b")));
        await say("a");
        await queue.idle();
        const what = `${when} ${call} ${moment}`;
        assert.deepEqual(story().filter((line) => line === "success").length, 2, what);
        assert.equal((await stored()).conversation.line.length, 0, what);
      }
    }
  });

  it("is idle, and says so, when the line is worked off; a wake without a message shows nothing", async (test) => {
    const { queue, say, counts, shown } = await startQueue(test);
    assert.equal(queue.busy, false);
    queue.wake();
    assert.equal(queue.busy, true);
    await queue.idle();
    assert.deepEqual([queue.busy, counts.idle, shown.sent.length], [false, 1, 0]);
    await say("a");
    await queue.idle();
    assert.equal(counts.idle, 2);
  });
});

describe("stopping", () => {
  it("ends the running turn and goes on with the next", async (test) => {
    const { queue, say, stop, model, story, stored } = await startQueue(test);
    model.script("one", { until: never });
    model.script("two");
    const runId = await say("a");
    await settle();
    await say("b");
    await stop(runId);
    await queue.idle();
    const told = story().filter((line) => !line.startsWith("waits"));
    assert.deepEqual(told, ["start a", "cancelled", "start b", "success"]);
    const { messages } = await stored();
    assert.deepEqual(
      messages.map(({ content, partial }) => [content, partial]),
      [
        ["a", undefined],
        ["one", true],
        ["b", undefined],
        ["two", undefined],
      ],
    );
  });

  it("gives every waiting turn that was dropped its own start and end", async (test) => {
    const { queue, say, stop, model, story } = await startQueue(test);
    model.script({ until: never });
    for (const text of ["a", "b", "c"]) await say(text);
    await settle();
    await stop();
    await queue.idle();
    const told = story().filter((line) => !line.startsWith("waits"));
    assert.deepEqual(told, ["start a", "cancelled", "start b", "cancelled", "start c", "cancelled"]);
    assert.equal(model.calls.length, 1);
  });

  it("takes effect although it comes between the look at the line and the start of the run", async (test) => {
    const { queue, say, stop, storage, model, story } = await startQueue(test, { runDeadlineMs: 2_000 });
    model.script({ until: never });
    storage.afterNext("page", () => stop());
    await say("a");
    await queue.idle();
    assert.deepEqual(story(), ["start a", "cancelled"]);
  });

  it("shows a message that comes between the look at the line and the start of the run", async (test) => {
    const { queue, say, accept, storage, model, story } = await startQueue(test);
    const gate = Promise.withResolvers<void>();
    model.script({ until: gate.promise }, "one");
    storage.afterNext("page", async () => {
      await accept("b");
      queue.wake();
    });
    await say("a");
    await settle();
    // While the first one gets its place, before its reply begins.
    assert.deepEqual(story(), ["waits b", "start a"]);
    gate.resolve();
    await queue.idle();
  });

  it("comes by itself after the deadline", async (test) => {
    const { queue, say, model, story } = await startQueue(test, { runDeadlineMs: 20 });
    model.script("one", { until: never });
    await say("a");
    await queue.idle();
    assert.deepEqual(story(), ["start a", "llm_timeout"]);
  });
});

describe("a turn that changes the persona", () => {
  it("is shown, and who answers from then on is the other", async (test) => {
    const { queue, say, switchTo, shown, story, stored } = await startQueue(test);
    await switchTo({ kind: "object", id: "card" });
    await queue.idle();
    assert.deepEqual((await stored()).conversation.persona, { kind: "object", id: "card" });
    assert.equal((await stored()).conversation.seq, 1);
    await say("a");
    await queue.idle();
    assert.deepEqual(story(), ["now card", "start a", "success"]);
    assert.equal(Object(Object(shown.named("RUN_STARTED")[0]?.metadata).persona).id, "card");
    assert.deepEqual((await stored()).messages[1]?.persona, { kind: "object", id: "card" });
  });

  it("goes before the messages that wait", async (test) => {
    const { queue, say, switchTo, model, story } = await startQueue(test);
    const gate = Promise.withResolvers<void>();
    model.script({ until: gate.promise }, "one");
    await say("a");
    await settle();
    await say("b");
    await switchTo({ kind: "persona", id: "engineer" });
    gate.resolve();
    await queue.idle();
    assert.deepEqual(story(), ["start a", "waits b", "success", "now engineer", "start b", "success"]);
  });

  it("falls back on the main persona when the one that was chosen has left", async (test) => {
    const { queue, switchTo, stored, story } = await startQueue(test);
    await switchTo({ kind: "persona", id: "gone" });
    await queue.idle();
    assert.deepEqual(story(), ["now persona"]);
    assert.equal((await stored()).conversation.persona.id, "persona");
  });
});

describe("the log of a long reply", () => {
  it("is kept from the position on that a snapshot stands for, whatever was shown before the run began", async (test) => {
    test.mock.timers.enable({ apis: ["setTimeout"] });
    const { queue, say, accept, model, storage, stored, shown } = await startQueue(test, {
      runDeadlineMs: 1_000_000,
    });
    model.script(...Array.from({ length: 2_100 }, () => "x"), { until: never });
    await accept("a");
    // Shown as waiting before the first run starts.
    await say("b");
    for (let frames = 0; frames < 2_100; frames += 1) {
      await settle(1);
      test.mock.timers.tick(40);
    }
    assert.ok(shown.sent.length > 2_000, `${shown.sent.length} events`);
    const { conversation } = await stored();
    const { epoch } = await storage.log.open(conversation.id);
    const from = { epoch, after: conversation.seq, limit: 1 };
    assert.notEqual(await storage.log.read(conversation.id, from), undefined);
    queue.drain();
    await queue.idle();
  });
});
