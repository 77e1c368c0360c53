// Coming back with a position: what was missed, whole and once, wherever the reply was left.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type Joined, Talk } from "../support/conversation.ts";
import { createLocalBundle } from "../support/local-bundle.ts";
import { createPacedScript, type PacedScript } from "../support/paced-model.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import type { Frame } from "../support/socket-client.ts";
import { joinDeltas } from "../support/wire-invariants.ts";

async function start(t: TestContext, maxEvents?: number) {
  const model = createScriptedModel();
  const storage = createLocalBundle(maxEvents);
  const app = await startApp(t, { model, registry: createSmallRegistry(), storage });
  return { app, model, open: async () => new Talk(await app.connect()) };
}

/** Says the script's pieces, each in a frame of its own, up to and with the one numbered `last`. */
async function sayUpTo(talk: Talk, script: PacedScript, last: number): Promise<void> {
  for (let piece = 1; piece <= last; piece += 1) {
    script.advance();
    await talk.heard(script.pieces.slice(0, piece + 1).join(""));
  }
}

const PIECES = ["zero ", "one ", "two ", "three ", "four ", "five ", "six ", "seven"];

describe("resuming a reply", () => {
  it("gives everything after the position, from every position, during the reply and after it", async (t) => {
    const { model, open } = await start(t);
    const script = createPacedScript(...PIECES);
    model.script("earlier");
    model.script(...script.steps);
    const talk = await open();
    const { conversationId, resumeToken, epoch } = await talk.join();
    await talk.ask("before");
    const { runId } = await talk.say("count");
    await talk.heard("zero ");
    await sayUpTo(talk, script, 4);

    const reached = talk.events().length;
    const resume = async (after: number) => {
      const reader = await open();
      const joined = await reader.join({ conversationId, resumeToken, epoch, after });
      assert.equal(joined.recovered, true, `after ${after}`);
      return { after, reader };
    };
    const during = await Promise.all(Array.from({ length: reached + 1 }, (_, after) => resume(after)));
    script.finish();
    await talk.run(runId);
    const whole = talk.events().map((frame) => JSON.stringify(frame));
    const after = await Promise.all(Array.from({ length: whole.length + 1 }, (_, from) => resume(from)));
    for (const { after: from, reader } of [...during, ...after]) {
      if (from < whole.length) await reader.run(runId);
      else await reader.custom("replayed");
      const got = reader.events().map((frame) => JSON.stringify(frame));
      assert.deepEqual(got, whole.slice(from), `from ${from}`);
      assert.equal(
        reader.client.frames.some(({ type }) => type === "MESSAGES_SNAPSHOT"),
        false,
      );
    }
  });

  it("goes on where a client was cut off again and again, byte for byte", async (t) => {
    const { model, open } = await start(t);
    const script = createPacedScript(...PIECES);
    model.script(...script.steps);
    const watcher = await open();
    const { conversationId, resumeToken, epoch } = await watcher.join();
    const { runId } = await watcher.say("count");
    const kept: Frame[] = [];
    for (let piece = 1; piece < PIECES.length; piece += 1) {
      const reader = await open();
      await reader.join({ conversationId, resumeToken, epoch, after: kept.length });
      await watcher.heard(PIECES.slice(0, piece).join(""));
      await reader.client.next(({ type }) => type === "TEXT_MESSAGE_CONTENT");
      reader.client.terminate();
      await reader.client.closed;
      kept.push(...reader.events());
      script.advance();
    }
    const run = await watcher.run(runId);
    const last = await open();
    await last.join({ conversationId, resumeToken, epoch, after: kept.length });
    await last.run(runId);
    kept.push(...last.events());
    assert.deepEqual(kept, watcher.events());
    assert.equal(joinDeltas(kept), run.text);
    assert.equal(run.text, PIECES.join(""));
  });

  it("goes on without any reader, and the reader that comes back gets all of it", async (t) => {
    const { model, open } = await start(t);
    const script = createPacedScript(...PIECES);
    model.script(...script.steps);
    const talk = await open();
    const { conversationId, resumeToken, epoch } = await talk.join();
    const { runId } = await talk.say("count");
    await talk.heard("zero ");
    talk.client.terminate();
    await talk.client.closed;
    const seen = talk.events().length;
    script.finish();
    const back = await open();
    await back.join({ conversationId, resumeToken, epoch, after: seen });
    await back.client.next((frame) => frame.type === "RUN_FINISHED" && frame.runId === runId);
    assert.equal(joinDeltas([...talk.events(), ...back.events()]), script.text);
    assert.equal((await back.history()).messages[1]?.content, script.text);
  });
});

