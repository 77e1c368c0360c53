// Redis behind a proxy, lost in mid-reply in every way there is: what the reader saw, after how long, what the log
// says, and what stands in the history when it is over. The table is printed as diagnostics.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { assertWithin, heldUpMs } from "../support/held-up.ts";
import { until } from "../support/until.ts";
import { FAULTS, RECONNECT_MS, type RedisFault } from "./redis-proxy-faults.ts";
import { answerOf, openProxyScene, type ProxyScene, questionFor } from "./redis-proxy-scene.ts";

/** 1 s, and what a loaded machine takes. */
const TOLD_WITHIN_MS = 1_500;
/** Longer than the short reply, and than a circuit takes to open. */
const LASTS_MS = 3_500;
const [LONG, SHORT] = [160, 40];
describe("Redis, lost in mid-reply", { concurrency: 2 }, () => {
  for (const fault of FAULTS)
    it(`${fault.name}: the reply goes on, and stands whole and once in the history`, (test) =>
      drill(test, fault));

  it("emptied: who reads is told at once that nothing of it is left, and a new conversation works", async (test) => {
    const scene = await openProxyScene(test);
    const reader = await scene.inMidReply(LONG);
    const at = performance.now();
    await scene.redis.command("FLUSHALL");
    const closedMs = await reader.hears("closed 1011", at);
    assertWithin("closed", closedMs, TOLD_WITHIN_MS, at);
    const back = await scene.visit({ ...reader.key, epoch: reader.epoch, after: reader.position });
    assert.equal(back.what, "error conversation_not_found");
    const fresh = await scene.inMidReply(20);
    await fresh.hears("success", at);
    test.diagnostic(`emptied | closed 1011 (${closedMs} ms), back: ${back.what} (${back.afterMs} ms)`);
    assert.equal(scene.app.log.named("storage_degraded").length, 0, "it is there, after all");
    assert.deepEqual(await scene.history(fresh.key), [questionFor(20), answerOf(20)]);
    for (const each of scene.readers) each.assertSound();
  });

  it("restarted with nothing: the reply goes on meanwhile, and then who reads is told that nothing is left", async (test) => {
    const scene = await openProxyScene(test, { persistent: false });
    const reader = await scene.inMidReply(LONG);
    const at = performance.now();
    await scene.redis.kill();
    assertWithin("moved", await reader.hears("joined memory", at), TOLD_WITHIN_MS, at);
    // Longer on a machine that holds the words up: it is said meanwhile, however long that takes.
    await Promise.all([pause(LASTS_MS), until("words meanwhile", () => reader.text.length > 50 * 8)]);
    const backAt = performance.now();
    await scene.redis.restart();
    const closedMs = await reader.hears("closed 1011", backAt);
    const back = await scene.visit({ ...reader.key, epoch: reader.epoch, after: reader.position });
    assert.equal(back.what, "error conversation_not_found");
    test.diagnostic(
      `restarted with nothing | ${reader.account(at)}, back: ${back.what}; ${scene.logged(at)}`,
    );
    assertWithin("closed", closedMs, RECONNECT_MS + TOLD_WITHIN_MS, at);
    await scene.logs("detached_run_dropped", at);
    for (const each of scene.readers) each.assertSound();
  });

  it("cut for a moment: nobody notices more than another life of the log", async (test) => {
    const scene = await openProxyScene(test);
    const reader = await scene.inMidReply(SHORT);
    const at = performance.now();
    scene.proxy.cut();
    await until("the end", () => reader.outcome === "success", 10_000);
    assert.equal(reader.text, answerOf(SHORT));
    test.diagnostic(`cut for a moment | ${reader.account(at)}; longest pause ${reader.longestPause(at)} ms`);
    assert.equal(scene.app.log.named("storage_degraded").length, 0);
    // It was told of another life where the cut fell into an append, and then of the way home too.
    const storage = () => reader.told.findLast(({ what }) => what.startsWith("joined"))?.what;
    await until("it is home", () => storage() === "joined redis");
    const home = async () => (await scene.visit(reader.key)).what === "joined redis";
    while (!(await home())) await pause(100);
    assert.deepEqual(await scene.history(reader.key), [questionFor(SHORT), answerOf(SHORT)]);
    reader.assertSound();
  });
});

