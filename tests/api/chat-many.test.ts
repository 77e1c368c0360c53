// Many conversations at once: nothing of one reaches another, and nothing is left when their clients are gone.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { z } from "zod";
import type { ChatModelClient } from "#app/services/llm/client.ts";
import { Talk } from "../support/conversation.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { type RunningApp, startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { until } from "../support/until.ts";

/** Repeats the marker of the visitor's message, and every marker of the history it is shown, word by word. */
function createEchoModel(): ChatModelClient {
  return {
    provider: "echo",
    async stream({ messages }, onDelta, signal) {
      const markers = messages.flatMap(({ role, content }) =>
        role === "system" ? [] : (content.match(/marker-\d+/g) ?? []),
      );
      for (const marker of markers) {
        signal.throwIfAborted();
        onDelta(`${marker} `);
        await turn();
      }
      return { source: "model", finishReason: "stop" };
    },
  };
}

const healthSchema = z.object({ connections: z.int(), running: z.int() });

async function health(app: RunningApp) {
  return healthSchema.parse(await (await fetch(`${app.url}/health`)).json());
}

describe("many conversations", () => {
  it("of 50 clients at once are all answered, and none hears another's words", async (t) => {
    const app = await startApp(t, { model: createEchoModel(), registry: createSmallRegistry() });
    const talks = await Promise.all(Array.from({ length: 50 }, async () => new Talk(await app.connect())));
    await Promise.all(
      talks.map(async (talk, index) => {
        for (let round = 0; round < 3; round += 1) {
          const run = await talk.ask(`marker-${index}`);
          assert.equal(run.outcome, "success");
          assert.deepEqual(new Set(run.text.trim().split(" ")), new Set([`marker-${index}`]));
        }
        const said = JSON.stringify(talk.client.frames).match(/marker-\d+/g) ?? [];
        assert.deepEqual(new Set(said), new Set([`marker-${index}`]));
      }),
    );
    assert.deepEqual(await health(app), { connections: 50, running: 0 });
  });

  it("do not mix on one socket that changes between them in mid-reply", async (t) => {
    const model = createScriptedModel();
    const app = await startApp(t, { model, registry: createSmallRegistry() });
    const [left, right] = [createPacedScript("left ", "left"), createPacedScript("right ", "right")];
    model.script(...left.steps);
    model.script(...right.steps);
    const talk = new Talk(await app.connect());
    const first = await talk.join();
    const one = await talk.say("one");
    await talk.heard("left ");
    await talk.join();
    const two = await talk.say("two");
    await talk.heard("right ");
    left.finish();
    right.finish();
    assert.equal((await talk.run(two.runId)).text, "right right");
    const { conversationId, resumeToken } = first;
    await talk.join({ conversationId, resumeToken });
    await talk.custom("replayed");
    const { messages } = await talk.history();
    assert.deepEqual(
      messages.map(({ content, metadata }) => [content, metadata.runId]),
      [
        ["one", one.runId],
        ["left left", one.runId],
      ],
    );
  });

  it("leave nothing behind when their clients go, politely or not", async (t) => {
    const model = createScriptedModel();
    const app = await startApp(t, { model, registry: createSmallRegistry() });
    const handles = () => process.getActiveResourcesInfo().filter((kind) => kind !== "Immediate").length;
    await new Talk(await app.connect()).ask("warm up");
    await (await app.connect()).close();
    await until("one connection", () => app.log.named("websocket_disconnected").length === 1);
    const before = handles();
    for (let round = 0; round < 5; round += 1) {
      const talks = await Promise.all(Array.from({ length: 20 }, async () => new Talk(await app.connect())));
      await Promise.all(talks.map((talk) => talk.ask("hello")));
      await Promise.all(
        talks.map(({ client }, index) => {
          if (index % 2 === 0) return client.close();
          client.terminate();
          return client.closed;
        }),
      );
    }
    await until("all are gone", () => app.log.named("websocket_disconnected").length === 101);
    assert.deepEqual(await health(app), { connections: 1, running: 0 });
    await until("handles are back", () => handles() <= before + 2);
    assert.deepEqual(
      app.log.lines.filter(({ level }) => level === "error" || level === "warn"),
      [],
    );
  });

  it("end by themselves when their clients are gone before the reply is", async (t) => {
    const model = createScriptedModel();
    const app = await startApp(t, { model, registry: createSmallRegistry() });
    const scripts = Array.from({ length: 10 }, () => createPacedScript("first ", "second"));
    for (const script of scripts) model.script(...script.steps);
    const talks = await Promise.all(scripts.map(async () => new Talk(await app.connect())));
    await Promise.all(
      talks.map(async (talk) => {
        await talk.say("speak");
        await talk.heard("first ");
        talk.client.terminate();
        await talk.client.closed;
      }),
    );
    assert.equal((await health(app)).running, 10);
    for (const script of scripts) script.finish();
    await until("all have ended", () => app.log.named("run_finished").length === 10);
    for (const { fields } of app.log.named("run_finished")) assert.equal(fields.outcome, "success");
    while ((await health(app)).running > 0) await turn();
  });
});
