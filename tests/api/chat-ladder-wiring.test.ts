// The model as app.ts itself opens it, from the environment alone: the process's one client, the fallback model below it,
// and purses that two apps on one Redis share. One file, because a process has one client of the model.

import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { Talk } from "../support/conversation.ts";
import { say } from "../support/provider-chunks.ts";
import { RedisServer } from "../support/redis-server.ts";
import { startApp } from "../support/running-app.ts";
import { type ScriptableProvider, startScriptableProvider } from "../support/scriptable-provider.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

const DEAR = { steps: [say.content("Dear."), say.STOP, say.usage(100, 600), say.DONE] };

let provider: ScriptableProvider;
let substitute: ScriptableProvider;
let redis: RedisServer;
before(async () => {
  [provider, substitute, redis] = await Promise.all([
    startScriptableProvider(),
    startScriptableProvider(),
    RedisServer.start(),
  ]);
});
after(() => Promise.all([provider.close(), substitute.close(), redis[Symbol.asyncDispose]()]));

const env = () => ({
  OPENAI_BASE_URL: `${provider.origin}/v1`,
  OPENAI_MODEL: "first",
  FALLBACK_OPENAI_BASE_URL: `${substitute.origin}/v1`,
  FALLBACK_OPENAI_MODEL: "second",
  FALLBACK_LLM_PRICE_PER_MILLION_OUTPUT_TOKENS: "2",
  RETRY_MAX_ATTEMPTS: "1",
});

it("an app of the environment answers from its fallback model, logs the step and counts it", async (t) => {
  provider.reply({ status: 503 });
  substitute.reply({ steps: say.answer("From ", "the second.") });
  const app = await startApp(t, { registry: createSmallRegistry() }, env());
  const run = await new Talk(await app.connect()).ask("When were you born?");
  assert.equal(run.text, "From the second.");
  const end = run.frames.find(({ type }) => type === "TEXT_MESSAGE_END");
  assert.partialDeepStrictEqual(end?.metadata, { source: "fallback-model", reason: "llm_unavailable" });
  assert.deepEqual(
    app.log.named("llm_manager_initialized").map(({ fields }) => [fields.provider, fields.model]),
    [
      ["openai", "first"],
      ["fallback", "second"],
    ],
  );
  const [step] = app.log.named("llm_ladder_step");
  assert.partialDeepStrictEqual(step?.fields, {
    from: "model",
    to: "fallback-model",
    code: "llm_unavailable",
  });
  assert.match(String(step?.fields.conversationId), /^[\w-]{22,64}$/);
  const metrics = await (await fetch(`${app.url}/metrics`)).text();
  assert.match(metrics, /parley_ladder_steps_total\{source="fallback-model",reason="llm_unavailable"\} 1/);
  assert.match(metrics, /parley_cost_total\{model="second"\} 0\.000004/);
});

it("two apps on one Redis spend from one purse, also when they ask at the same moment", async (t) => {
  provider.reply(DEAR);
  const purse = { ...env(), REDIS_URL: redis.url, VISITOR_DAILY_TOKEN_BUDGET: "2500" };
  const apps = await Promise.all([0, 1].map(() => startApp(t, { registry: createSmallRegistry() }, purse)));
  const asked = provider.requests.length;
  const talks = await Promise.all(
    [...apps, ...apps, ...apps].map(async (app) => new Talk(await app.connect())),
  );
  const outcomes = [];
  for (let round = 0; round < 2; round += 1)
    outcomes.push(...(await Promise.all(talks.map((talk) => talk.ask("When were you born?")))));
  const reasons = outcomes.map(({ frames }) => {
    const end = frames.find(({ type }) => type === "TEXT_MESSAGE_END");
    return Object(end?.metadata).reason;
  });
  const answered = provider.requests.length - asked;
  // A bill is 700, which is less than the worst case that is taken first: three fit, a fourth never does.
  assert.ok(answered > 0 && answered <= 3, `${answered} calls`);
  assert.equal(reasons.filter((reason) => reason === undefined).length, answered);
  assert.equal(reasons.filter((reason) => reason === "quota_exceeded").length, 12 - answered);
});
