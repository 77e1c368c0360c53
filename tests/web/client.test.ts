// The client against a scripted server: joining, coming back, and messages that go out exactly once.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChatClient } from "#app/web/client.ts";
import { until } from "../support/until.ts";
import { useClients } from "./client-fixture.ts";
import { begin, delta, end, finished, started } from "./server-events.ts";

const SECRET = /^[A-Za-z0-9_-]{22}$/;

const fixture = useClients();

function textOf(from: ChatClient, index: number): string {
  const item = from.state.messages.at(index);
  return item?.type === "message" ? item.text : "";
}

function createStorage(): { getItem(key: string): string | null; setItem(key: string, value: string): void } {
  const values = new Map<string, string>();
  return { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => void values.set(key, value) };
}

describe("joining", () => {
  it("brings a new conversation's own id and token, so that a socket that dies before the answer costs nothing", async () => {
    fixture.connect({ persona: { kind: "object", id: "engine" }, locale: "tr" });
    const first = await (await fixture.server.connection(0)).receive("join");
    assert.equal(first.create, true);
    assert.match(String(first.conversationId), SECRET);
    assert.match(String(first.resumeToken), SECRET);
    assert.notEqual(first.conversationId, first.resumeToken);
    assert.deepEqual([first.object, first.persona, first.locale], ["engine", undefined, "tr"]);

    fixture.server.connections[0]?.terminate();
    const second = await (await fixture.server.connection(1)).receive("join");
    assert.equal(second.create, true);
    assert.deepEqual([second.conversationId, second.resumeToken], [first.conversationId, first.resumeToken]);
  });

  it("comes back with epoch and position, and applies what is repeated only once", async () => {
    const chat = fixture.connect();
    const first = await fixture.server.connection(0);
    await first.join();
    first.events(1, started("r1", "m1"), begin("a1"), delta("a1", "I am "));
    await until("the delta", () => chat.state.seq === 3);
    first.terminate();

    const second = await fixture.server.connection(1);
    const join = await second.join({ new: false, recovered: true, lastSeq: 5 });
    assert.deepEqual([join.create, join.epoch, join.after], [undefined, "e1", 3]);
    second.events(2, begin("a1"), delta("a1", "I am "), delta("a1", "Ada."), end("a1"), finished("r1"));
    await until("the end", () => chat.state.seq === 6);
    assert.equal(textOf(chat, 1), "I am Ada.");
    assert.equal(chat.state.messages.length, 2);
  });

  it("takes a snapshot for the whole where the position could not be continued", async () => {
    const chat = fixture.connect();
    const first = await fixture.server.connection(0);
    await first.join();
    first.events(1, started("r1", "m1"), begin("a1"), delta("a1", "lost"));
    await until("the delta", () => chat.state.seq === 3);
    first.terminate();

    const second = await fixture.server.connection(1);
    await second.join({ new: false, recovered: false, epoch: "e2", lastSeq: 9 });
    const messages = [{ id: "m1", role: "user", content: "Hello", metadata: {} }];
    second.send({ type: "MESSAGES_SNAPSHOT", messages, metadata: { seq: 9 } });
    second.events(10, started("r2", "m1"), begin("a2"), delta("a2", "whole"));
    await until("the reply", () => chat.state.seq === 12);
    assert.deepEqual([textOf(chat, -1), chat.state.messages.length, chat.state.epoch], ["whole", 2, "e2"]);
  });

  it("asks for the whole on the same connection when a number is missing", async () => {
    const chat = fixture.connect();
    const connection = await fixture.server.connection(0);
    await connection.join();
    connection.events(1, started("r1", "m1"));
    connection.events(3, delta("a1", "hole"));
    const again = await connection.join({ new: false, lastSeq: 3 }, 1);
    assert.deepEqual([again.epoch, again.after, again.create], [undefined, undefined, undefined]);
    connection.send({ type: "MESSAGES_SNAPSHOT", messages: [], metadata: { seq: 0 } });
    connection.events(1, started("r1", "m1"), begin("a1"), delta("a1", "no hole"));
    await until("the whole", () => chat.state.seq === 3);
    assert.equal(textOf(chat, 1), "no hole");
  });

  it("after a reload comes without a position, with the messages that were not accepted", async () => {
    const storage = createStorage();
    const before = fixture.connect({ storage });
    const first = await fixture.server.connection(0);
    const { conversationId, resumeToken } = await first.join();
    await until("joined", () => before.state.joined);
    const id = before.send("Not accepted");
    await first.receive("message");
    before.close();

    const chat = fixture.connect({ storage });
    assert.deepEqual(chat.state.unsent, [{ id, text: "Not accepted" }]);
    const second = await fixture.server.connection(1);
    const join = await second.join({ new: false });
    assert.deepEqual([join.conversationId, join.resumeToken], [conversationId, resumeToken]);
    assert.deepEqual([join.epoch, join.after, join.create], [undefined, undefined, undefined]);
    assert.equal((await second.receive("message")).id, id);
  });

  it("does not trust a storage that somebody else wrote to", async () => {
    const storage = createStorage();
    storage.setItem(
      "parley.conversation.v1",
      JSON.stringify({ conversationId: "<x>", resumeToken: 5, unsent: {} }),
    );
    fixture.connect({ storage });
    assert.equal((await (await fixture.server.connection(0)).receive("join")).create, true);
  });

  it("begins anew when the server has lost the conversation, and says what was not sent there", async () => {
    const chat = fixture.connect();
    const ended: string[] = [];
    chat.on("ended", ({ conversationId }) => void ended.push(conversationId));
    const first = await fixture.server.connection(0);
    const { conversationId } = await first.join();
    first.events(1, started("r1", "m1"), begin("a1"), delta("a1", "half"));
    await until("the delta", () => chat.state.seq === 3);
    first.terminate();
    const id = chat.send("Still there?");

    const second = await fixture.server.connection(1);
    const again = await second.receive("join");
    assert.equal(again.conversationId, conversationId);
    second.refuse("conversation_not_found", again.commandId);
    const fresh = await second.join({}, 1);
    assert.equal(fresh.create, true);
    assert.notEqual(fresh.conversationId, conversationId);
    assert.equal((await second.receive("message")).id, id);
    assert.deepEqual(ended, [conversationId]);
    assert.deepEqual([chat.state.past.length, chat.state.messages.length], [2, 0]);
  });

  it("tries again on the same connection while the storage is away", async () => {
    const chat = fixture.connect();
    const connection = await fixture.server.connection(0);
    const { commandId } = await connection.receive("join");
    connection.refuse("storage_unavailable", commandId, { retryable: true, retryAfterMs: 5 });
    await connection.join({}, 1);
    await until("joined", () => chat.state.joined);
    assert.equal(chat.state.problem, undefined);
    assert.equal(fixture.server.connections.length, 1);
  });

  it("goes to the main persona where the chosen one does not exist", async () => {
    const chat = fixture.connect({ persona: { kind: "persona", id: "gone" } });
    const connection = await fixture.server.connection(0);
    const { commandId } = await connection.receive("join");
    connection.refuse("persona_not_found", commandId);
    const again = await connection.join({}, 1);
    assert.equal(again.persona, undefined);
    await until("joined", () => chat.state.joined);
  });
});

