// More visitors at once than the model may be asked for, under the whole app as the environment builds it. One app in this
// file, because a process has one client of its model.

import assert from "node:assert/strict";
import { it } from "node:test";
import { isTerminal, type SeenRun, Talk } from "../support/conversation.ts";
import { assertWithin } from "../support/held-up.ts";
import { parseMetrics } from "../support/metrics-text.ts";
import { say } from "../support/provider-chunks.ts";
import { startApp } from "../support/running-app.ts";
import { startScriptableProvider } from "../support/scriptable-provider.ts";
import { createSmallRegistry } from "../support/small-registry.ts";

const QUESTION = "When were you born?";
/** From `stop` to the run's end, as the client sees it. */
const STOP_LIMIT_MS = 250;

function originOf({ frames }: SeenRun) {
  const { source, reason } = Object(frames.find(({ type }) => type === "TEXT_MESSAGE_END")?.metadata);
  return [source, reason];
}

it("two calls at once: two more wait and are answered by the model, a fifth visitor at once by the persona", async (t) => {
  await using provider = await startScriptableProvider();
  const gate = Promise.withResolvers<void>();
  provider.reply({
    steps: [say.ROLE, say.content("In "), { until: gate.promise }, say.content("1815."), say.STOP],
  });
  const env = { OPENAI_BASE_URL: `${provider.origin}/v1`, LLM_CALLS_AT_ONCE: "2" };
  const app = await startApp(t, { registry: createSmallRegistry() }, env);
  const scrape = async () => parseMetrics(await (await fetch(`${app.url}/metrics`)).text());
  const calls = async (state: string) =>
    (await scrape()).value("parley_llm_calls", { circuit: "llm", state });
  const waiting = async (count: number) => {
    const deadline = performance.now() + 15_000;
    while ((await calls("waiting")) !== count)
      assert.ok(performance.now() < deadline, `never ${count} in line`);
  };
  const begin = async () => {
    const talk = new Talk(await app.connect());
    const { runId } = await talk.say(QUESTION);
    return { talk, runId };
  };

  const speaking = [await begin(), await begin()];
  for (const { talk } of speaking) await talk.heard("In ");
  const inLine = await begin();
  await waiting(1);
  const leaver = await begin();
  await waiting(2);

  const fifth = await new Talk(await app.connect()).ask(QUESTION);
  assert.deepEqual(originOf(fifth), ["offline", "llm_unavailable"]);
  assert.deepEqual([fifth.outcome, await calls("running"), await calls("waiting")], ["success", 2, 2]);

  const stoppedAt = performance.now();
  leaver.talk.client.send({ type: "stop", runId: leaver.runId });
  const end = await leaver.talk.client.next(isTerminal);
  assertWithin("the end", performance.now() - stoppedAt, STOP_LIMIT_MS, stoppedAt);
  assert.partialDeepStrictEqual(end, { type: "RUN_FINISHED", outcome: { type: "cancelled" } });
  assert.equal(await calls("waiting"), 1);

  const late = await begin();
  await waiting(2);
  gate.resolve();
  for (const { talk, runId } of [...speaking, inLine, late]) {
    const run = await talk.run(runId);
    assert.deepEqual([run.text, run.outcome, ...originOf(run)], ["In 1815.", "success", "model", undefined]);
  }
  assert.equal(provider.requests.length, 4);
  const scraped = await scrape();
  assert.equal(scraped.value("parley_limits_total", { limit: "llm-calls" }), 1);
  assert.equal(scraped.value("parley_circuit_state", { circuit: "llm" }), 0);
  assert.deepEqual([await calls("running"), await calls("waiting")], [0, 0]);
});
