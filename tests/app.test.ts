// The whole app built in this process: what it starts with, and how it stops.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { buildApp } from "#app/app.ts";
import { parseConfig } from "#app/core/config.ts";
import { PersonaLibraryError } from "#app/services/chatbot/persona-library.ts";
import { Talk } from "./support/conversation.ts";
import { writeDataFolder } from "./support/data-folder.ts";
import { createPacedScript } from "./support/paced-model.ts";
import { createRecordingLogger } from "./support/recording-logger.ts";
import { RedisServer } from "./support/redis-server.ts";
import { startApp } from "./support/running-app.ts";
import { createScriptedModel } from "./support/scripted-model.ts";
import { createSmallRegistry } from "./support/small-registry.ts";
import { until } from "./support/until.ts";

const ENVIRONMENT = { HOST: "127.0.0.1", PORT: "0", ENVIRONMENT: "test" };

describe("the app", () => {
  it("refuses to be built without its main persona, and says where the fault is", async (t) => {
    const dataDir = await writeDataFolder(t, { "persona.md": "---\nname: [\n---\n" });
    const config = parseConfig({ ...ENVIRONMENT, DATA_DIR: dataDir });
    await assert.rejects(buildApp(config, { logger: createRecordingLogger() }), (error) => {
      assert.ok(error instanceof PersonaLibraryError);
      assert.match(error.message, /persona\.md:\d+:\d+: error \[/);
      return true;
    });
  });

  it("leaves no connection to Redis open where it cannot be built", async (t) => {
    await using redis = await RedisServer.start();
    const dataDir = await writeDataFolder(t, {});
    const config = parseConfig({ ...ENVIRONMENT, DATA_DIR: dataDir, REDIS_URL: redis.url });
    const logger = createRecordingLogger();
    await assert.rejects(buildApp(config, { logger }), PersonaLibraryError);
    assert.equal(logger.named("redis_memory_initialized").length, 1);
    const clients = await redis.command("CLIENT", "LIST");
    assert.ok(!clients.includes("name=parley"), clients);
  });

  it("can be built and closed without ever listening", async () => {
    const logger = createRecordingLogger();
    const app = await buildApp(parseConfig(ENVIRONMENT), { logger, registry: createSmallRegistry() });
    await app.close();
    assert.equal(logger.named("application_stopped").length, 1);
  });

  it("listens on a free port and says under which address", async (t) => {
    const app = await buildApp(parseConfig(ENVIRONMENT), {
      logger: createRecordingLogger(),
      registry: createSmallRegistry(),
    });
    t.after(() => app.close(0));
    const { url, port } = await app.listen();
    assert.equal(url, `http://127.0.0.1:${port}/`);
    assert.equal((await fetch(`${url}health`)).status, 200);
  });

  it("rejects where its port is taken, and can still be closed", async (t) => {
    const first = await startApp(t, { registry: createSmallRegistry() });
    const second = await buildApp(parseConfig({ ...ENVIRONMENT, PORT: String(first.port) }), {
      logger: createRecordingLogger(),
      registry: createSmallRegistry(),
    });
    await assert.rejects(second.listen(), /EADDRINUSE/);
    await second.close(0);
  });
});

describe("closing the app", () => {
  it("lets running and waiting replies finish, tells the clients, and closes them with 1012", async (t) => {
    const model = createScriptedModel();
    const app = await startApp(t, { model, registry: createSmallRegistry() });
    const script = createPacedScript("before ", "after");
    model.script(...script.steps);
    const talk = new Talk(await app.connect());
    const idle = new Talk(await app.connect());
    const running = await talk.say("running");
    await talk.heard("before ");
    const waiting = await talk.say("waiting");
    const closed = app.close(10_000);
    for (const each of [talk, idle]) {
      const { reconnectInMs } = JSON.parse(JSON.stringify(await each.custom("draining")));
      assert.ok(reconnectInMs >= 0 && reconnectInMs <= 5_000);
    }
    script.finish();
    assert.equal((await talk.run(running.runId)).text, "before after");
    assert.equal((await talk.run(waiting.runId)).outcome, "success");
    assert.equal((await talk.client.closed).code, 1012);
    assert.equal((await idle.client.closed).code, 1012);
    await closed;
    await assert.rejects(fetch(`${app.url}/health`));
  });

  it("happens once, however often it is asked for", async (t) => {
    const app = await startApp(t, { registry: createSmallRegistry() });
    await Promise.all([app.close(0), app.close(0), app.close(10_000)]);
    assert.equal(app.log.named("draining").length, 1);
    assert.equal(app.log.named("application_stopped").length, 1);
  });

  it("ends what has not finished in time as interrupted, with what was said, and every waiting one too", async (t) => {
    const model = createScriptedModel();
    const app = await startApp(t, { model, registry: createSmallRegistry() });
    model.script(...createPacedScript("said ", "never").steps);
    const talk = new Talk(await app.connect());
    const running = await talk.say("running");
    await talk.heard("said ");
    const waiting = await talk.say("waiting");
    const closed = app.close(50);
    const cut = await talk.run(running.runId);
    assert.deepEqual([cut.outcome, cut.text], ["run_interrupted", "said "]);
    assert.equal((await talk.run(waiting.runId)).outcome, "run_interrupted");
    assert.equal((await talk.client.closed).code, 1012);
    await closed;
    assert.equal(model.active, 0);
  });

  it("also ends in time what a client only begins while the app drains", async (t) => {
    const model = createScriptedModel();
    const app = await startApp(t, { model, registry: createSmallRegistry() });
    const hangs = { until: new Promise(() => undefined) };
    model.script("one ", hangs);
    model.script("two ", hangs);
    model.script("three ", hangs);
    const [talk, late] = [new Talk(await app.connect()), new Talk(await app.connect())];
    await talk.say("running");
    await talk.heard("one ");
    // Room for what a client still says, on a loaded machine too.
    const closed = app.close(2_000);
    await late.custom("draining");
    const posted = fetch(`${app.url}/api/v1/chat`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"message":"posted late"}',
    });
    const { runId } = await late.say("late");
    assert.equal((await late.run(runId)).outcome, "run_interrupted");
    assert.equal((await late.client.closed).code, 1012);
    await (await posted).text();
    await closed;
    await until("no model call is left", () => model.active === 0);
  });
});