describe("a position that cannot be continued", () => {
  const asWhole = async (talk: Talk, joined: Joined): Promise<void> => {
    assert.equal(joined.recovered, false);
    const { messages } = await talk.snapshot();
    assert.deepEqual(
      messages.map(({ content }) => content),
      ["first", "ok", "second", "ok"],
    );
    assert.deepEqual(await talk.custom("replayed"), { lastSeq: joined.lastSeq });
    assert.deepEqual(talk.events(), []);
  };

  for (const [what, change] of [
    ["of another epoch", () => ({ epoch: "another", after: 3 })],
    ["above the end", ({ lastSeq }: Joined) => ({ after: lastSeq + 1 })],
    ["far above it", () => ({ after: Number.MAX_SAFE_INTEGER })],
  ] as const) {
    it(`${what} gets a whole snapshot, never a part`, async (t) => {
      const { open } = await start(t);
      const talk = await open();
      const { conversationId, resumeToken } = await talk.join();
      await talk.ask("first");
      await talk.ask("second");
      const back = await open();
      const now = await back.join({ conversationId, resumeToken });
      const joined = await back.join({
        conversationId,
        resumeToken,
        epoch: now.epoch,
        ...change(now),
      });
      await back.snapshot();
      await back.custom("replayed");
      await asWhole(back, joined);
    });
  }

  it("below what the log still keeps gets a whole snapshot", async (t) => {
    const { open } = await start(t, 4);
    const talk = await open();
    const { conversationId, resumeToken, epoch } = await talk.join();
    await talk.ask("first");
    await talk.ask("second");
    const back = await open();
    await asWhole(back, await back.join({ conversationId, resumeToken, epoch, after: 1 }));
  });

  it("does not exist in a running reply, however short the log is kept", async (t) => {
    const { model, open } = await start(t, 3);
    const script = createPacedScript(...PIECES);
    model.script(...script.steps);
    const talk = await open();
    const { conversationId, resumeToken, epoch } = await talk.join();
    const { runId } = await talk.say("count");
    await talk.heard("zero ");
    await sayUpTo(talk, script, 6);
    const back = await open();
    const joined = await back.join({ conversationId, resumeToken, epoch, after: 0 });
    assert.equal(joined.recovered, true);
    script.finish();
    assert.deepEqual(await back.run(runId), await talk.run(runId));
  });

  it("is not a client's first position either, where messages came to wait before the reply began", async (t) => {
    // All three are stored before the lease is had: two of them are announced ahead of the first one's RUN_STARTED.
    const gate = Promise.withResolvers<void>();
    const model = createScriptedModel();
    const storage = createLocalBundle(3);
    storage.beforeNext("acquire", () => gate.promise);
    const app = await startApp(t, { model, registry: createSmallRegistry(), storage });
    const script = createPacedScript(...PIECES);
    model.script(...script.steps);
    const talk = new Talk(await app.connect());
    const { conversationId, resumeToken } = await talk.join();
    const { runId } = await talk.say("count");
    await talk.say("second");
    await talk.say("third");
    gate.resolve();
    await talk.heard("zero ");
    await sayUpTo(talk, script, 6);
    const late = new Talk(await app.connect());
    await late.join({ conversationId, resumeToken });
    await late.custom("replayed");
    script.finish();
    assert.equal((await late.run(runId)).text, script.text);
    assert.equal(late.client.frames.filter(({ name }) => name === "joined").length, 1);
  });
});

describe("a log that is lost", () => {
  it("ends the connection where not even a snapshot can be continued, and nobody else's", async (t) => {
    const real = createLocalBundle();
    const lost = { ...real, log: { ...real.log, read: () => Promise.resolve(undefined) } };
    const model = createScriptedModel();
    const app = await startApp(t, { model, registry: createSmallRegistry(), storage: lost });
    const bystander = new Talk(await app.connect());
    const talk = new Talk(await app.connect());
    await talk.join();
    assert.equal((await talk.client.closed).code, 1011);
    assert.equal(talk.client.frames.filter(({ name }) => name === "joined").length, 2);
    bystander.client.send({ type: "ping" });
    await bystander.custom("pong");
  });
});

describe("two tabs", () => {
  it("see the same bytes", async (t) => {
    const { model, open } = await start(t);
    model.script("Ş", "ı", "😀", " and more");
    const first = await open();
    const { conversationId, resumeToken } = await first.join();
    const second = await open();
    await second.join({ conversationId, resumeToken });
    const { runId } = await first.say("hello");
    await Promise.all([first.run(runId), second.run(runId)]);
    assert.equal(JSON.stringify(first.events()), JSON.stringify(second.events()));
    assert.ok(first.events().length >= 5);
  });
});
