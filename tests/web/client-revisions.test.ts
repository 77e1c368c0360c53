// Asking again, editing and judging: they outlive a connection, and nothing happens twice.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../support/until.ts";
import { useClients } from "./client-fixture.ts";
import { comeBack, exchange, open, settled } from "./client-steps.ts";
import { started } from "./server-events.ts";

const fixture = useClients();

const edited = { type: "CUSTOM", name: "conversation.edited", value: { messageId: "m1", removed: ["a1"] } };

const withoutCommandId = ({ commandId, ...frame }: { [field: string]: unknown }) => {
  assert.match(String(commandId), /^[\w-]{1,64}$/);
  return frame;
};

describe("asking again", () => {
  it("names the visitor's last message where none is named", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    chat.regenerate();
    const frame = await connection.receive("regenerate");
    assert.deepEqual(withoutCommandId(frame), { type: "regenerate", messageId: "m1" });
  });

  it("of a conversation in which nothing was said is nothing", async () => {
    const { chat, connection } = await open(fixture);
    chat.regenerate();
    await settled(chat, connection);
    assert.equal(connection.of("regenerate").length, 0);
  });

  it("that was not answered goes again on the next connection, once the past has been told", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    chat.regenerate("m1");
    await connection.receive("regenerate");
    connection.terminate();
    const second = await comeBack(fixture, 1);
    await settled(chat, second);
    assert.equal(second.of("regenerate").length, 0, "before the past is known it may have happened");
    second.say("replayed", { lastSeq: 5 });
    assert.equal((await second.receive("regenerate")).messageId, "m1");
  });

  for (const [what, ...events] of [
    ["its removal of the old reply", edited],
    ["its run", edited, started("r2", "m1", "one", "r1")],
  ] as const)
    it(`whose answer was lost does not go again where ${what} was told`, async () => {
      const { chat, connection } = await open(fixture);
      await exchange(chat, connection);
      chat.regenerate("m1");
      await connection.receive("regenerate");
      connection.terminate();
      const second = await comeBack(fixture, 1);
      second.events(6, ...events);
      second.say("replayed", { lastSeq: 5 + events.length });
      await settled(chat, second);
      assert.equal(second.of("regenerate").length, 0);
    });

  it("does not go again where a snapshot shows it answered by another run", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    chat.regenerate("m1");
    await connection.receive("regenerate");
    connection.terminate();
    const second = await fixture.server.connection(1);
    await second.join({ new: false, recovered: false, epoch: "e2" });
    const messages = [{ id: "m1", role: "user", content: "one", metadata: { runId: "r2" } }];
    second.send({ type: "MESSAGES_SNAPSHOT", messages, metadata: { seq: 9 } });
    second.say("replayed", { lastSeq: 9 });
    await settled(chat, second);
    assert.equal(second.of("regenerate").length, 0);
  });

  it("asked for twice before the first was sent goes once", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    connection.terminate();
    await until("the end", () => !chat.state.joined);
    chat.regenerate();
    chat.regenerate();
    const second = await comeBack(fixture, 1);
    second.say("replayed", { lastSeq: 5 });
    await second.receive("regenerate");
    await settled(chat, second);
    assert.equal(second.of("regenerate").length, 1);
  });
});

