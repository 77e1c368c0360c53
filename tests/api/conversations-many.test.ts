// Erasing a conversation that lives on two instances of one Redis, and following it over plain HTTP from either.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { ownPair, Talk } from "../support/conversation.ts";
import { ask, command, makeConversation, openStream, refusal } from "../support/event-stream-client.ts";
import { RedisServer } from "../support/redis-server.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { until } from "../support/until.ts";
import { joinDeltas } from "../support/wire-invariants.ts";

const FOREVER = { until: new Promise<void>(() => undefined) };

async function startFleet(t: TestContext) {
  const server = await RedisServer.start();
  const pair = ownPair();
  const start = async () => {
    const model = createScriptedModel();
    const app = await startApp(t, { model, registry: createSmallRegistry() }, { REDIS_URL: server.url });
    const tab = async (): Promise<Talk> => {
      const talk = new Talk(await app.connect());
      await talk.join(pair);
      return talk;
    };
    return { app, model, tab };
  };
  const [a, b] = [await start(), await start()];
  t.after(() => server[Symbol.asyncDispose]());
  await makeConversation(a.app, pair);
  return { server, pair, a, b };
}

async function keysOf(server: RedisServer, id: string): Promise<string[]> {
  const answer = await server.command("KEYS", `*${id}*`);
  return answer.split("\r\n").filter((line) => line.includes(id));
}

describe("an erasure on two instances", () => {
  for (const by of ["the one that runs it", "the other one"] as const) {
    it(`that comes in on ${by} ends the run, every tab and every stream, and leaves no word in Redis`, async (t) => {
      const { server, pair, a, b } = await startFleet(t);
      const tabs = [await a.tab(), await a.tab(), await b.tab(), await b.tab()];
      const streams = [await openStream(t, a.app, pair), await openStream(t, b.app, pair)];
      a.model.script("a secret ", FOREVER);
      const [first] = tabs;
      await first?.say("my secret");
      await first?.say("my second secret");
      for (const talk of tabs) await talk.heard("a secret ");
      for (const stream of streams) await stream.named("TEXT_MESSAGE_CONTENT");
      assert.deepEqual([a.model.active, b.model.active], [1, 0]);
      const startedAt = performance.now();
      const { app } = by === "the other one" ? b : a;
      assert.equal((await ask(app, pair, "", { method: "DELETE" })).status, 204);
      const answeredMs = performance.now() - startedAt;
      await until("the model is let go", () => a.model.active === 0, 250);
      t.diagnostic(
        `answered after ${Math.round(answeredMs)} ms, model let go after ${Math.round(performance.now() - startedAt)} ms`,
      );
      for (const { client } of tabs) {
        assert.equal((await client.closed).code, 4506);
        assert.equal(client.frames.at(-1)?.name, "conversation.erased");
      }
      for (const stream of streams) {
        await stream.named("conversation.erased");
        await until("the stream has ended", () => stream.isOver);
        assert.match(stream.comments.at(-1) ?? "", /4506/);
      }
      const keys = await keysOf(server, pair.conversationId);
      for (const key of keys) {
        assert.match(key, /:lease$/, "only a number, for a minute");
        assert.ok(Number(await server.command("PTTL", key)) <= 60_000);
      }
      assert.equal(await server.command("ZSCORE", "parley:runs", pair.conversationId), "-1");
      for (const at of [a, b]) {
        assert.deepEqual(await refusal(await ask(at.app, pair, "")), [404, "conversation_not_found"]);
        assert.deepEqual(
          at.app.log.lines.filter(({ level }) => level === "error"),
          [],
        );
      }
      assert.deepEqual([a.model.calls.length, b.model.calls.length], [1, 0], "nobody takes it up");
    });
  }

  it("gives whoever makes it anew an empty conversation, answered by whichever instance", async (t) => {
    const { pair, a, b } = await startFleet(t);
    const old = await a.tab();
    a.model.script("old ", FOREVER);
    const { messageId } = await old.say("old question");
    await old.heard("old ");
    assert.equal((await ask(b.app, pair, "", { method: "DELETE" })).status, 204);
    const made = await makeConversation(b.app, pair);
    assert.deepEqual([made.new, made.lastSeq], [true, 0]);
    const [atA, atB] = [await a.tab(), await b.tab()];
    b.model.script("new");
    const said = await atB.say("new question", { id: messageId });
    assert.equal(said.duplicate, undefined, "a known id means nothing any more");
    for (const talk of [atA, atB]) assert.equal((await talk.run(said.runId)).text, "new");
    assert.deepEqual(await atA.contents(), ["new question", "new"]);
    assert.deepEqual(
      atA.client.frames.filter((frame) => JSON.stringify(frame).includes("old")),
      [],
    );
  });

  it("reaches an instance that could not hear of it: what runs there ends unheard and unrecorded", async (t) => {
    const { server, pair, a, b } = await startFleet(t);
    const talk = await a.tab();
    const gate = Promise.withResolvers<void>();
    a.model.script("secret ", { until: gate.promise }, "more ", "and more");
    await talk.say("Hello");
    await talk.heard("secret ");
    // The subscriptions are cut; the commands still arrive.
    await server.command("CLIENT", "KILL", "TYPE", "pubsub");
    assert.equal((await ask(b.app, pair, "", { method: "DELETE" })).status, 204);
    gate.resolve();
    await until("nothing runs", () => a.model.active === 0);
    await talk.client.closed;
    assert.equal(joinDeltas(talk.client.frames), "secret ", "no word after it");
    // An instance that has lost its ears takes nobody in until it hears again.
    const make = () => makeConversation(b.app, pair).catch(() => undefined);
    let made = await make();
    for (const deadline = performance.now() + 10_000; !made && performance.now() < deadline; )
      made = await make();
    assert.equal(made.lastSeq, 0);
    const again = await ask(b.app, pair, "");
    assert.deepEqual(Object(await again.json()).messages, []);
  });
});

