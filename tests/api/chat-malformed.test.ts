// What a client must not send: it is told what was wrong, and its connection stays usable, up to a bound.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { Talk } from "../support/conversation.ts";
import { clientFrame, handshake, OPCODE, openRawSocket } from "../support/raw-socket.ts";
import { type RunningApp, startApp } from "../support/running-app.ts";
import { createScriptedModel } from "../support/scripted-model.ts";
import { createSmallRegistry } from "../support/small-registry.ts";
import { until } from "../support/until.ts";

function start(t: TestContext): Promise<RunningApp> {
  return startApp(t, { model: createScriptedModel(), registry: createSmallRegistry() });
}

const MAX_FRAME_BYTES = 65_536;

type BadFrame = readonly [what: string, sent: string, code: string, field?: string];

const BAD_FRAMES: readonly BadFrame[] = [
  ["an empty frame", "", "invalid_json"],
  ["text", "Hello", "invalid_json"],
  ["half an object", '{"type":"ping"', "invalid_json"],
  ["two objects", '{"type":"ping"}{"type":"ping"}', "invalid_json"],
  ["a deep nesting that never closes", "[".repeat(60_000), "invalid_json"],
  ["a deep nesting that closes", "[".repeat(30_000) + "]".repeat(30_000), "invalid_frame"],
  ["a deep field", `{"type":"ping","t":${"[".repeat(30_000)}${"]".repeat(30_000)}}`, "invalid_frame", "t"],
  ["an array", '[{"type":"ping"}]', "invalid_frame"],
  ["a string", '"ping"', "invalid_frame"],
  ["a number", "1", "invalid_frame"],
  ["null", "null", "invalid_frame"],
  ["no type", "{}", "invalid_frame", "type"],
  ["a type that is no string", '{"type":1}', "invalid_frame", "type"],
  ["an unknown type", '{"type":"shout"}', "unsupported_type"],
  ["a type of Object's own", '{"type":"constructor"}', "unsupported_type"],
  ["the type __proto__", '{"type":"__proto__"}', "unsupported_type"],
  ["an unknown field", '{"type":"ping","extra":1}', "invalid_frame", "extra"],
  ["__proto__ as a field", '{"type":"ping","__proto__":{"t":1}}', "invalid_frame", "__proto__"],
  ["constructor as a field", '{"type":"ping","constructor":{}}', "invalid_frame", "constructor"],
  ["a message without text", '{"type":"message"}', "invalid_frame", "text"],
  ["an empty text", '{"type":"message","text":""}', "invalid_frame", "text"],
  ["a blank text", '{"type":"message","text":" \\n\\t\\u00a0 "}', "invalid_frame", "text"],
  ["a text that is an object", '{"type":"message","text":{"a":1}}', "invalid_frame", "text"],
  ["an id with a space", '{"type":"message","text":"a","id":"a b"}', "invalid_frame", "id"],
  ["an id that is too long", `{"type":"message","text":"a","id":"${"i".repeat(65)}"}`, "invalid_frame", "id"],
  ["an empty id", '{"type":"message","text":"a","id":""}', "invalid_frame", "id"],
  [
    "both who may answer",
    '{"type":"message","text":"a","persona":"p","object":"o"}',
    "invalid_frame",
    "object",
  ],
  ["a short conversation id", '{"type":"join","conversationId":"abc","resumeToken":"def"}', "invalid_frame"],
  [
    "an id without its token",
    `{"type":"join","conversationId":"${"a".repeat(22)}"}`,
    "invalid_frame",
    "resumeToken",
  ],
  ["create without a pair", '{"type":"join","create":true}', "invalid_frame", "create"],
  ["a position without its epoch", '{"type":"join","after":1}', "invalid_frame", "after"],
  ["a position below zero", '{"type":"join","epoch":"e","after":-1}', "invalid_frame", "after"],
  ["a broken position", '{"type":"join","epoch":"e","after":1.5}', "invalid_frame", "after"],
  ["a position beyond all numbers", '{"type":"join","epoch":"e","after":1e999}', "invalid_frame", "after"],
  ["a locale that is none", '{"type":"join","locale":"<b>"}', "invalid_frame", "locale"],
  ["a persona that is a path", '{"type":"join","persona":"../../etc"}', "invalid_frame", "persona"],
  ["an ack below zero", '{"type":"ack","seq":-1}', "invalid_frame", "seq"],
  ["a page of none", '{"type":"history","limit":0}', "invalid_frame", "limit"],
  ["a page of too many", '{"type":"history","limit":101}', "invalid_frame", "limit"],
  ["a run that is a number", '{"type":"stop","runId":7}', "invalid_frame", "runId"],
  ["a command id that is too long", `{"type":"ping","commandId":"${"c".repeat(65)}"}`, "invalid_frame"],
];

