// The client over an event stream: what holds over a socket holds here, and nothing is lost or said twice.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../support/until.ts";
import { joinedValue, openBlocked, openStream } from "./blocked-client.ts";
import { useClients } from "./client-fixture.ts";
import { begin, delta, end, finished, started } from "./server-events.ts";

const fixture = useClients();

describe("over an event stream", () => {
  it("a reply arrives word by word, as over a socket", async () => {
    const { chat, stream } = await openBlocked(fixture);
    const id = chat.send("Hello");
    const message = await fixture.server.requests.command("message");
    assert.deepEqual([message.frame.id, message.frame.text], [id, "Hello"]);
    message.say("accepted", { messageId: id, runId: "r1", position: 0, state: "running", commandId: id });
    await until("accepted", () => chat.state.unsent.length === 0);
    stream.events(1, started("r1", id), begin("a1"), delta("a1", "I am "));
    await until("the first word", () => chat.state.seq === 3);
    stream.events(4, delta("a1", "Ada."), end("a1"), finished("r1"));
    await until("the end", () => chat.state.run === undefined && chat.state.seq === 6);
    const reply = chat.state.messages.at(-1);
    assert.equal(reply?.type === "message" && reply.text, "I am Ada.");
  });

  it("reading is not acknowledged: that would be a request a second", async () => {
    const { chat, stream } = await openBlocked(fixture);
    stream.events(1, started("r1", "m1"), begin("a1"), ...Array.from({ length: 70 }, () => delta("a1", "x")));
    await until("all", () => chat.state.seq === 72);
    chat.stop();
    await fixture.server.requests.command("stop");
    assert.deepEqual(
      fixture.server.requests.of("POST").map(({ frame }) => frame.type),
      ["join", "stop"],
    );
  });

  it("one command is under way at a time, in the order in which they were given", async () => {
    const { chat } = await openBlocked(fixture);
    chat.stop();
    chat.choose({ kind: "object", id: "engine" });
    chat.setTyping(true);
    for (const [index, type] of ["stop", "persona", "typing"].entries()) {
      const request = await fixture.server.requests.receive("POST /commands", index + 1);
      assert.equal(request.frame.type, type);
      assert.equal(fixture.server.requests.of("POST").length, index + 2);
      request.answer(204, "");
    }
  });

  it("a refusal is told of as over a socket", async () => {
    const { chat } = await openBlocked(fixture);
    const id = chat.send("Too long");
    (await fixture.server.requests.command("message")).refuse(413, "message_too_long");
    await until("refused", () => chat.state.messages.at(-1)?.id === id);
    assert.deepEqual(chat.state.unsent, []);
    chat.regenerate(id);
    (await fixture.server.requests.command("regenerate")).refuse(404, "message_not_found");
    await until("the problem", () => chat.state.problem?.code === "message_not_found");
    assert.equal(chat.state.joined, true);
  });

  it("that breaks the client comes back with its position, without another WebSocket", async () => {
    const { chat, stream } = await openBlocked(fixture);
    stream.events(1, started("r1", "m1"), begin("a1"), delta("a1", "I am "));
    await until("the delta", () => chat.state.seq === 3);
    stream.cut();
    const second = await openStream(fixture, 1, { recovered: true, lastSeq: 5 });
    assert.equal(second.headers["last-event-id"], "e1:3");
    second.events(4, delta("a1", "Ada."), end("a1"));
    await until("the end", () => chat.state.seq === 5);
    assert.equal(fixture.server.upgrades, 2);
    assert.equal(fixture.server.requests.of("POST").length, 1, "what exists is not made again");
  });

  it("that the server ends the client comes back to as well", async () => {
    const { chat, stream } = await openBlocked(fixture);
    stream.send({ type: "CUSTOM", name: "draining", value: { reconnectInMs: 5 } });
    stream.end();
    await openStream(fixture, 1, { recovered: true });
    await until("joined", () => chat.state.joined);
  });

  it("a command that was cut off goes again under its id", async () => {
    const { chat, stream } = await openBlocked(fixture);
    const id = chat.send("Hello");
    (await fixture.server.requests.command("message")).cut();
    await until("the end of the stream", () => stream.isOver);
    await openStream(fixture, 1, { recovered: true });
    const again = await fixture.server.requests.command("message", 1);
    assert.equal(again.frame.id, id);
    again.say("accepted", { messageId: id, runId: "r1", position: 0, state: "running", duplicate: true });
    await until("accepted", () => chat.state.unsent.length === 0);
  });

  it("an answer that is not the server's is no answer: what was sent goes again", async () => {
    const { chat } = await openBlocked(fixture);
    const id = chat.send("Hello");
    (await fixture.server.requests.command("message")).answer(502, "<html>Bad gateway</html>");
    await openStream(fixture, 1, { recovered: true });
    assert.equal((await fixture.server.requests.command("message", 1)).frame.id, id);
    assert.deepEqual(chat.state.unsent, [{ id, text: "Hello" }]);
  });

  it("a storage that is away is asked again on the same way", async () => {
    const { chat, stream } = await openBlocked(fixture);
    stream.cut();
    const refused = await fixture.server.requests.receive("GET /events", 1);
    refused.refuse(503, "storage_unavailable", { retryable: true, retryAfterMs: 5 });
    await openStream(fixture, 2, { recovered: true });
    await until("joined", () => chat.state.joined);
    assert.equal(chat.state.problem, undefined);
  });

  it("a conversation that the server lost begins anew, and what was unsent goes there", async () => {
    const { chat, stream } = await openBlocked(fixture);
    stream.cut();
    const lost = await fixture.server.requests.receive("GET /events", 1);
    const id = chat.send("Still there?");
    lost.refuse(404, "conversation_not_found");
    const join = await fixture.server.requests.command("join", 1);
    assert.equal(join.frame.create, true);
    assert.notEqual(join.path, `${lost.path.replace("/events", "")}/commands`);
    join.say("joined", joinedValue(join.frame.conversationId, { new: true }));
    assert.equal((await fixture.server.requests.command("message")).frame.id, id);
    assert.equal(chat.state.ended, true);
  });

  it("a refused beginning is told of, and tried again in the server's own time", async () => {
    fixture.server.blocking = "cut";
    const chat = fixture.connect();
    const first = await fixture.server.requests.command("join");
    first.refuse(429, "rate_limited", { retryable: true, retryAfterMs: 5 });
    const again = await fixture.server.requests.command("join", 1);
    assert.equal(again.frame.conversationId, first.frame.conversationId);
    assert.equal(chat.state.problem?.code, "rate_limited");
    assert.equal(fixture.server.requests.of("GET /events").length, 0);
  });

  it("a new beginning leaves the old stream", async () => {
    const { chat, stream } = await openBlocked(fixture);
    chat.startAnew();
    const join = await fixture.server.requests.command("join", 1);
    await until("the old one's end", () => stream.isOver);
    join.say("joined", joinedValue(join.frame.conversationId, { new: true }));
    const second = await openStream(fixture, 1);
    assert.notEqual(second.path, stream.path);
    await until("joined", () => chat.state.joined);
  });

  it("an erased conversation ends, and the client stays away until the visitor acts", async () => {
    const { chat, stream } = await openBlocked(fixture);
    stream.send({ type: "CUSTOM", name: "conversation.erased", value: {} });
    stream.end();
    await until("the end", () => chat.state.erased === true);
    assert.equal(chat.state.link.status, "stopped");
    assert.equal(fixture.server.requests.of("GET").length, 1);
    chat.wake();
    await fixture.server.requests.command("join", 1);
  });

  it("silence while a reply is owed ends the line; a comment of the server is none", async () => {
    const { chat, stream } = await openBlocked(fixture, { patienceMs: 400 });
    stream.events(1, started("r1", "m1"));
    await until("the run", () => chat.state.run !== undefined);
    // Longer than two patiences, with a sign of life in each.
    for (const signs = Array.from({ length: 10 }, (_, index) => index); signs.length > 0; signs.pop()) {
      const since = performance.now();
      stream.stream(": \n\n");
      await until("a while", () => performance.now() - since > 100);
    }
    assert.equal(stream.isOver, false);
    await until("the end of the stream", () => stream.isOver);
    const second = await fixture.server.requests.receive("GET /events", 1);
    assert.equal(second.headers["last-event-id"], "e1:1");
    assert.deepEqual(
      fixture.server.requests.of("POST").map(({ frame }) => frame.type),
      ["join"],
    );
  });

  it("commands name the stream that they belong to", async () => {
    const { chat, stream } = await openBlocked(fixture);
    stream.send({
      type: "CUSTOM",
      name: "hello",
      value: { connectionId: "s1", limits: { maxMessageChars: 4000 } },
    });
    await until("the greeting", () => chat.state.maxMessageChars === 4000);
    chat.setTyping(true);
    const { headers } = await fixture.server.requests.command("typing");
    assert.equal(headers["x-connection-id"], "s1");
  });

  it("the server's reason for its end counts as a close code does", async () => {
    const { chat, stream } = await openBlocked(fixture);
    stream.send({ type: "CUSTOM", name: "pong", value: {} });
    stream.stream(": 4503 Not allowed.\n\n");
    stream.end();
    await until("the end", () => chat.state.link.status === "stopped");
    assert.deepEqual(chat.state.link, { status: "stopped", code: "forbidden" });
  });

  it("a closed client leaves no request behind", async () => {
    const { chat, stream } = await openBlocked(fixture);
    chat.stop();
    const post = await fixture.server.requests.command("stop");
    chat.close();
    await until("the ends", () => stream.isOver && post.isOver);
  });
});
