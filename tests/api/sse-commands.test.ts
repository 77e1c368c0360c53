// Commands over plain HTTP: one client frame a request, answered as on a socket, with the same limits and refusals.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { ownPair, Talk } from "../support/conversation.ts";
import { ask, command, makeConversation, openStream, refusal } from "../support/event-stream-client.ts";
import { createLocalBundle } from "../support/local-bundle.ts";
import { startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { until } from "../support/until.ts";

async function start(t: TestContext, env: Record<string, string> = {}) {
  const model = createScriptedModel();
  const app = await startApp(
    t,
    { model, registry: createSmallRegistry(), storage: createLocalBundle() },
    env,
  );
  const pair = ownPair();
  /** The answer frame's name and value, or the status alone where there is none. */
  const send = async (frame: object, headers = {}): Promise<[unknown, Record<string, unknown>]> => {
    const response = await command(app, pair, frame, headers);
    const text = await response.text();
    if (text === "") return [response.status, {}];
    const body = Object(JSON.parse(text));
    assert.equal(response.headers.get("content-type"), "application/json; charset=utf-8");
    return response.ok ? [body.name, Object(body.value)] : [body.error.code, body.error];
  };
  return { app, model, pair, send };
}

describe("a command over HTTP", () => {
  it("makes a conversation with the visitor's own pair, once, and says who answers", async (t) => {
    const { pair, send } = await start(t);
    const join = { type: "join", create: true, ...pair, persona: "engineer", commandId: "c1" };
    const [name, joined] = await send(join);
    assert.deepEqual(
      [name, joined.new, joined.commandId, Object(joined.persona).id, joined.conversationId],
      ["joined", true, "c1", "engineer", pair.conversationId],
    );
    const [, again] = await send({ ...join, persona: "ada" });
    assert.deepEqual([again.new, Object(again.persona).id], [false, "engineer"]);
    const [, back] = await send({ type: "join", ...pair });
    assert.deepEqual([back.new, back.epoch], [false, joined.epoch]);
  });

  it("has its answer frame as the answer, for every frame that has one", async (t) => {
    const { app, model, pair, send } = await start(t);
    await makeConversation(app, pair);
    const stream = await openStream(t, app, pair);
    const frame = { type: "message", text: "Hello", id: "m1", commandId: "c" };
    const [name, accepted] = await send(frame);
    assert.deepEqual(
      [name, accepted.messageId, accepted.commandId, accepted.duplicate],
      ["accepted", "m1", "c", undefined],
    );
    const { messageId: replyId } = await stream.named("TEXT_MESSAGE_END");
    await stream.named("RUN_FINISHED");
    const [, twice] = await send(frame);
    assert.deepEqual([twice.duplicate, twice.state, twice.runId], [true, "finished", accepted.runId]);
    const rated = { type: "feedback", messageId: replyId, rating: "up" };
    assert.deepEqual(await send(rated), ["feedback.saved", { messageId: replyId, rating: "up" }]);
    const [historyName, history] = await send({ type: "history", limit: 1 });
    assert.deepEqual([historyName, history.before, history.hasMore], ["history", replyId, true]);
    assert.deepEqual(await send({ type: "ping", t: 7 }), ["pong", { t: 7 }]);
    assert.equal((await send({ type: "edit", messageId: "m1", text: "Hi" }))[0], "accepted");
    await stream.named("RUN_FINISHED", 2);
    assert.equal((await send({ type: "regenerate" }))[0], "accepted");
    await stream.named("RUN_FINISHED", 3);
    assert.deepEqual(await send({ type: "persona", persona: "engineer" }), [204, {}]);
    await stream.named("persona.changed");
    model.script("so far", { until: new Promise(() => undefined) });
    await send({ type: "message", text: "more" });
    await stream.named("TEXT_MESSAGE_CONTENT", 4);
    assert.deepEqual(await send({ type: "stop" }), [204, {}]);
    await until("the model is let go", () => model.active === 0);
    const end = await stream.named("RUN_FINISHED", 4);
    assert.equal(Object(end.outcome).type, "cancelled");
    assert.deepEqual(await send({ type: "ack", seq: 1 }), [204, {}]);
  });

  it("is refused as on a socket, with the status that belongs to it", async (t) => {
    const { app, pair, send } = await start(t);
    await makeConversation(app, pair);
    await send({ type: "message", text: "one", id: "m1" });
    const cases: readonly (readonly [string | object, number, string])[] = [
      ["", 400, "invalid_json"],
      ["{", 400, "invalid_json"],
      ["[]", 400, "invalid_frame"],
      ["null", 400, "invalid_frame"],
      ['"x"', 400, "invalid_frame"],
      [{}, 400, "invalid_frame"],
      [{ type: "shout" }, 400, "unsupported_type"],
      [{ type: "__proto__" }, 400, "unsupported_type"],
      [{ type: "message", text: " " }, 400, "invalid_frame"],
      [{ type: "message", text: "x", extra: 1 }, 400, "invalid_frame"],
      ['{"type":"ping","__proto__":{"x":1}}', 400, "invalid_frame"],
      [{ type: "message", text: "x".repeat(2_001) }, 413, "message_too_long"],
      [{ type: "message", text: "other", id: "m1" }, 409, "id_conflict"],
      [{ type: "history", before: "unknown" }, 404, "message_not_found"],
      [{ type: "stop", runId: "unknown" }, 409, "already_finished"],
      [{ type: "persona", persona: "nobody" }, 404, "persona_not_found"],
      [{ type: "join" }, 400, "invalid_frame"],
      [{ type: "join", create: true, ...ownPair() }, 400, "invalid_frame"],
      [{ type: "join", ...pair, resumeToken: ownPair().resumeToken }, 400, "invalid_frame"],
    ];
    for (const [frame, ...expected] of cases)
      assert.deepEqual(await refusal(await command(app, pair, frame)), expected, JSON.stringify(frame));
    const huge = await command(app, pair, { type: "message", text: "x".repeat(70_000) });
    assert.deepEqual(await refusal(huge), [413, "message_too_long"]);
    const text = await ask(app, pair, "/commands", { method: "POST", body: '{"type":"ping"}' });
    assert.deepEqual(await refusal(text), [415, "unsupported_media_type"]);
    const stranger = { ...pair, resumeToken: ownPair().resumeToken };
    const stolen = await command(app, stranger, { type: "join", create: true, ...stranger });
    assert.deepEqual(await refusal(stolen), [404, "conversation_not_found"]);
  });

  it("to a conversation that nobody has made is conversation_not_found: only join makes one", async (t) => {
    const { send } = await start(t);
    for (const frame of [
      { type: "message", text: "x" },
      { type: "stop" },
      { type: "typing", state: "start" },
    ])
      assert.equal((await send(frame))[0], "conversation_not_found");
  });

  it("takes from the allowance that the sockets of the address have, too", async (t) => {
    const { app, pair } = await start(t, { MESSAGES_PER_MINUTE: "3" });
    await makeConversation(app, pair);
    const talk = new Talk(await app.connect());
    await talk.join(pair);
    await talk.say("one");
    for (const text of ["two", "three"])
      assert.equal((await command(app, pair, { type: "message", text })).status, 200);
    const refused = await command(app, pair, { type: "message", text: "four" });
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    assert.deepEqual(await refusal(refused), [429, "rate_limited"]);
    talk.client.send({ type: "message", text: "five" });
    assert.equal((await talk.refused()).code, "rate_limited");
  });

  it("has the allowance of one socket for each conversation, and no more requests than a socket has frames", async (t) => {
    const { app, pair } = await start(t, { MESSAGES_PER_MINUTE_PER_CONNECTION: "2" });
    const other = ownPair();
    for (const each of [pair, other]) {
      await makeConversation(app, each);
      const statuses = [];
      for (const text of ["a", "b", "c"])
        statuses.push((await command(app, each, { type: "message", text })).status);
      assert.deepEqual(statuses, [200, 200, 429]);
    }
    const flood = [];
    for (let index = 0; index < 1_250; index += 1)
      flood.push((await ask(app, ownPair(), "/messages")).status);
    assert.deepEqual([...new Set(flood)], [404, 429]);
    assert.equal((await ask(app, pair, "")).status, 429);
  });

  it("writes no visitor's word and no token into the log", async (t) => {
    const { app, pair } = await start(t);
    await makeConversation(app, pair);
    await command(app, pair, { type: "message", text: "a secret word" });
    await command(app, pair, '{"type":"message","text":"a secret word"');
    await ask(app, pair, "", { method: "DELETE" });
    const logged = JSON.stringify(app.log.lines);
    for (const secret of ["secret word", pair.resumeToken]) assert.ok(!logged.includes(secret), secret);
    assert.equal(app.log.named("conversation_erased").length, 1);
  });
});

describe("typing over HTTP", () => {
  it("is shown to the others under the stream's own name, or under one of its own without a stream", async (t) => {
    const { app, pair, send } = await start(t);
    await makeConversation(app, pair);
    const talk = new Talk(await app.connect());
    await talk.join(pair);
    await talk.custom("replayed");
    assert.equal((await send({ type: "typing", state: "start" }))[0], 204);
    const unnamed = Object(await talk.custom("typing"));
    assert.equal(unnamed.state, "start");
    await send({ type: "typing", state: "stop" });
    assert.deepEqual(await talk.custom("typing"), { ...unnamed, state: "stop" });
    const stream = await openStream(t, app, pair);
    await stream.named("replayed");
    await send({ type: "typing", state: "start" });
    const { connectionId } = Object((await stream.named("hello")).value);
    assert.deepEqual(await talk.custom("typing"), { connectionId, state: "start" });
    stream.leave();
    assert.deepEqual(await talk.custom("typing"), { connectionId, state: "stop" }, "who leaves has ceased");
    assert.equal(stream.frames.filter(({ name }) => name === "typing").length, 0);
  });
});
