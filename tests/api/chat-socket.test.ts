// Whole conversations with the shipped personas and without a language model, as a visitor has them.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isTerminal, Talk } from "../support/conversation.ts";
import { startApp } from "../support/running-app.ts";
import { openRefused } from "../support/socket-client.ts";
import { joinDeltas } from "../support/wire-invariants.ts";

describe("the chat socket with the shipped personas", () => {
  it("answers a client of two lines: connect, send a message", async (t) => {
    const app = await startApp(t);
    const client = await app.connect();
    client.send({ type: "message", text: "When were you born?" });
    await client.next(isTerminal);
    assert.match(joinDeltas(client.frames), /10 December 1815/);
    const shown = client.frames.map(({ type, name }) => (type === "CUSTOM" ? name : type));
    assert.deepEqual(shown.slice(0, 5), ["hello", "joined", "accepted", "RUN_STARTED", "TEXT_MESSAGE_START"]);
    assert.deepEqual(shown.slice(-2), ["TEXT_MESSAGE_END", "RUN_FINISHED"]);
  });

  it("says on connecting what a client has to know", async (t) => {
    const app = await startApp(t, {}, { WS_HEARTBEAT_SECONDS: "7", MESSAGES_PER_MINUTE: "42" });
    const hello = await new Talk(await app.connect()).custom("hello");
    assert.partialDeepStrictEqual(hello, {
      protocol: "parley/1",
      agui: "1.0",
      heartbeatMs: 7_000,
      idleTtlMs: 3_600_000,
      limits: { maxFrameBytes: 65_536, messagesPerMinute: 42 },
    });
  });

  it("marks a reply that no model wrote, and stores exactly the text that was streamed", async (t) => {
    const app = await startApp(t);
    const talk = new Talk(await app.connect());
    const joined = await talk.join();
    assert.equal(joined.new, true);
    const run = await talk.ask("Who was your father?");
    assert.match(run.text, /Byron/);
    assert.equal(run.outcome, "success");
    const end = run.frames.find(({ type }) => type === "TEXT_MESSAGE_END");
    assert.partialDeepStrictEqual(end?.metadata, { source: "offline", revision: joined.persona.revision });
    const start = run.frames.find(({ type }) => type === "TEXT_MESSAGE_START");
    assert.deepEqual(start?.metadata, { source: "offline" });
    const { messages, hasMore } = await talk.history();
    assert.deepEqual(
      messages.map(({ role, content }) => [role, content]),
      [
        ["user", "Who was your father?"],
        ["assistant", run.text],
      ],
    );
    assert.equal(messages[1]?.id, end?.messageId);
    assert.equal(messages[1]?.metadata.source, "offline");
    assert.equal(hasMore, false);
  });

  it("greets and answers in Turkish, byte for byte", async (t) => {
    const app = await startApp(t);
    const talk = new Talk(await app.connect());
    const { persona } = await talk.join({ locale: "tr-TR" });
    assert.equal(persona.language, "tr");
    assert.match(persona.greeting, /^İyi günler/);
    const run = await talk.ask("Ne zaman doğdun?");
    assert.match(run.text, /10 Aralık 1815/);
    const { messages } = await talk.history();
    assert.equal(messages[1]?.content, run.text);
  });

  it("answers a question it does not know with the persona's own fallback, and says that it is one", async (t) => {
    const app = await startApp(t);
    const talk = new Talk(await app.connect());
    const run = await talk.ask("What does a litre of diesel cost?");
    assert.match(run.text, /^I do not know, and I will not pretend that I do\./);
    const end = run.frames.find(({ type }) => type === "TEXT_MESSAGE_END");
    assert.partialDeepStrictEqual(end?.metadata, { source: "scripted" });
  });

  it("lets an object of the address's choice answer", async (t) => {
    const app = await startApp(t);
    const talk = new Talk(await app.connect("?object=jacquard-card"));
    const { persona } = await talk.join();
    assert.deepEqual([persona.kind, persona.id], ["object", "jacquard-card"]);
    const run = await talk.ask("Who was Jacquard?");
    assert.match(run.text, /Lyon/);
    assert.partialDeepStrictEqual(run.frames[0], {
      type: "RUN_STARTED",
      metadata: { persona: { id: "jacquard-card", kind: "object" } },
    });
  });

  it("lets the first message choose who answers, over the address's choice", async (t) => {
    const app = await startApp(t);
    const talk = new Talk(await app.connect("?object=jacquard-card"));
    await talk.say("Good day", { persona: "engineer" });
    assert.equal((await talk.joined()).persona.id, "engineer");
  });

  it("refuses a persona that does not exist before the upgrade, with the JSON error body", async (t) => {
    const app = await startApp(t);
    const socket = `${app.url.replace("http", "ws")}/api/v1/chat/ws`;
    const unknown = ["?persona=nobody", "?object=nobody", "?persona=__proto__", "?persona=..%2Fetc"];
    for (const query of unknown) {
      const refusal = await openRefused(`${socket}${query}`);
      assert.equal(refusal.status, 404, query);
      const body: unknown = JSON.parse(refusal.body);
      assert.partialDeepStrictEqual(body, {
        error: { code: "persona_not_found", category: "not_found", retryable: false },
      });
      assert.equal(typeof refusal.headers["x-request-id"], "string");
    }
    const both = await openRefused(`${socket}?persona=engineer&object=jacquard-card`);
    assert.equal(both.status, 400);
    assert.match(both.body, /"invalid_frame"/);
  });

  it("answers an application ping with what it was given", async (t) => {
    const app = await startApp(t);
    const talk = new Talk(await app.connect());
    talk.client.send({ type: "ping", t: 17, commandId: "a" });
    assert.deepEqual(await talk.custom("pong"), { t: 17, commandId: "a" });
    talk.client.send({ type: "ping" });
    assert.deepEqual(await talk.custom("pong"), {});
  });
});