async function drill(test: TestContext, fault: RedisFault): Promise<void> {
  const scene = await openProxyScene(test);
  const idle = await scene.inMidReply(8);
  await idle.hears("success", 0);
  const long = await scene.inMidReply(LONG);
  const short = await scene.inMidReply(SHORT);

  await scene.atHome();
  const at = performance.now();
  await fault.begin(scene);
  const toldMs = [await long.hears("joined memory", at), await short.hears("joined memory", at)];
  const visits = await visitMeanwhile(scene, fault, { idle, long });
  await pause(Math.max(0, at + LASTS_MS - performance.now()));
  await until("the end of the short one", () => short.outcome !== undefined);
  assert.deepEqual(
    [short.outcome, short.text],
    ["success", answerOf(SHORT)],
    "it ended while Redis was away",
  );
  const endedAt = performance.now();
  await fault.end(scene);
  const homeMs = [await long.hears("joined redis", endedAt), await short.hears("joined redis", endedAt)];
  const recoveredMs = await scene.logs("storage_recovered", endedAt);
  await until("the end", () => long.outcome === "success", 20_000);

  const pausedMs = Math.max(long.longestPause(at), short.longestPause(at));
  test.diagnostic(
    `${fault.name} | moved to memory after ${toldMs.join(" and ")} ms, longest pause between words ${pausedMs} ms; ${visits}; home ${homeMs.join(" and ")} ms after it was back, storage_recovered ${recoveredMs} ms`,
  );
  test.diagnostic(`${fault.name} | the log: ${scene.logged(at)}`);
  assertWithin("told", Math.max(...toldMs), TOLD_WITHIN_MS, at);
  assertWithin("without a word", pausedMs, TOLD_WITHIN_MS, at);
  assertWithin("home", Math.max(...homeMs), fault.homeWithinMs, at);
  assertLogged(scene, fault, at);
  await assertWhole(scene, [
    [long, LONG],
    [short, SHORT],
  ]);
}

/** Who comes while it lasts, and what became of them. */
async function visitMeanwhile(
  scene: ProxyScene,
  fault: RedisFault,
  { idle, long }: Record<"idle" | "long", ProxyScene["readers"][number]>,
): Promise<string> {
  if (fault.opensCircuit) await scene.logs("circuit_breaker_opened", 0);
  const position = { epoch: long.epoch, after: long.position };
  const cameAt = performance.now();
  const visits = {
    "with its position": await scene.visit({ ...long.key, ...position }),
    "without one": await scene.visit(long.key),
    "by another name": await scene.visit({ ...long.key, epoch: "another", after: 1 }),
    "a new conversation": await scene.visit({}),
    "an old one": await scene.visit(idle.key),
  };
  const expected = [
    "joined memory recovered",
    ...Array(2).fill("error storage_unavailable"),
    "joined memory",
  ];
  // A Redis that takes no writes can be read; what is needed to open an old conversation may be one.
  const old = visits["an old one"].what;
  assert.deepEqual(
    Object.values(visits).map(({ what }) => what),
    [...expected, fault.opensCircuit ? "error storage_unavailable" : old],
    fault.name,
  );
  for (const [name, { afterMs }] of Object.entries(visits))
    assertWithin(name, afterMs, TOLD_WITHIN_MS, cameAt);
  return Object.entries(visits)
    .map(([name, { what, afterMs }]) => `${name}: ${what} (${afterMs} ms)`)
    .join(", ");
}

function assertLogged({ app: { log } }: ProxyScene, { reason, opensCircuit }: RedisFault, at: number): void {
  const [degraded, ...more] = log.named("storage_degraded");
  assert.deepEqual([degraded?.level, degraded?.fields.storage], ["error", "memory"]);
  if (heldUpMs(at) === 0) assert.deepEqual(more, [], "told once");
  assert.match(String(degraded?.fields.reason), reason);
  const recovered = log.named("storage_recovered");
  assert.equal(recovered[0]?.fields.storage, "redis");
  assert.equal(recovered.length, 1 + more.length, "each end is told, too");
  // A machine that is held up for half a second is another, short absence of the log.
  const [detached, reattached] = [log.named("run_detached"), log.named("run_reattached")];
  assert.ok(detached.length >= 2 && reattached.length >= 2, `${detached.length}, ${reattached.length}`);
  const circuits = new Set(log.named("circuit_breaker_opened").map(({ fields }) => fields.circuit));
  assert.deepEqual([...circuits], opensCircuit ? ["redis"] : []);
}

/** Byte for byte as it was said, once, and every number with one meaning. */
async function assertWhole(
  scene: ProxyScene,
  replies: readonly (readonly [ProxyScene["readers"][number], number])[],
): Promise<void> {
  for (const [reader, words] of replies) {
    assert.equal(reader.text, answerOf(words));
    assert.deepEqual(await scene.history(reader.key), [questionFor(words), answerOf(words)]);
    reader.say(questionFor(3), "more");
    await until("one more answer", () => reader.runs.size === 2 && reader.outcome === "success", 10_000);
  }
  for (const each of scene.readers) each.assertSound();
}