describe("an event stream on two instances", () => {
  it("goes on from its last id on the other instance, in mid-reply, without a gap or a repeat", async (t) => {
    const { pair, a, b } = await startFleet(t);
    const gate = Promise.withResolvers<void>();
    // Whichever instance takes it up.
    for (const { model } of [a, b]) model.script("one ", "two ", { until: gate.promise }, "three ", "four");
    const first = await openStream(t, a.app, pair);
    await first.named("replayed");
    const accepted = await command(b.app, pair, { type: "message", text: "Hello", id: "m1" });
    assert.equal(accepted.status, 200);
    const { runId } = Object(await accepted.json()).value;
    await first.named("TEXT_MESSAGE_CONTENT");
    const lastId = first.ids.findLast((id) => id !== undefined) ?? "";
    first.leave();
    const second = await openStream(t, b.app, pair, { "last-event-id": lastId });
    gate.resolve();
    const end = await second.named("RUN_FINISHED");
    assert.equal(end.runId, runId);
    assert.equal(Object(second.frames.find(({ name }) => name === "joined")?.value).recovered, true);
    const numbered = [...first.frames, ...second.frames].flatMap(({ seq }) =>
      typeof seq === "number" ? [seq] : [],
    );
    assert.deepEqual(
      numbered,
      numbered.map((_, index) => index + 1),
    );
    const page = Object(await (await ask(a.app, pair, "/messages")).json());
    assert.equal(joinDeltas([...first.frames, ...second.frames]), page.messages[1].content);
  });

  it("tells the others who is writing, and not the writer, wherever the command comes in", async (t) => {
    const { pair, a, b } = await startFleet(t);
    const mine = await openStream(t, a.app, pair);
    const other = await openStream(t, b.app, pair);
    for (const stream of [mine, other]) await stream.named("replayed");
    const { connectionId } = Object((await mine.named("hello")).value);
    let count = 0;
    for (const { app } of [a, b]) {
      for (const state of ["start", "stop"]) {
        const sent = await command(app, pair, { type: "typing", state }, { "x-connection-id": connectionId });
        assert.equal(sent.status, 204);
        count += 1;
        assert.deepEqual((await other.named("typing", count)).value, { connectionId, state });
      }
    }
    await command(a.app, pair, { type: "message", text: "Hello" });
    for (const stream of [mine, other]) await stream.named("RUN_FINISHED");
    assert.deepEqual(
      mine.frames.filter(({ name }) => name === "typing"),
      [],
    );
  });
});