describe("an edit", () => {
  it("goes again until it is answered, and not after", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    chat.edit("m1", "uno");
    const frame = await connection.receive("edit");
    assert.deepEqual(withoutCommandId(frame), { type: "edit", messageId: "m1", text: "uno" });
    connection.terminate();

    const second = await comeBack(fixture, 1);
    second.say("replayed", { lastSeq: 5 });
    const { commandId } = await second.receive("edit");
    assert.equal(commandId, frame.commandId, "by which the server knows a copy of it");
    second.say("accepted", { messageId: "m1", runId: "r2", position: 0, state: "running", commandId });
    await settled(chat, second);
    second.terminate();

    const third = await comeBack(fixture, 2);
    third.say("replayed", { lastSeq: 5 });
    await settled(chat, third);
    assert.equal(third.of("edit").length, 0);
  });

  it("whose text stands already does not go again", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    chat.edit("m1", "uno");
    await connection.receive("edit");
    connection.terminate();
    const second = await comeBack(fixture, 1);
    second.events(6, edited, started("r2", "m1", "uno", "r1"));
    second.say("replayed", { lastSeq: 7 });
    await settled(chat, second);
    assert.equal(second.of("edit").length, 0);
  });

  it("of a message that the server has not accepted waits for that", async () => {
    const { chat, connection } = await open(fixture);
    const id = chat.send("one");
    await connection.receive("message");
    chat.edit(id, "uno");
    chat.stop();
    await connection.receive("stop");
    assert.equal(connection.of("edit").length, 0);
    connection.say("accepted", { messageId: id, runId: "r1", position: 0, state: "running", commandId: id });
    assert.equal((await connection.receive("edit")).messageId, id);
  });

  it("changed before it was sent goes with its last text", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    connection.terminate();
    await until("the end", () => !chat.state.joined);
    chat.edit("m1", "uno");
    chat.edit("m1", "eins");
    const second = await comeBack(fixture, 1);
    second.say("replayed", { lastSeq: 5 });
    assert.equal((await second.receive("edit")).text, "eins");
    await settled(chat, second);
    assert.equal(second.of("edit").length, 1);
  });

  it("that is refused for good is told of and forgotten", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    chat.edit("m1", "x".repeat(9000));
    const { commandId } = await connection.receive("edit");
    connection.refuse("message_too_long", commandId);
    await until("the problem", () => chat.state.problem?.code === "message_too_long");
    connection.terminate();
    const second = await comeBack(fixture, 1);
    second.say("replayed", { lastSeq: 5 });
    await settled(chat, second);
    assert.equal(second.of("edit").length, 0);
  });

  it("that came too fast goes again after the server's own time", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    chat.edit("m1", "uno");
    const { commandId } = await connection.receive("edit");
    connection.refuse("rate_limited", commandId, { retryable: true, retryAfterMs: 5 });
    await until("the problem", () => chat.state.problem?.code === "rate_limited");
    const again = await connection.receive("edit", 1);
    assert.equal(again.text, "uno");
    connection.say("accepted", { messageId: "m1", runId: "r2", position: 0, state: "waiting", ...again });
    await until("no problem", () => chat.state.problem === undefined);
  });

  it("is left behind with its conversation", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    connection.terminate();
    await until("the end", () => !chat.state.joined);
    chat.edit("m1", "uno");
    chat.startAnew();
    const second = await fixture.server.connection(1);
    await second.join();
    await settled(chat, second);
    assert.equal(second.of("edit").length, 0);
  });
});

describe("a judgement", () => {
  const ratingOf = (chat: Awaited<ReturnType<typeof open>>["chat"]) => {
    const reply = chat.state.messages.find(({ id }) => id === "a1");
    return reply?.type === "message" ? reply.feedback : undefined;
  };

  it("is shown when the server has stored it", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    chat.rate("a1", "down", "Too short.");
    const { commandId, ...frame } = await connection.receive("feedback");
    assert.deepEqual(frame, { type: "feedback", messageId: "a1", rating: "down", comment: "Too short." });
    assert.equal(ratingOf(chat), undefined);
    connection.say("feedback.saved", { messageId: "a1", rating: "down", commandId });
    await until("the judgement", () => ratingOf(chat)?.rating === "down");
  });

  it("goes again until it is answered; of two about one reply the last one counts", async () => {
    const { chat, connection } = await open(fixture);
    await exchange(chat, connection);
    chat.rate("a1", "up");
    await connection.receive("feedback");
    chat.rate("a1", "down");
    await connection.receive("feedback", 1);
    connection.terminate();
    const second = await comeBack(fixture, 1);
    second.say("replayed", { lastSeq: 5 });
    const { commandId, rating, comment } = await second.receive("feedback");
    assert.deepEqual([rating, comment], ["down", undefined]);
    second.say("feedback.saved", { messageId: "a1", rating: "down", commandId });
    await until("the judgement", () => ratingOf(chat)?.rating === "down");
    assert.equal(second.of("feedback").length, 1);
  });
});
