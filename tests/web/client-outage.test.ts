// The server's storage goes away and comes back under an open conversation.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../support/until.ts";
import { useClients } from "./client-fixture.ts";
import { exchange, open, settled } from "./client-steps.ts";
import { begin, delta, end, finished, started } from "./server-events.ts";
import { ADA } from "./shown-personas.ts";

const fixture = useClients();

const outage = {
  code: "storage_unavailable",
  message: "Cannot be stored.",
  retryable: true,
  retryAfterMs: 2_000,
  requestId: "r",
};

describe("a conversation that goes on in another life of its log", () => {
  it("is told so in mid-reply, keeps what is shown, and counts on", async () => {
    const { chat, connection } = await open(fixture);
    const { conversationId } = await connection.receive("join");
    connection.events(1, started("r1", "m1", "one"), begin("a1"), delta("a1", "half "));
    const moved = { conversationId, lastSeq: 3, persona: ADA, new: false };
    connection.say("joined", { ...moved, epoch: "e2", storage: "memory" });
    connection.events(4, delta("a1", "and half"), end("a1"), finished("r1"));
    await until("the end", () => chat.state.seq === 6);
    assert.deepEqual([chat.state.epoch, chat.state.storage], ["e2", "memory"]);
    assert.equal(chat.state.messages.length, 2);
    const reply = chat.state.messages[1];
    assert.equal(reply?.type === "message" && reply.text, "half and half");

    connection.say("joined", { ...moved, epoch: "e3", lastSeq: 6, storage: "redis" });
    await until("the storage", () => chat.state.storage === "redis");
    connection.terminate();
    const join = await (await fixture.server.connection(1)).receive("join");
    assert.deepEqual([join.epoch, join.after], ["e3", 6]);
  });

  it("is not asked to join again, and nothing that is on its way goes twice", async () => {
    const { chat, connection } = await open(fixture);
    const { conversationId } = await connection.receive("join");
    await exchange(chat, connection);
    chat.send("two");
    await connection.receive("message");
    chat.edit("m1", "uno");
    await connection.receive("edit");
    const moved = { conversationId, lastSeq: 5, persona: ADA, new: false, epoch: "e2", storage: "memory" };
    connection.say("joined", moved);
    await settled(chat, connection);
    assert.deepEqual(
      connection.frames.map(({ type }) => type).filter((type) => type !== "ack"),
      ["join", "message", "edit", "stop"],
    );
  });

  it("is asked for at once what comes after, without waiting for its past a second time", async () => {
    const { chat, connection } = await open(fixture);
    const { conversationId } = await connection.receive("join");
    await exchange(chat, connection);
    const moved = { conversationId, lastSeq: 5, persona: ADA, new: false, epoch: "e2", storage: "memory" };
    connection.say("joined", moved);
    await settled(chat, connection);
    chat.regenerate();
    await connection.receive("regenerate");
  });
});

describe("a storage that does not answer", () => {
  it("is told of until the next event", async () => {
    const { chat, connection } = await open(fixture);
    connection.say("error", outage);
    await until("the problem", () => chat.state.problem?.code === "storage_unavailable");
    assert.equal(chat.state.problem?.retryAfterMs, 2_000);
    assert.equal(chat.state.joined, true);
    connection.events(1, started("r1", "m1"));
    await until("the event", () => chat.state.seq === 1);
    assert.equal(chat.state.problem, undefined);
  });

  it("is told of until the conversation is opened again", async () => {
    const { chat, connection } = await open(fixture);
    const { conversationId } = await connection.receive("join");
    connection.say("error", outage);
    await until("the problem", () => chat.state.problem !== undefined);
    connection.say("joined", {
      conversationId,
      lastSeq: 0,
      persona: ADA,
      new: false,
      epoch: "e1",
      storage: "redis",
    });
    await until("no problem", () => chat.state.problem === undefined);
  });

  it("is not confused with a refusal, which an event does not take away", async () => {
    const { chat, connection } = await open(fixture);
    connection.refuse("quota_exceeded", undefined);
    connection.events(1, started("r1", "m1"));
    await until("the event", () => chat.state.seq === 1);
    assert.equal(chat.state.problem?.code, "quota_exceeded");
  });
});