describe("messages", () => {
  it("go out one after the other and once, under the same id over connections", async () => {
    const chat = fixture.connect();
    const ids = [chat.send("One"), chat.send("Two")];
    const first = await fixture.server.connection(0);
    await first.join();
    assert.equal((await first.receive("message")).id, ids[0]);
    first.terminate();

    const second = await fixture.server.connection(1);
    await second.join({ new: false, recovered: true });
    const again = await second.receive("message");
    assert.deepEqual([again.id, again.text], [ids[0], "One"]);
    assert.equal(second.of("message").length, 1);
    second.say("accepted", {
      messageId: ids[0],
      runId: "r1",
      position: 0,
      state: "running",
      duplicate: true,
    });
    assert.equal((await second.receive("message", 1)).id, ids[1]);
    second.say("accepted", { messageId: ids[1], runId: "r2", position: 1, state: "waiting" });
    await until("all accepted", () => chat.state.unsent.length === 0);
    assert.equal(chat.state.waiting.length, 2);
  });

  it("wait for the answer to the one before, whatever else happens meanwhile", async () => {
    const chat = fixture.connect();
    const connection = await fixture.server.connection(0);
    await connection.join();
    chat.send("One");
    await connection.receive("message");
    chat.send("Two");
    chat.stop();
    await connection.receive("stop");
    assert.equal(connection.of("message").length, 1);
  });

  it("that find the line full go again, in order, when a run has ended", async () => {
    const chat = fixture.connect();
    const connection = await fixture.server.connection(0);
    await connection.join();
    connection.events(1, started("r1", "m1"));
    await until("the run", () => chat.state.run !== undefined);
    const id = chat.send("Fifth");
    await connection.receive("message");
    connection.refuse("queue_full", id, { retryable: true });
    await until("the refusal", () => chat.state.problem?.code === "queue_full");
    connection.events(2, finished("r1"));
    assert.equal((await connection.receive("message", 1)).id, id);
  });

  it("that came too fast go again after the server's own time", async () => {
    const chat = fixture.connect();
    const connection = await fixture.server.connection(0);
    await connection.join();
    const id = chat.send("Quick");
    await connection.receive("message");
    connection.refuse("rate_limited", id, { retryable: true, retryAfterMs: 5 });
    assert.equal((await connection.receive("message", 1)).id, id);
  });

  it("that the server will never take are shown as refused, and the next one goes", async () => {
    const chat = fixture.connect();
    const connection = await fixture.server.connection(0);
    await connection.join();
    const id = chat.send("Too long");
    const next = chat.send("Short");
    await connection.receive("message");
    connection.refuse("message_too_long", id);
    assert.equal((await connection.receive("message", 1)).id, next);
    assert.equal(chat.state.messages.at(-1)?.id, id);
    assert.deepEqual(
      chat.state.unsent.map((unsent) => unsent.id),
      [next],
    );
  });
});
