// Older messages, page by page, and who is typing: what is neither replayed nor numbered.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ShownMessage } from "#app/models/server-event.ts";
import { until } from "../support/until.ts";
import { useClients } from "./client-fixture.ts";
import { comeBack, exchange, open } from "./client-steps.ts";
import type { ScriptedConnection } from "./scripted-server.ts";

const fixture = useClients();

/** Messages `m<first>` to `m<last>`. */
const shown = (first: number, last: number): ShownMessage[] =>
  Array.from({ length: last - first + 1 }, (_, index) => ({
    id: `m${first + index}`,
    role: index % 2 === 0 ? ("user" as const) : ("assistant" as const),
    content: `text ${first + index}`,
    metadata: {},
  }));

async function openWith(messages: readonly ShownMessage[]) {
  const chat = fixture.connect();
  const connection = await fixture.server.connection(0);
  await connection.join({ new: false });
  connection.send({ type: "MESSAGES_SNAPSHOT", messages, metadata: { seq: 7 } });
  connection.say("replayed", { lastSeq: 7 });
  await until("the snapshot", () => chat.state.seq === 7);
  return { chat, connection };
}

async function answer(connection: ScriptedConnection, index: number, value: object): Promise<void> {
  const { commandId } = await connection.receive("history", index);
  connection.say("history", { ...value, commandId });
}

describe("older messages", () => {
  it("are asked for before the first one shown, and stand before it", async () => {
    const { chat, connection } = await openWith(shown(51, 100));
    assert.equal(chat.state.hasOlder, true);
    chat.loadOlder();
    chat.loadOlder();
    const { before, limit } = await connection.receive("history");
    assert.deepEqual([before, limit], ["m51", 50]);
    await answer(connection, 0, { messages: shown(1, 51), before: "m1", hasMore: false });
    await until("the page", () => chat.state.messages.length === 100);
    assert.deepEqual(
      chat.state.messages.map(({ id }) => id),
      shown(1, 100).map(({ id }) => id),
    );
    assert.equal(chat.state.hasOlder, false);
    chat.loadOlder();
    chat.stop();
    await connection.receive("stop");
    assert.equal(connection.of("history").length, 1);
  });

  it("are not asked for where the whole is shown", async () => {
    const { chat, connection } = await openWith(shown(1, 49));
    assert.equal(chat.state.hasOlder, false);
    chat.loadOlder();
    chat.stop();
    await connection.receive("stop");
    assert.equal(connection.of("history").length, 0);
  });

  it("are asked for again on the next connection", async () => {
    const { chat, connection } = await openWith(shown(51, 100));
    chat.loadOlder();
    await connection.receive("history");
    connection.terminate();
    const second = await comeBack(fixture, 1);
    second.say("replayed", { lastSeq: 7 });
    await answer(second, 0, { messages: shown(41, 50), before: "m41", hasMore: true });
    await until("the page", () => chat.state.messages.length === 60);
    assert.equal(chat.state.hasOlder, true);
  });

  it("of what has been replaced meanwhile are not shown", async () => {
    const { chat, connection } = await openWith(shown(51, 100));
    chat.loadOlder();
    const { commandId } = await connection.receive("history");
    connection.send({ type: "MESSAGES_SNAPSHOT", messages: shown(91, 140), metadata: { seq: 9 } });
    connection.say("history", { messages: shown(1, 50), before: "m1", hasMore: false, commandId });
    connection.say("error", { code: "internal_error", message: "marker" });
    await until("the marker", () => chat.state.problem !== undefined);
    assert.deepEqual([chat.state.messages[0]?.id, chat.state.messages.length], ["m91", 50]);
    assert.equal(chat.state.hasOlder, true);
  });

  it("bring their judgements with them", async () => {
    const [question, reply] = shown(1, 2);
    assert.ok(question && reply);
    const rated = { ...reply, metadata: { feedback: { rating: "up", comment: "Fine." } } };
    const odd = { ...question, metadata: { feedback: { rating: 5 } } };
    const { chat } = await openWith([odd, rated]);
    assert.deepEqual(
      chat.state.messages.map((item) => item.type === "message" && item.feedback),
      [undefined, { rating: "up" }],
    );
  });
});

describe("typing", () => {
  it("is told once while it lasts, and its end once", async () => {
    const { chat, connection } = await open(fixture);
    for (const isTyping of [false, true, true, true, false, false]) chat.setTyping(isTyping);
    chat.stop();
    await connection.receive("stop");
    assert.deepEqual(
      connection.of("typing").map(({ state }) => state),
      ["start", "stop"],
    );
  });

  it("ends with what is sent", async () => {
    const { chat, connection } = await open(fixture);
    chat.setTyping(true);
    chat.send("Hello");
    await connection.receive("message");
    assert.deepEqual(
      connection.frames.map(({ type, state }) => state ?? type),
      ["join", "start", "stop", "message"],
    );
  });

  it("is neither queued nor repeated: without a connection nobody sees it", async () => {
    const { chat, connection } = await open(fixture);
    connection.terminate();
    await until("the end", () => !chat.state.joined);
    chat.setTyping(true);
    const second = await comeBack(fixture, 1);
    chat.send("Hello");
    await second.receive("message");
    assert.equal(second.of("typing").length, 0);
  });

  it("of others is shown until the last of them ceases", async () => {
    const { chat, connection } = await open(fixture);
    const seen: (boolean | undefined)[] = [];
    chat.on("change", ({ othersTyping }) => {
      if (othersTyping !== seen.at(-1)) seen.push(othersTyping);
    });
    for (const [connectionId, state] of [
      ["b", "start"],
      ["c", "start"],
      ["b", "stop"],
    ])
      connection.say("typing", { connectionId, state });
    await exchange(chat, connection);
    assert.equal(chat.state.othersTyping, true);
    connection.say("typing", { connectionId: "c", state: "stop" });
    await until("nobody", () => chat.state.othersTyping === false);
    assert.deepEqual(seen, [true, false]);
  });

  it("of others is not known without a connection", async () => {
    const { chat, connection } = await open(fixture);
    connection.say("typing", { connectionId: "b", state: "start" });
    await until("somebody", () => chat.state.othersTyping === true);
    connection.terminate();
    await until("the end", () => !chat.state.joined);
    assert.equal(chat.state.othersTyping, undefined);
  });
});
