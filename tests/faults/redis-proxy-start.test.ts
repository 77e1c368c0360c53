// Redis behind a proxy: away at the start and there later, and slow without being away. What the reader saw, and after
// how long, is printed as diagnostics.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ownPair, Talk } from "../support/conversation.ts";
import { assertWithin, heldUpMs } from "../support/held-up.ts";
import type { TcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";
import { answerOf, openProxyScene, type ProxyScene, questionFor } from "./redis-proxy-scene.ts";

/** One second, and what a loaded machine takes. */
const TOLD_WITHIN_MS = 1_500;
/** Three for the start itself, and what a loaded machine takes. */
const STARTED_WITHIN_MS = 5_000;
const LONGEST_RECONNECT_MS = 8_000;
/** What a command may take; at more Redis counts as away. */
const COMMAND_MS = 500;

describe("Redis away at the start", { concurrency: 2 }, () => {
  for (const [what, isSilent] of [
    ["refused", false],
    ["silent", true],
  ] as const)
    it(`${what}: it is served from memory, which says so, and Redis is used when it comes`, async (test) => {
      const startedAt = performance.now();
      const scene = await openProxyScene(test, {
        before: async ({ proxy }) => {
          if (isSilent) proxy.stall();
          else await proxy.down();
        },
      });
      const startMs = Math.round(performance.now() - startedAt);
      assertWithin("started", startMs, STARTED_WITHIN_MS, startedAt);
      assert.equal(scene.app.log.named("storage_degraded").length, 1);
      const ready = await fetch(`${scene.app.url}/health/ready`);
      assert.equal(ready.status, 200, "it can serve");

      const askedAt = performance.now();
      const early = await scene.inMidReply(40, "memory");
      const joinedMs = await early.hears("joined memory", askedAt);
      assertWithin("joined", joinedMs, TOLD_WITHIN_MS, askedAt);
      const unknown = await scene.visit({ ...early.key, conversationId: "u".repeat(22) });
      assert.equal(unknown.what, "error storage_unavailable", "nobody can say that it is not there");
      assertWithin("an unknown one", unknown.afterMs, TOLD_WITHIN_MS, askedAt);

      const healedAt = performance.now();
      await scene.proxy.heal();
      const recoveredMs = await scene.logs("storage_recovered", healedAt);
      assertWithin("recovered", recoveredMs, LONGEST_RECONNECT_MS, healedAt);
      await early.hears("success", askedAt);
      const late = await comeUntilJoined(scene);
      assertWithin("used again", Math.round(performance.now() - healedAt), LONGEST_RECONNECT_MS, healedAt);
      assert.equal(late.what, "joined redis");
      test.diagnostic(
        `away at the start, ${what} | started after ${startMs} ms, ${early.account(askedAt)}, an unknown one: ${unknown.what} (${unknown.afterMs} ms); storage_recovered ${recoveredMs} ms after it came, then ${late.what}`,
      );
      assert.equal((await scene.visit(early.key)).what, "joined memory", "what began in memory stays there");
      assert.deepEqual(await scene.history(early.key), [questionFor(40), answerOf(40)]);
      assert.equal(early.epoch !== "" && early.account(0).includes("joined redis"), false);
      for (const each of scene.readers) each.assertSound();
    });
});

/** Commands may be answered before the subscriptions are back: until then, who comes is told to come again. */
async function comeUntilJoined(scene: ProxyScene): ReturnType<ProxyScene["visit"]> {
  const deadline = performance.now() + 2 * LONGEST_RECONNECT_MS;
  for (;;) {
    const answer = await scene.visit({});
    if (answer.what !== "error storage_unavailable" || performance.now() > deadline) return answer;
    await pause(100);
  }
}

type Reader = ProxyScene["readers"][number];

/** A reader whose log could not be read in time is told to come back with its position; the reply goes on. */
function wasClosed({ told }: Reader): boolean {
  return told.some(({ what }) => what === "closed 1011");
}

/**
 * Whoever was let go has read a beginning of it; who goes on from there reads the whole of it. Only where the log has gone
 * on as another life meanwhile can nobody tell what follows on what was read: then a snapshot comes.
 */
async function readToTheEnd(scene: ProxyScene, reader: Reader, answer: string): Promise<void> {
  if (wasClosed(reader)) {
    assert.ok(answer.startsWith(reader.text), "what it had read is the beginning of it");
    const { epoch } = reader;
    const backAt = performance.now();
    reader.comeBack(await scene.app.connect());
    const isTold = (what: string) => reader.told.some((each) => each.atMs >= backAt && each.what === what);
    const [whole, anew] = ["joined redis recovered true", "joined redis recovered false"];
    await until("the way back", () => isTold(whole) || isTold(anew));
    if (isTold(anew)) {
      assert.notEqual(reader.epoch, epoch, "another life of the log");
      await reader.hears("snapshot", backAt);
      return;
    }
    await until("the rest", () => reader.outcome === "success");
  }
  assert.equal(reader.text, answer);
}

describe("a slow Redis", { concurrency: 2 }, () => {
  for (const [latencyMs, jitterMs] of [
    [200, 50],
    [400, 20],
  ] as const)
    it(`${latencyMs} ms: everything takes so much longer, and nothing is given up`, async (test) => {
      const scene = await openProxyScene(test);
      const reader = await scene.inMidReply(80);
      const at = performance.now();
      scene.proxy.latency(latencyMs, jitterMs);
      await until("an end", () => reader.outcome === "success" || wasClosed(reader), 20_000);
      await scene.logs("run_finished", at);
      const back = await scene.visit({ ...reader.key, epoch: reader.epoch, after: reader.position });
      const fresh = await scene.visit({});
      test.diagnostic(
        `slow, ${latencyMs} ms | ${reader.account(at)}, longest pause ${reader.longestPause(at)} ms; with its position: ${back.what} (${back.afterMs} ms), a new conversation: ${fresh.what} (${fresh.afterMs} ms); ${scene.logged(at)}`,
      );
      // With less than a command may take to spare, a loaded machine makes the rest.
      if (latencyMs + 250 + heldUpMs(at) < COMMAND_MS)
        assert.deepEqual([scene.logged(at), wasClosed(reader)], ["", false]);
      await scene.proxy.heal();
      await scene.atHome();
      await readToTheEnd(scene, reader, answerOf(80));
      assert.deepEqual(await scene.history(reader.key), [questionFor(80), answerOf(80)]);
      for (const { what, afterMs } of [back, fresh]) assertWithin(what, afterMs, TOLD_WITHIN_MS, at);
      for (const each of scene.readers) each.assertSound();
    });

  for (const [what, set] of [
    ["in slices of one byte", (proxy: TcpProxy) => proxy.slice(1)],
    ["at 20 kB a second", (proxy: TcpProxy) => proxy.limit(20_000)],
  ] as const)
    it(`whose answers come ${what}: the reply is whole, for who reads and who comes`, async (test) => {
      const scene = await openProxyScene(test);
      const reader = await scene.inMidReply(60);
      const at = performance.now();
      set(scene.proxy);
      await until("the end", () => reader.outcome === "success", 20_000);
      const back = await scene.visit({ ...reader.key, epoch: reader.epoch, after: reader.position });
      test.diagnostic(
        `${what} | ${reader.account(at)}, longest pause ${reader.longestPause(at)} ms; with its position: ${back.what} (${back.afterMs} ms); ${scene.logged(at)}`,
      );
      await scene.proxy.heal();
      await scene.atHome();
      assert.equal(reader.text, answerOf(60));
      assert.deepEqual(await scene.history(reader.key), [questionFor(60), answerOf(60)]);
      // On a loaded machine so many bytes may take longer than a command may: then it comes again, once, as it is told.
      const isRefused = back.what === "error storage_unavailable";
      const isAway = /run_detached|circuit_breaker_opened|storage_degraded/.test(scene.logged(at));
      if (isRefused) assert.ok(isAway || back.afterMs >= COMMAND_MS, `refused after ${back.afterMs} ms`);
      const came = isRefused ? await scene.visit(reader.key) : back;
      assert.match(came.what, /^joined/);
      for (const each of scene.readers) each.assertSound();
    });

  it("400 ms: every command that has an answer of its own gets it within a second", async (test) => {
    const scene = await openProxyScene(test);
    const key = ownPair();
    const talk = new Talk(await scene.app.connect());
    await talk.join({ ...key, create: true });
    talk.client.send({ type: "message", id: "first", text: "Hello" });
    await until("the answer", () => talk.client.frames.at(-1)?.type === "RUN_FINISHED");
    scene.proxy.latency(400, 20);
    const slowFrom = performance.now();
    const took: Record<string, number> = {};
    const ask = async (what: string, frame: object): Promise<void> => {
      const askedAt = performance.now();
      talk.client.send({ ...frame, commandId: what });
      await talk.client.next(({ value }) => Object(value).commandId === what, 10_000);
      took[what] = Math.round(performance.now() - askedAt);
    };
    await ask("history", { type: "history" });
    await ask("feedback", { type: "feedback", messageId: "first", rating: "up" });
    await ask("regenerate", { type: "regenerate" });
    await ask("edit", { type: "edit", messageId: "first", text: "Good day" });
    await ask("message", { type: "message", text: "And now?" });
    const first = await scene.app.connect();
    let askedAt = performance.now();
    first.send({ type: "message", text: "Hello" });
    await first.next(({ name }) => name === "joined" || name === "error", 10_000);
    took["a first message"] = Math.round(performance.now() - askedAt);
    took["a pair that is known"] = (await scene.visit({ ...key, create: true })).afterMs;
    askedAt = performance.now();
    const answer = await fetch(`${scene.app.url}/api/v1/conversations/${key.conversationId}/commands`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-resume-token": key.resumeToken },
      body: JSON.stringify({ type: "message", text: "By HTTP" }),
    });
    took["a message over HTTP"] = Math.round(performance.now() - askedAt);
    test.diagnostic(`slow, 400 ms | ${JSON.stringify(took)}; HTTP ${answer.status}; ${scene.logged(0)}`);
    await scene.proxy.heal();
    for (const [what, afterMs] of Object.entries(took)) assertWithin(what, afterMs, TOLD_WITHIN_MS, slowFrom);
    await first.close();
    await talk.client.close();
  });

  it("at the edge of what a command may take (480 ms): wherever the words are kept, they are whole, and once", async (test) => {
    const scene = await openProxyScene(test);
    const reader = await scene.inMidReply(120);
    const at = performance.now();
    scene.proxy.latency(480, 40);
    await until("an end", () => reader.outcome === "success" || wasClosed(reader), 20_000);
    await scene.logs("run_finished", at);
    await scene.proxy.heal();
    const lost = () => scene.app.log.named("detached_run_dropped").length;
    await until("it is home", () => {
      const count = (event: string) => scene.app.log.named(event).length;
      return count("run_detached") === count("run_reattached") || lost() > 0;
    });
    test.diagnostic(
      `slow, 480 ms | ${reader.account(at)}, longest pause ${reader.longestPause(at)} ms; ${scene.meanings.epochsOf(reader.key.conversationId)} epochs; ${scene.logged(at)}`,
    );
    assert.equal(lost(), 0);
    await readToTheEnd(scene, reader, answerOf(120));
    assert.deepEqual(await scene.history(reader.key), [questionFor(120), answerOf(120)]);
    for (const each of scene.readers) each.assertSound();
  });
});
