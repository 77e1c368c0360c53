// Taking a conversation home, and erasing it: here, and from another tab.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RequestError } from "#app/web/conversation-requests.ts";
import { until } from "../support/until.ts";
import { useClients } from "./client-fixture.ts";
import { createStorage, exchange, open } from "./client-steps.ts";

const fixture = useClients();

const hasCode = (code: string) => (error: unknown) =>
  error instanceof RequestError && error.problem.code === code;

describe("an export", () => {
  it("is asked for with the conversation's own token, which no address shows", async () => {
    const { chat, connection } = await open(fixture);
    const { conversationId, resumeToken } = await connection.receive("join");
    const exported = chat.exportConversation();
    const request = await fixture.server.requests.receive("GET");
    assert.equal(request.path, `/api/v1/conversations/${String(conversationId)}`);
    assert.equal(request.headers["x-resume-token"], resumeToken);
    const body = { id: "c", messages: [{ id: "m1", role: "user", content: "one", metadata: {} }] };
    request.answer(200, body);
    assert.deepEqual(await exported, body);
  });

  it("that is refused is told of, in the code of the server", async () => {
    const { chat } = await open(fixture);
    const exported = chat.exportConversation();
    (await fixture.server.requests.receive("GET")).refuse(503, "storage_unavailable", {
      retryAfterMs: 1_000,
    });
    await assert.rejects(exported, hasCode("storage_unavailable"));
    assert.deepEqual(chat.state.problem, {
      code: "storage_unavailable",
      message: "refused: storage_unavailable",
      retryAfterMs: 1_000,
    });
  });

  for (const [what, body] of [
    ["no JSON", "<html>"],
    ["no messages", {}],
    ["nothing", ""],
  ] as const)
    it(`that holds ${what} is none`, async () => {
      const { chat } = await open(fixture);
      const exported = chat.exportConversation();
      (await fixture.server.requests.receive("GET")).answer(200, body);
      await assert.rejects(exported, hasCode("internal_error"));
    });
});

describe("erasing", () => {
  it("begins anew when the server has erased it, and leaves nothing behind", async () => {
    const storage = createStorage();
    const { chat, connection } = await open(fixture, { storage });
    await exchange(chat, connection);
    chat.draft = "and this";
    const ended: string[] = [];
    chat.on("ended", ({ conversationId }) => void ended.push(conversationId));
    const { conversationId, resumeToken } = await connection.receive("join");
    const erased = chat.erase();
    const request = await fixture.server.requests.receive("DELETE");
    assert.equal(request.path, `/api/v1/conversations/${String(conversationId)}`);
    assert.equal(request.headers["x-resume-token"], resumeToken);
    // The server tells all connections of it, this one too, before it answers.
    connection.send({ type: "CUSTOM", name: "conversation.erased", value: {}, seq: 6, timestamp: 1 });
    connection.close(4506);
    await until("the close", () => !chat.state.joined);
    request.answer(200, {});
    await erased;
    const second = await fixture.server.connection(1);
    const join = await second.join();
    await until("joined", () => chat.state.joined);
    assert.equal(join.create, true);
    assert.notEqual(join.conversationId, conversationId);
    assert.deepEqual([chat.state.messages, chat.state.ended, chat.state.problem], [[], undefined, undefined]);
    assert.deepEqual([ended, chat.draft], [[], ""]);
    assert.doesNotMatch(storage.getItem("parley.conversation.v1") ?? "", new RegExp(String(conversationId)));
  });

  it("leaves the old connection where the server does not end it", async () => {
    const { chat } = await open(fixture);
    const erased = chat.erase();
    (await fixture.server.requests.receive("DELETE")).answer(204, "");
    await erased;
    await (await fixture.server.connection(1)).join();
    await until("joined", () => chat.state.joined);
  });

  it("of what the server does not have is done", async () => {
    const { chat } = await open(fixture);
    const erased = chat.erase();
    (await fixture.server.requests.receive("DELETE")).refuse(404, "conversation_not_found");
    await erased;
    await (await fixture.server.connection(1)).receive("join");
  });

  it("that fails erases nothing here either", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    const erased = chat.erase();
    (await fixture.server.requests.receive("DELETE")).refuse(503, "storage_unavailable");
    await assert.rejects(erased, hasCode("storage_unavailable"));
    assert.deepEqual([chat.state.messages.length, chat.state.joined], [2, true]);
    assert.equal(chat.state.problem?.code, "storage_unavailable");
  });

  it("without a network says so, and erases nothing here", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    await fixture.server.close();
    await assert.rejects(chat.erase(), hasCode("offline"));
    assert.equal(chat.state.problem?.code, "offline");
    assert.equal(chat.state.messages.length, 2);
  });
});

describe("a conversation that was erased elsewhere", () => {
  for (const [what, isTold] of [
    ["by an event and the close", true],
    ["by the close alone", false],
  ] as const)
    it(`${what} ends: nothing of it stays, and the visitor's next action begins anew`, async () => {
      const storage = createStorage();
      const { chat, connection } = await open(fixture, { storage });
      const { conversationId } = await connection.receive("join");
      await exchange(chat, connection);
      chat.draft = "half";
      const ended: unknown[] = [];
      chat.on("ended", (value) => void ended.push(value));
      if (isTold) connection.send({ type: "CUSTOM", name: "conversation.erased", value: {}, seq: 6 });
      connection.close(4506);
      await until("the end", () => chat.state.ended === true);
      assert.equal(chat.state.erased, true);
      assert.equal(chat.state.link.status, "stopped");
      assert.deepEqual([chat.state.messages, chat.state.past, chat.draft], [[], [], "half"]);
      assert.deepEqual(ended, [{ conversationId }]);
      assert.doesNotMatch(
        storage.getItem("parley.conversation.v1") ?? "",
        new RegExp(String(conversationId)),
      );

      const id = chat.send("Anew");
      const second = await fixture.server.connection(1);
      const join = await second.join();
      assert.equal(join.create, true);
      assert.notEqual(join.conversationId, conversationId);
      assert.equal((await second.receive("message")).id, id);
      assert.equal(fixture.server.connections.length, 2);
    });

  it("keeps what never left this page, and repeats nothing that was erased", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    const taken = chat.send("accepted");
    await connection.receive("message");
    connection.say("accepted", { messageId: taken, runId: "r2", position: 1, state: "waiting" });
    const kept = chat.send("not accepted");
    await connection.receive("message", 1);
    chat.edit("m1", "uno");
    await connection.receive("edit");
    connection.close(4506);
    await until("the end", () => chat.state.ended === true);
    chat.wake();
    const second = await fixture.server.connection(1);
    await second.join();
    assert.equal((await second.receive("message")).id, kept);
    assert.deepEqual(
      second.frames.map(({ type }) => type),
      ["join", "message"],
    );
  });
});
