// A reply that is longer than the grace of a planned stop, and two planned stops one after the other: it is answered
// all the same, on the third instance, since a stop that is planned uses up no retry.

import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { RedisServer } from "../support/redis-server.ts";
import { type RunningApp, startApp } from "../support/running-app.ts";
import { until } from "../support/until.ts";
import { Meanings } from "./meanings.ts";
import { answerOf, createTalker, questionFor } from "./redis-proxy-scene.ts";
import { TimedReader } from "./timed-reader.ts";

const WORDS = 80;
/** The first two get no further, however long the next one takes to come; a stop gives them no time either. */
const SAID = 10;

async function startFleet(test: TestContext) {
  const redis = await RedisServer.start();
  const meanings = new Meanings();
  const start = (atMost?: number): Promise<RunningApp> =>
    startApp(test, { model: createTalker(atMost) }, { REDIS_URL: redis.url });
  const read = async (app: RunningApp, beside?: TimedReader): Promise<TimedReader> => {
    const reader = new TimedReader(await app.connect(), beside?.key, meanings);
    reader.join(beside ? {} : { create: true });
    await until("joined", () => reader.epoch !== "");
    return reader;
  };
  const speaks = (reader: TimedReader, runs: number): Promise<void> =>
    until(`words of run ${runs}`, () => reader.runs.size === runs && reader.text.length > 20, 15_000);
  test.after(() => redis[Symbol.asyncDispose]());
  return { start, read, speaks };
}

it("is handed over twice, and answered whole by the third instance", async (test) => {
  const { start, read, speaks } = await startFleet(test);
  const [first, second] = [await start(SAID), await start(SAID)];
  const here = await read(first);
  const there = await read(second, here);
  here.say(questionFor(WORDS), "question");
  await speaks(there, 1);
  const startedAt = performance.now();
  await first.close(0);
  await speaks(there, 2);
  const third = await start();
  const last = await read(third, there);
  await speaks(last, 1);
  await second.close(0);
  await until("an end", () => last.outcome === "success", 20_000);
  test.diagnostic(`answered ${Math.round(performance.now() - startedAt)} ms after the first stop`);
  assert.equal(last.text, answerOf(WORDS));
  assert.deepEqual(
    [...last.runs.values()].map(({ outcome }) => outcome),
    ["run_interrupted", "success"],
  );
  assert.equal([...there.runs.values()][0]?.outcome, "run_interrupted");
  const logged = [first, second].flatMap(({ log }) => log.named("run_handed_over"));
  assert.deepEqual(
    logged.map(({ fields }) => typeof fields.successorId),
    ["string", "string"],
  );
  assert.equal(third.log.named("run_taken_over").length, 0, "nobody had to find it as a dead one's");
  const visitor = await read(third, last);
  visitor.client.send({ type: "history" });
  await until("the history", () => visitor.client.frames.some(({ name }) => name === "history"));
  const { messages } = Object(visitor.client.frames.find(({ name }) => name === "history")?.value);
  assert.deepEqual(
    messages.map(({ content }: { content: unknown }) => content),
    [questionFor(WORDS), answerOf(WORDS)],
  );
  for (const reader of [here, there, last, visitor]) reader.assertSound();
});