describe("a bad frame", () => {
  it("is refused by its code and its field, and the connection is as it was", async (t) => {
    const app = await start(t);
    for (const [what, sent, code, field] of BAD_FRAMES) {
      const talk = new Talk(await app.connect());
      talk.client.send(sent);
      const refusal = await talk.refused();
      assert.equal(refusal.code, code, what);
      assert.equal(refusal.retryable, false, what);
      if (field) assert.partialDeepStrictEqual(refusal.details, { fields: [{ field }] }, what);
      assert.doesNotMatch(JSON.stringify(refusal), /\.ts:\d|node_modules|ZodError/, what);
      talk.client.send({ type: "ping" });
      await talk.custom("pong");
      assert.ok(talk.client.isOpen, what);
      await talk.client.close();
    }
  });

  it("does no harm to the conversation that its connection has", async (t) => {
    const app = await start(t);
    const talk = new Talk(await app.connect());
    const { conversationId } = await talk.join();
    for (const [, sent] of BAD_FRAMES.slice(0, 10)) talk.client.send(sent);
    const { frames } = await talk.ask("still here?");
    assert.equal(frames[0]?.threadId, conversationId);
    assert.equal(Object.hasOwn(Object.prototype, "t"), false);
  });

  it("is answered with its command id where it has one", async (t) => {
    const app = await start(t);
    const talk = new Talk(await app.connect());
    talk.client.send({ type: "ping", commandId: "c7", extra: 1 });
    assert.equal((await talk.refused()).commandId, "c7");
    talk.client.send({ type: "nothing", commandId: "c8" });
    assert.equal((await talk.refused()).commandId, "c8");
    talk.client.send({ type: "ping", commandId: { toString: "c9" } });
    assert.equal((await talk.refused()).commandId, undefined);
  });

  it("may come ten times in a minute; the eleventh closes with 4500", async (t) => {
    const app = await start(t);
    const talk = new Talk(await app.connect());
    for (let count = 0; count < 10; count += 1) talk.client.send("not JSON");
    assert.equal((await talk.ask("still welcome?")).outcome, "success");
    talk.client.send("not JSON");
    assert.equal((await talk.client.closed).code, 4500);
    assert.equal(talk.client.frames.filter(({ name }) => name === "error").length, 11);
  });

  it("counts only where the frame was wrong: ten refused commands are no rubbish", async (t) => {
    const app = await start(t);
    const talk = new Talk(await app.connect());
    await talk.join();
    for (let count = 0; count < 15; count += 1) talk.client.send({ type: "stop" });
    for (let count = 0; count < 15; count += 1) assert.equal((await talk.refused()).code, "already_finished");
    assert.ok(talk.client.isOpen);
  });

  it("that closed the connection ends it for what was sent behind it, too", async (t) => {
    const model = createScriptedModel();
    const app = await startApp(t, { model, registry: createSmallRegistry() });
    const talk = new Talk(await app.connect());
    await talk.join();
    for (let count = 0; count < 11; count += 1) talk.client.send("not JSON");
    talk.client.send({ type: "message", text: "after the end" });
    assert.equal((await talk.client.closed).code, 4500);
    await until("nothing runs", () => app.log.named("websocket_disconnected").length === 1);
    assert.equal(model.calls.length, 0);
    assert.equal(app.log.named("run_finished").length, 0);
  });
});

describe("a frame that is no frame", () => {
  it("may be exactly 64 KiB long; one byte more closes with 1009", async (t) => {
    const app = await start(t);
    const talk = new Talk(await app.connect());
    const frame = (bytes: number) => `{"type":"ping","t":1}${" ".repeat(bytes - 21)}`;
    assert.equal(frame(MAX_FRAME_BYTES).length, MAX_FRAME_BYTES);
    talk.client.send(frame(MAX_FRAME_BYTES));
    assert.deepEqual(await talk.custom("pong"), { t: 1 });
    talk.client.send(frame(MAX_FRAME_BYTES + 1));
    assert.equal((await talk.client.closed).code, 1009);
  });

  it("closes with 1003 when it is binary", async (t) => {
    const app = await start(t);
    const client = await app.connect();
    client.send(Buffer.from('{"type":"ping"}'));
    assert.equal((await client.closed).code, 1003);
  });

  it("closes with 1007 when it is not UTF-8", async (t) => {
    const app = await start(t);
    const raw = await openRawSocket(t, app.port, handshake("/api/v1/chat/ws"));
    raw.write(clientFrame(OPCODE.text, Buffer.from([0x7b, 0xff, 0xfe, 0x7d])));
    assert.equal(await raw.closeCode(), 1007);
  });

  it("harms nobody else, and leaves no error behind", async (t) => {
    const app = await start(t);
    const bystander = new Talk(await app.connect());
    const bad = await Promise.all([1, 2, 3].map(() => app.connect()));
    for (const client of bad) client.send(Buffer.alloc(10));
    await Promise.all(bad.map(({ closed }) => closed));
    assert.equal((await bystander.ask("all well?")).outcome, "success");
    assert.deepEqual(
      app.log.lines.filter(({ level }) => level === "error"),
      [],
    );
  });
});
