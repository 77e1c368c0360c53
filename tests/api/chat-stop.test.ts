// Stopping: at once, from anywhere in the conversation, and nothing is said after it.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { ChatModelClient } from "#app/services/llm/client.ts";
import { isTerminal, Talk } from "../support/conversation.ts";
import { assertWithin } from "../support/held-up.ts";
import { createLocalBundle } from "../support/local-bundle.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { until } from "../support/until.ts";

/** From `stop` to the run's end, as the client sees it. */
const STOP_LIMIT_MS = 250;

async function start(t: TestContext) {
  const model = createScriptedModel();
  const storage = createLocalBundle();
  const app = await startApp(t, { model, registry: createSmallRegistry(), storage });
  return { model, storage, open: async () => new Talk(await app.connect()) };
}

/** Sends the frame and waits for the next terminal event, which has to come in time. */
async function stopInTime(talk: Talk, frame: object): Promise<void> {
  const sentAt = performance.now();
  talk.client.send({ type: "stop", ...frame });
  await talk.client.next(isTerminal);
  assertWithin("the end", performance.now() - sentAt, STOP_LIMIT_MS, sentAt);
}

describe("stop", () => {
  it("ends the running reply within 250 ms, keeps what was said, and reaches the model", async (t) => {
    const { model, open } = await start(t);
    const script = createPacedScript("said ", "never said");
    model.script(...script.steps);
    const talk = await open();
    const { runId } = await talk.say("speak");
    await talk.heard("said ");
    assert.equal(model.active, 1);
    await stopInTime(talk, { runId });
    await until("the model was told to stop", () => model.active === 0);
    script.finish();
    const [end, finished] = talk.events().slice(-2);
    assert.partialDeepStrictEqual(end, { type: "TEXT_MESSAGE_END", metadata: { partial: true } });
    assert.partialDeepStrictEqual(finished, { type: "RUN_FINISHED", runId, outcome: { type: "cancelled" } });
    assert.partialDeepStrictEqual(
      (await talk.history()).messages.map(({ content, metadata }) => ({
        content,
        partial: metadata.partial,
      })),
      [{ content: "speak" }, { content: "said ", partial: true }],
    );
    assert.equal((await talk.ask("again")).text, "ok");
    assert.doesNotMatch(JSON.stringify(talk.client.frames), /never said/);
  });

  it("ends a reply before its first word, which then leaves no message", async (t) => {
    const { model, open } = await start(t);
    model.script({ until: new Promise(() => undefined) }, "never said");
    const talk = await open();
    const { runId } = await talk.say("speak");
    await until("the model was asked", () => model.active === 1);
    await stopInTime(talk, {});
    assert.deepEqual(
      talk.events().map(({ type }) => type),
      ["RUN_STARTED", "RUN_FINISHED"],
    );
    assert.deepEqual(
      (await talk.history()).messages.map(({ content, metadata }) => [content, metadata.runId]),
      [["speak", runId]],
    );
  });

  it("ends the reply of a model that does not listen, drops what it still says, and goes on without it", async (t) => {
    let calls = 0;
    const spoken = Promise.withResolvers<void>();
    const deaf: ChatModelClient = {
      provider: "deaf",
      async stream(_request, onDelta) {
        calls += 1;
        onDelta(calls === 1 ? "before " : "next");
        if (calls > 1) return { source: "model", finishReason: "stop" };
        await spoken.promise;
        onDelta("after the stop");
        return new Promise(() => undefined);
      },
    };
    const app = await startApp(t, { model: deaf, registry: createSmallRegistry() });
    const talk = new Talk(await app.connect());
    await talk.say("speak");
    await talk.heard("before ");
    await stopInTime(talk, {});
    spoken.resolve();
    assert.equal((await talk.ask("and now?")).text, "next");
    assert.doesNotMatch(JSON.stringify([talk.client.frames, await talk.history()]), /after the stop/);
  });

  it("works from another tab, and both see the end", async (t) => {
    const { model, open } = await start(t);
    model.script(...createPacedScript("said ", "never").steps);
    const [talk, tab] = [await open(), await open()];
    const { conversationId, resumeToken } = await talk.join();
    await tab.join({ conversationId, resumeToken });
    const { runId } = await talk.say("speak");
    await tab.heard("said ");
    tab.client.send({ type: "stop", runId });
    assert.equal((await talk.run(runId)).outcome, "cancelled");
    assert.equal((await tab.run(runId)).outcome, "cancelled");
  });

  it("without a run ends the running reply and every waiting one, each with its own end, in order", async (t) => {
    const { model, open } = await start(t);
    model.script(...createPacedScript("said ", "never").steps);
    const talk = await open();
    const running = await talk.say("running");
    await talk.heard("said ");
    const waiting = [await talk.say("waiting 1"), await talk.say("waiting 2")];
    talk.client.send({ type: "stop" });
    for (const { runId } of [running, ...waiting]) {
      const run = await talk.run(runId);
      assert.equal(run.outcome, "cancelled");
      if (runId !== running.runId) {
        assert.deepEqual(
          run.frames.map(({ type }) => type),
          ["RUN_STARTED", "RUN_FINISHED"],
        );
      }
    }
    assert.equal(model.calls.length, 1);
    assert.equal((await talk.ask("again")).text, "ok");
  });

  it("of a waiting run lets the running one go on", async (t) => {
    const { model, open } = await start(t);
    const script = createPacedScript("running ", "reply");
    model.script(...script.steps);
    const talk = await open();
    const running = await talk.say("running");
    await talk.heard("running ");
    const waiting = await talk.say("waiting");
    const last = await talk.say("last");
    talk.client.send({ type: "stop", runId: waiting.runId });
    talk.client.send({ type: "ping" });
    await talk.custom("pong");
    script.finish();
    assert.equal((await talk.run(running.runId)).text, "running reply");
    assert.equal((await talk.run(waiting.runId)).outcome, "cancelled");
    assert.equal((await talk.run(last.runId)).text, "ok");
    assert.equal(model.calls.length, 2);
  });

  it("finds nothing to stop before, after, twice, or under a run that never was", async (t) => {
    const { model, open } = await start(t);
    const talk = await open();
    await talk.join();
    const refused = async (frame: object) => {
      talk.client.send({ type: "stop", commandId: "s", ...frame });
      assert.partialDeepStrictEqual(await talk.refused(), { code: "already_finished", commandId: "s" });
    };
    await refused({});
    const { frames } = await talk.ask("hello");
    await refused({});
    await refused({ runId: frames[0]?.runId });
    await refused({ runId: "nobody" });
    model.script(...createPacedScript("said ", "never").steps);
    await talk.say("speak");
    await talk.heard("said ");
    talk.client.send({ type: "stop" });
    await refused({});
    await talk.client.next(isTerminal);
  });

  it("does not reach into another conversation", async (t) => {
    const { model, open } = await start(t);
    const script = createPacedScript("mine ", "whole");
    model.script(...script.steps);
    const [talk, stranger] = [await open(), await open()];
    const { runId } = await talk.say("speak");
    await talk.heard("mine ");
    await stranger.join();
    stranger.client.send({ type: "stop", runId });
    assert.equal((await stranger.refused()).code, "already_finished");
    script.finish();
    assert.equal((await talk.run(runId)).text, "mine whole");
  });

  it("is not lost between the reading of the line and the start of the run", async (t) => {
    const { model, storage, open } = await start(t);
    model.script({ until: new Promise(() => undefined) }, "never said");
    const talk = await open();
    await talk.join();
    const gate = Promise.withResolvers<void>();
    // The next page is read by the queue, which then hears of it only when the test lets it.
    storage.afterNext("page", () => gate.promise);
    const { runId } = await talk.say("speak");
    talk.client.send({ type: "stop", runId });
    await until("the stop is stored", () => storage.calls.includes("cancel"));
    gate.resolve();
    assert.equal((await talk.run(runId)).outcome, "cancelled");
  });
});
