// Erasing what is kept elsewhere than in Redis: a reply that goes on in memory while Redis is away, and a conversation
// that was made then. And erasing in the moment in which somebody comes in.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ownPair, Talk } from "../support/conversation.ts";
import { ask, makeConversation, openStream, type Pair, refusal } from "../support/event-stream-client.ts";
import { assertWithin } from "../support/held-up.ts";
import { createLocalBundle } from "../support/local-bundle.ts";
import { RedisServer } from "../support/redis-server.ts";
import { type RunningApp, startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { until } from "../support/until.ts";

const FOREVER = { until: new Promise<void>(() => undefined) };
const BACK_WITHIN_MS = 20_000;

async function startOnRedis(t: TestContext) {
  const server = await RedisServer.start({ persistent: true });
  const model = createScriptedModel();
  const app = await startApp(t, { model, registry: createSmallRegistry() }, { REDIS_URL: server.url });
  t.after(() => server[Symbol.asyncDispose]());
  return { server, model, app };
}

async function joined(app: RunningApp, pair: Pair): Promise<Talk> {
  const talk = new Talk(await app.connect());
  await talk.join(pair);
  return talk;
}

/** Asks until the storage answers; what it answers then. */
async function erase(app: RunningApp, pair: Pair): Promise<number> {
  for (const deadline = performance.now() + BACK_WITHIN_MS; ; await pause(20)) {
    const { status } = await ask(app, pair, "", { method: "DELETE" });
    if (status !== 503 || performance.now() > deadline) return status;
  }
}

describe("an erasure while Redis is away", () => {
  it("of a conversation that was made meanwhile is done at once, run and all, and stays done", async (t) => {
    const { server, model, app } = await startOnRedis(t);
    await server.kill();
    const pair = ownPair();
    assert.equal((await makeConversation(app, pair)).storage, "memory");
    const talk = await joined(app, pair);
    model.script("in memory ", FOREVER);
    await talk.say("Hello");
    await talk.heard("in memory ");
    assert.equal((await ask(app, pair, "", { method: "DELETE" })).status, 204);
    await until("the model is let go", () => model.active === 0, 250);
    assert.equal((await talk.client.closed).code, 4506);
    // Nothing in memory any more; and what Redis says of it, nobody can know now.
    assert.deepEqual(await refusal(await ask(app, pair, "")), [503, "storage_unavailable"]);
    await server.restart();
    const deadline = performance.now() + BACK_WITHIN_MS;
    let answer = await refusal(await ask(app, pair, ""));
    while (answer[0] === 503 && performance.now() < deadline)
      answer = await refusal(await ask(app, pair, ""));
    assert.deepEqual(answer, [404, "conversation_not_found"]);
    assert.equal(await server.command("EXISTS", `parley:{${pair.conversationId}}:messages`), "0");
  });

  it("of a reply that goes on without it is refused, and done as soon as it is back: nothing comes home", async (t) => {
    const { server, model, app } = await startOnRedis(t);
    const pair = ownPair();
    await makeConversation(app, pair);
    const [talk, stream] = [await joined(app, pair), await openStream(t, app, pair)];
    const gate = Promise.withResolvers<void>();
    model.script("before ", { until: gate.promise }, "a secret of the outage ", FOREVER);
    await talk.say("Hello");
    await talk.heard("before ");
    await server.kill();
    gate.resolve();
    await talk.heard("a secret of the outage ");
    assert.equal(app.log.named("run_detached").length, 1);
    const startedAt = performance.now();
    const refused = await ask(app, pair, "", { method: "DELETE" });
    assert.deepEqual(await refusal(refused), [503, "storage_unavailable"]);
    assertWithin("the refusal", performance.now() - startedAt, 1_000, startedAt);
    assert.equal(model.active, 1, "what was not promised is not done");
    await server.restart();
    assert.equal(await erase(app, pair), 204);
    await until("the model is let go", () => model.active === 0, 250);
    assert.equal((await talk.client.closed).code, 4506);
    await stream.named("conversation.erased");
    // The subscriptions may take a moment longer to come back.
    const deadline = performance.now() + BACK_WITHIN_MS;
    let made = await makeConversation(app, pair).catch(() => undefined);
    while (!made && performance.now() < deadline)
      made = await makeConversation(app, pair).catch(() => undefined);
    assert.equal(made.lastSeq, 0);
    const body = await (await ask(app, pair, "")).json();
    assert.deepEqual([Object(body).messages, Object(body).storage], [[], "redis"]);
  });
});

describe("an erasure in the moment in which somebody comes in", () => {
  async function startLocal(t: TestContext) {
    const storage = createLocalBundle();
    const model = createScriptedModel();
    const app = await startApp(t, { model, storage, registry: createSmallRegistry() });
    const pair = ownPair();
    await makeConversation(app, pair);
    const first = await joined(app, pair);
    return { storage, model, app, pair, first };
  }

  for (const { when, gates } of [
    { when: "before the history is read", gates: ["before", "page"] },
    { when: "after the history was read", gates: ["after", "page"] },
    { when: "before the log is asked", gates: ["before", "open"] },
    { when: "after the log was asked", gates: ["after", "open"] },
    { when: "before the log is read", gates: ["before", "read"] },
    { when: "after the log was read", gates: ["after", "read"] },
  ] as const) {
    for (const isAnswered of [true, false]) {
      it(`${when} leaves nobody in it (${isAnswered ? "answered" : "still empty"})`, async (t) => {
        const { storage, app, pair, first } = await startLocal(t);
        if (isAnswered) await first.ask("a secret");
        const late = new Talk(await app.connect());
        const [side, call] = gates;
        const erased = async (): Promise<void> => {
          assert.equal((await ask(app, pair, "", { method: "DELETE" })).status, 204);
        };
        if (side === "before") storage.beforeNext(call, erased);
        else storage.afterNext(call, erased);
        late.client.send({ type: "join", ...pair });
        assert.equal((await first.client.closed).code, 4506);
        const refused = () => late.client.frames.some(({ name }) => name === "error");
        await until("the late one is refused or closed", () => refused() || !late.client.isOpen);
        if (!late.client.isOpen) assert.ok([4506, 1011].includes((await late.client.closed).code));
        else assert.equal((await late.refused()).code, "conversation_not_found");
        assert.deepEqual(await refusal(await ask(app, pair, "")), [404, "conversation_not_found"]);
      });
    }
  }

  it("hits a message on its way: it is refused, or its run is broken off", async (t) => {
    for (const [side, call] of [
      ["before", "accept"],
      ["after", "accept"],
      ["before", "acquire"],
      ["after", "acquire"],
      ["before", "open"],
      ["after", "record"],
      ["before", "append"],
      ["after", "append"],
    ] as const) {
      const { storage, model, app, pair, first } = await startLocal(t);
      const erased = async (): Promise<void> => {
        assert.equal((await ask(app, pair, "", { method: "DELETE" })).status, 204, `${side} ${call}`);
      };
      if (side === "before") storage.beforeNext(call, erased);
      else storage.afterNext(call, erased);
      first.client.send({ type: "message", text: "Hello" });
      assert.equal((await first.client.closed).code, 4506, `${side} ${call}`);
      await until("nothing runs", () => model.active === 0);
      assert.deepEqual(await refusal(await ask(app, pair, "")), [404, "conversation_not_found"]);
      await makeConversation(app, pair);
      const anew = await joined(app, pair);
      assert.equal((await anew.ask("anew")).text, "ok", `${side} ${call}`);
      assert.deepEqual(await anew.contents(), ["anew", "ok"]);
    }
  });
});

describe("while the storage is away", () => {
  it("all of it is storage_unavailable within a second, and an erasure works once it is back", async (t) => {
    const { server, app } = await startOnRedis(t);
    const pair = ownPair();
    await makeConversation(app, pair);
    for (const away of ["gone", "frozen"] as const) {
      if (away === "frozen") server.pause();
      else await server.kill();
      for (const [part, method] of [
        ["", "GET"],
        ["/messages", "GET"],
        ["/events", "GET"],
        ["", "DELETE"],
      ] as const) {
        const startedAt = performance.now();
        const answer = await refusal(await ask(app, pair, part, { method }));
        const tookMs = performance.now() - startedAt;
        assert.deepEqual(answer, [503, "storage_unavailable"], `${away}: ${method} ${part}`);
        assertWithin(`${away}: ${method} ${part}`, tookMs, 1_000, startedAt);
      }
      if (away === "frozen") server.resume();
      else await server.restart();
      const deadline = performance.now() + 15_000;
      for (;;) {
        const { status } = await ask(app, pair, "/messages");
        // A server that was frozen carries out on waking what had reached it: then it is erased, though nobody could say so.
        if (status === 200 || (away === "frozen" && status === 404)) break;
        assert.ok(performance.now() < deadline, `${away}: still ${status}`);
        await pause(50);
      }
    }
    const { status } = await ask(app, pair, "", { method: "DELETE" });
    assert.ok([204, 404].includes(status), "asked again, it is done, or was");
    assert.deepEqual(await refusal(await ask(app, pair, "")), [404, "conversation_not_found"]);
  });
});
