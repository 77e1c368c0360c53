// Two hundred conversations over a provider that nobody here wrote, aimock, while its chaos options drop, garble, refuse
// and disconnect, and some of its streams break off: whatever it does, every run ends once, and says whose words it had.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LLMock } from "@copilotkit/aimock";
import { parseMetrics } from "../support/metrics-text.ts";
import { until } from "../support/until.ts";
import { assertUnharmed } from "./accounts-of-runs.ts";
import { Instance } from "./instance.ts";
import { markQuestion } from "./marked-questions.ts";
import { QUESTION, SPOKEN } from "./seen-answers.ts";
import { type WatchedRun, watchRun } from "./watched-run.ts";

const CONVERSATIONS = 200;
const AT_ONCE = 40;
/** Of all requests: two thirds meet one of them, each draw among those that the one before has left. */
const CHAOS = { dropRate: 0.2, malformedRate: 0.2, rateLimitRate: 0.2, disconnectRate: 0.2 };
const SUBSTITUTE = "I was born in the year 1815; I am only the substitute. 😀";
/** A question that is marked so is answered by a stream that breaks off. */
const BROKEN = 1;
const EVERY_END = ["model whole", "model cut", "fallback-model whole", "offline whole"];
const NOTES = "I was born on 10 December 1815 in London.";

async function startMock(content: string): Promise<LLMock & AsyncDisposable> {
  const mock = new LLMock({ port: 0 });
  const isBroken = new RegExp(`${markQuestion("", BROKEN).trim().replaceAll(".", "\\.")}$`);
  mock.onMessage(isBroken, { content }, { chunkSize: 4, latency: 5, truncateAfterChunks: 5 });
  mock.onMessage(/./, { content }, { chunkSize: 4, latency: 5 });
  await mock.start();
  mock.setChaos(CHAOS);
  return Object.assign(mock, { [Symbol.asyncDispose]: () => mock.stop() });
}

/** Whose words they may be, and where they may end. */
function assertHonest({ seen: { text, outcome, source, reason, partial } }: WatchedRun): void {
  const whole = { model: SPOKEN, "fallback-model": SUBSTITUTE, offline: NOTES }[source ?? ""];
  assert.ok(whole !== undefined, `words of ${source}`);
  assert.equal(reason !== undefined, source !== "model", "a degraded answer says why, and only that");
  if (outcome === "success") assert.deepEqual([text, partial], [whole, undefined]);
  else {
    assert.equal(outcome, "llm_unavailable");
    assert.ok(
      partial && whole.startsWith(text) && text !== whole,
      "what was said of one text, and no other's",
    );
  }
}

describe("aimock with its chaos options", () => {
  for (const [breakers, threshold] of [
    ["no breaker in the way", "1000"],
    ["the breakers at work", "5"],
  ] as const)
    it(`leaves no run without exactly one end, and no answer unmarked, with ${breakers}`, async (t) => {
      await using model = await startMock(SPOKEN);
      await using fallback = await startMock(SUBSTITUTE);
      await using instance = await Instance.start({
        OPENAI_BASE_URL: `${model.url}/v1`,
        OPENAI_API_KEY: "mock",
        FALLBACK_OPENAI_BASE_URL: `${fallback.url}/v1`,
        FALLBACK_OPENAI_MODEL: "substitute",
        RETRY_MAX_ATTEMPTS: "2",
        RETRY_WAIT_MIN: "0.05",
        CIRCUIT_BREAKER_FAILURE_THRESHOLD: threshold,
        CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "1",
      });
      const runs: WatchedRun[] = [];
      const ask = async (from: number): Promise<void> => {
        for (let index = from; index < CONVERSATIONS; index += AT_ONCE) {
          const question = markQuestion(QUESTION, index % 8 === 0 ? BROKEN : 0);
          runs.push(await watchRun(instance.socketUrl, question));
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, (_, from) => ask(from)));
      assert.equal(runs.length, CONVERSATIONS);
      for (const run of runs) assertHonest(run);
      const ends = Map.groupBy(runs, ({ seen }) => `${seen.source} ${seen.partial ? "cut" : "whole"}`);
      const figures = [...ends].map(([key, { length }]) => `${key} ${length}`).toSorted();
      const slowest = Math.max(...runs.map(({ totalMs }) => totalMs));
      t.diagnostic(`${breakers}: ${figures.join(", ")}; the slowest ended after ${slowest} ms`);
      // Else the chaos was none, and nothing was shown. Open breakers may leave the models hardly a word.
      const needed = threshold === "5" ? ["offline whole"] : EVERY_END;
      for (const key of needed) assert.ok(ends.has(key), key);
      await until("the log", () => instance.logged("run_finished").length === CONVERSATIONS);
      const url = new URL("/metrics", instance.socketUrl.replace("ws", "http"));
      const metrics = parseMetrics(await (await fetch(url)).text());
      const counted = metrics.of("parley_runs_total").reduce((sum, { value }) => sum + value, 0);
      assert.equal(counted, CONVERSATIONS);
      assertUnharmed({ instance });
    });
});
