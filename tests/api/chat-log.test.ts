// What the log says of a conversation: who and how long, never what was said.

import assert from "node:assert/strict";
import { it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { Talk } from "../support/conversation.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { until } from "../support/until.ts";

it("the log holds no word, no token and no prompt, and names the connection, the conversation and the run", async (t) => {
  const model = createScriptedModel();
  const app = await startApp(t, { model, registry: createSmallRegistry() });
  const talk = new Talk(await app.connect());
  const { conversationId, resumeToken = assert.fail("no token") } = await talk.join();
  model.script("spoken-marker");
  const answered = await talk.say("asked-marker", { id: "m1" });
  await talk.run(answered.runId);
  model.script("half ", { fail: new AppError("llm_unavailable") });
  const failed = await talk.say("asked-marker again");
  await talk.run(failed.runId);
  const refused = [
    { type: "message", id: "m1", text: "other-marker" },
    { type: "message", text: "long-marker".repeat(500) },
    { type: "join", conversationId, resumeToken: `wrong-marker-${"x".repeat(22)}` },
    { type: "ping", secret: "field-marker" },
  ];
  for (const frame of refused) {
    talk.client.send(frame);
    await talk.refused();
  }
  talk.client.send("text-marker");
  await talk.refused();
  await fetch(`${app.url}/api/v1/chat`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ message: "posted-marker", conversationId, resumeToken }),
  });
  await talk.client.close();
  await until("its end is logged", () => app.log.named("websocket_disconnected").length === 1);

  const whole = app.log.lines.map((line) => JSON.stringify(line, errorsToo)).join("\n");
  assert.doesNotMatch(whole, /marker/);
  assert.equal(whole.includes(resumeToken), false);
  assert.doesNotMatch(whole, /IDENTITY-TEXT|RULES-TEXT|NEVER-TEXT/);

  const ofRuns = app.log.named("run_finished").map(({ fields, level }) => [fields.runId, level]);
  assert.deepEqual(ofRuns.slice(0, 2), [
    [answered.runId, "info"],
    [failed.runId, "warn"],
  ]);
  for (const { fields } of app.log.named("run_finished")) {
    assert.equal(fields.conversationId, conversationId);
    assert.equal(typeof fields.totalMs, "number");
  }
  const ids = new Set(
    ["websocket_connected", "frame_refused", "websocket_disconnected"].flatMap((event) =>
      app.log.named(event).map(({ fields }) => fields.connectionId),
    ),
  );
  assert.equal(ids.size, 1);
  assert.equal(app.log.named("frame_refused").length, refused.length + 1);
  for (const { fields } of app.log.named("frame_refused")) assert.equal(typeof fields.requestId, "string");
});

/** Errors have no JSON of their own, but a logger shows them. */
function errorsToo(_key: string, value: unknown): unknown {
  return value instanceof Error ? { message: value.message, stack: value.stack, cause: value.cause } : value;
}
