// What health and readiness say: of an idle process, a busy one, a degraded one and one that stops.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import { json } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { createPersonaRegistry } from "#app/services/chatbot/persona-registry.ts";
import { Talk } from "../support/conversation.ts";
import { GOOD_PERSONA, writeDataFolder } from "../support/data-folder.ts";
import { createPacedScript } from "../support/paced-model.ts";
import { type RunningApp, startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { openRefused } from "../support/socket-client.ts";

async function health(app: RunningApp, path = "/health"): Promise<[number, unknown]> {
  const response = await fetch(`${app.url}${path}`);
  assert.equal(response.headers.get("cache-control"), "no-store");
  return [response.status, await response.json()];
}

/** Over one connection that stays open: a drain refuses new ones in the end, and this one must still be answered. */
function keptAlive(t: TestContext, app: RunningApp) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  return (path: string): Promise<[number, unknown]> =>
    new Promise((resolve, reject) => {
      get(`${app.url}${path}`, { agent }, (response) => {
        json(response).then((body) => resolve([response.statusCode ?? 0, body]), reject);
      }).on("error", reject);
    });
}

describe("health", () => {
  it("says what the process is made of and how busy it is", async (t) => {
    const model = createScriptedModel();
    const app = await startApp(t, { model, registry: createSmallRegistry() });
    const idle = { status: "ok", storage: "memory", model: "scripted", connections: 0, running: 0 };
    for (const path of ["/health", "/health/ready"]) {
      const [status, body] = await health(app, path);
      assert.equal(status, 200);
      assert.partialDeepStrictEqual(body, { ...idle, personaProblems: 0 });
    }
    const script = createPacedScript("a", "b");
    model.script(...script.steps);
    const talk = new Talk(await app.connect());
    const { runId } = await talk.say("speak");
    await talk.heard("a");
    assert.partialDeepStrictEqual((await health(app))[1], { connections: 1, running: 1 });
    script.finish();
    await talk.run(runId);
  });

  it("says the same below the API's prefix, with the version of the package", async (t) => {
    const app = await startApp(t, { model: createScriptedModel(), registry: createSmallRegistry() });
    const [ready, same] = [await health(app, "/health/ready"), await health(app, "/api/v1/health/status")];
    assert.deepEqual(same, ready);
    const { version } = Object(JSON.parse(await readFile("package.json", "utf8")));
    assert.match(version, /^\d+\.\d+\.\d+/);
    assert.deepEqual(same, [
      200,
      {
        status: "ok",
        version,
        storage: "memory",
        model: "scripted",
        connections: 0,
        running: 0,
        personaProblems: 0,
      },
    ]);
  });

  it("is degraded, and still ready, where a persona had to be left out", async (t) => {
    const dataDir = await writeDataFolder(t, {
      "persona.md": GOOD_PERSONA,
      "personas/broken.md": "---\nname: [\n---\n# Identity\nx",
    });
    const app = await startApp(t, {}, { DATA_DIR: dataDir });
    const [status, body] = await health(app, "/health/ready");
    assert.equal(status, 200);
    assert.partialDeepStrictEqual(body, { status: "degraded" });
    assert.equal(app.log.named("persona_rejected").length, 1);
    assert.equal((await new Talk(await app.connect()).ask("When were they published?")).outcome, "success");
  });

  it("is not degraded by a mere warning", async (t) => {
    const registry = createSmallRegistry();
    const warned = createPersonaRegistry({
      main: registry.main(),
      personas: new Map(),
      objects: new Map(),
      notes: [],
      problems: [{ path: "a.md", line: 1, column: 1, severity: "warning", rule: "r", message: "m" }],
    });
    const app = await startApp(t, { registry: warned });
    assert.partialDeepStrictEqual((await health(app))[1], { status: "ok", personaProblems: 1 });
  });

  it("is alive and not ready while the app drains; new sockets are refused, the reply goes on", async (t) => {
    const model = createScriptedModel();
    const app = await startApp(t, { model, registry: createSmallRegistry() });
    const ask = keptAlive(t, app);
    assert.equal((await ask("/health/ready"))[0], 200);
    const script = createPacedScript("before ", "after");
    model.script(...script.steps);
    const talk = new Talk(await app.connect());
    const { runId } = await talk.say("speak");
    await talk.heard("before ");
    const closed = app.close(10_000);
    await talk.custom("draining");
    assert.partialDeepStrictEqual(await ask("/health"), [200, { status: "draining" }]);
    assert.partialDeepStrictEqual(await ask("/health/ready"), [503, { status: "draining" }]);
    const refusal = await openRefused(`ws://127.0.0.1:${app.port}/api/v1/chat/ws`);
    assert.equal(refusal.status, 503);
    assert.match(refusal.body, /"draining"/);
    assert.ok(Number(refusal.headers["retry-after"]) >= 1);
    script.finish();
    assert.equal((await talk.run(runId)).text, "before after");
    assert.equal((await talk.client.closed).code, 1012);
    await closed;
  });
});
