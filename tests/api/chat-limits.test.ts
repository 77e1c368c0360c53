// What a visitor may cost: messages by connection, replies at a time, and the day's budget, through the whole app.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { Talk } from "../support/conversation.ts";
import { createModelStack } from "../support/model-stack.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { until } from "../support/until.ts";

describe("a connection", () => {
  it("may send so many messages a minute, and a second one of the same visitor has its own allowance", async (t) => {
    const app = await startApp(
      t,
      { model: createScriptedModel() },
      { MESSAGES_PER_MINUTE_PER_CONNECTION: "2" },
    );
    const talk = new Talk(await app.connect());
    await talk.ask("one");
    await talk.ask("two");
    talk.client.send({ type: "message", text: "three" });
    const error = Object(await talk.custom("error"));
    assert.equal(error.code, "rate_limited");
    assert.ok(error.retryAfterMs > 0 && error.retryAfterMs <= 60_000);
    const other = new Talk(await app.connect());
    assert.equal((await other.ask("one")).text, "ok");
  });
});

describe("a visitor", () => {
  it("gets two replies at a time; the third waits, is not lost, and comes when one has ended", async (t) => {
    const model = createScriptedModel();
    const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
    for (const [index, gate] of gates.entries())
      model.script(`reply ${index} `, { until: gate.promise }, "ends");
    const app = await startApp(t, { model }, { RUNS_AT_ONCE_PER_VISITOR: "2" });
    const talks = await Promise.all(gates.map(async () => new Talk(await app.connect())));
    const said = [];
    for (const talk of talks) said.push(await talk.say("go on"));
    await until("two replies run", () => model.active === 2);
    assert.equal(model.calls.length, 2);
    gates[0]?.resolve();
    await until("the third begins", () => model.calls.length === 3);
    for (const gate of gates) gate.resolve();
    for (const [index, talk] of talks.entries()) {
      assert.equal((await talk.run(said[index]?.runId ?? "")).text, `reply ${index} ends`);
    }
  });
});

/** An OpenAI-compatible server that says one word and bills 900 tokens for it. */
async function startDearProvider(t: TestContext): Promise<{ url: string; calls: () => number }> {
  let calls = 0;
  const server: Server = createServer((_request, response) => {
    calls += 1;
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    const chunks = [
      { choices: [{ index: 0, delta: { role: "assistant", content: "Dear." }, finish_reason: null }] },
      { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
      { choices: [], usage: { prompt_tokens: 800, completion_tokens: 100, total_tokens: 900 } },
    ];
    for (const chunk of chunks) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    response.end("data: [DONE]\n\n");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  return { url: `http://127.0.0.1:${address.port}/v1`, calls: () => calls };
}

describe("the day's budget", () => {
  it("stops calling the model when it is used up; the persona goes on from its notes and says why", async (t) => {
    const provider = await startDearProvider(t);
    const { model } = createModelStack(t, {
      OPENAI_BASE_URL: provider.url,
      OPENAI_MODEL: "dear",
      DAILY_TOKEN_BUDGET: "4000",
    });
    const app = await startApp(t, { model });
    const talk = new Talk(await app.connect());
    const replies = [];
    for (let turn = 0; turn < 8; turn += 1) replies.push(await talk.ask("When were you born?"));
    const dear = replies.filter(({ text }) => text === "Dear.").length;
    assert.ok(dear > 0 && dear < 8, `${dear} of 8 came from the model`);
    assert.equal(provider.calls(), dear);
    const after = await talk.ask("Who won the football match yesterday?");
    assert.match(after.text, /used up my words for today/);
    const end = after.frames.find(({ type }) => type === "TEXT_MESSAGE_END");
    assert.deepEqual(
      [Object(end?.metadata).source, Object(end?.metadata).reason],
      ["scripted", "quota_exceeded"],
    );
    const known = replies.at(-1);
    assert.match(known?.text ?? "", /1815/);
    assert.equal(
      Object(known?.frames.find(({ type }) => type === "TEXT_MESSAGE_END")?.metadata).source,
      "offline",
    );
  });
});
