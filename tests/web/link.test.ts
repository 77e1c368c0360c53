// When the client comes back, when it stays away, and how it notices a line that died silently.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChatClient } from "#app/web/client.ts";
import type { ChatClientOptions } from "#app/web/client-options.ts";
import { until } from "../support/until.ts";
import { useClients } from "./client-fixture.ts";
import { started } from "./server-events.ts";

const fixture = useClients();

async function closeFirst(code: number, options: Partial<ChatClientOptions> = {}): Promise<ChatClient> {
  const chat = fixture.connect(options);
  const connection = await fixture.server.connection(0);
  await connection.join();
  await until("joined", () => chat.state.joined);
  connection.close(code);
  await until("the end", () => !chat.state.joined);
  return chat;
}

describe("after a close", () => {
  for (const code of [1011, 1012, 4001, 4006]) {
    it(`${code} the client comes back by itself`, async () => {
      await closeFirst(code);
      await fixture.server.connection(1);
    });
  }

  for (const code of [4500, 4501, 4503, 4506]) {
    it(`${code} the client stays away until the visitor acts`, async () => {
      const chat = await closeFirst(code);
      assert.equal(chat.state.link.status, "stopped");
      assert.equal(fixture.server.connections.length, 1);
      chat.wake();
      await fixture.server.connection(1);
    });
  }

  it("4505 the client rests, and what the visitor says next brings it back", async () => {
    const chat = await closeFirst(4505);
    assert.equal(chat.state.link.status, "paused");
    const id = chat.send("Back again");
    const second = await fixture.server.connection(1);
    await second.join({ new: false, recovered: true });
    assert.equal((await second.receive("message")).id, id);
  });

  it("that was announced the client waits as long as it was told, not as long as its own backoff says", async () => {
    const chat = fixture.connect({ backoff: { baseMs: 60_000, capMs: 60_000 }, random: () => 1 });
    const connection = await fixture.server.connection(0);
    await connection.join();
    connection.say("draining", { reconnectInMs: 20 });
    connection.close(1012);
    await until("the wait", () => chat.state.link.status === "waiting");
    await fixture.server.connection(1);
  });

  it("the wait can be hurried", async () => {
    const chat = await closeFirst(1011, { backoff: { baseMs: 60_000, capMs: 60_000 }, random: () => 1 });
    assert.equal(chat.state.link.status, "waiting");
    chat.wake();
    await fixture.server.connection(1);
  });
});

describe("an upgrade that is refused", () => {
  it("is explained by the persona's own address, whose Retry-After is obeyed", async () => {
    fixture.server.refusal = { status: 503, retryAfter: "30" };
    const chat = fixture.connect({ persona: { kind: "persona", id: "engineer" } });
    const waitsLong = () =>
      chat.state.link.status === "waiting" && chat.state.link.untilMs > Date.now() + 25_000;
    await until("the long wait", waitsLong);
    assert.ok(fixture.server.probes.includes("/api/v1/personas/engineer"));
    fixture.server.refusal = undefined;
    chat.wake();
    await fixture.server.connection(0);
  });

  it("for lack of rights ends the attempts", async () => {
    fixture.server.refusal = { status: 403 };
    const chat = fixture.connect();
    await until("the stop", () => chat.state.link.status === "stopped");
    assert.deepEqual(chat.state.link, { status: "stopped", code: "forbidden" });
  });

  it("without an explanation is tried again", async () => {
    fixture.server.refusal = { status: 500 };
    const chat = fixture.connect();
    await until("two probes", () => fixture.server.probes.length >= 2);
    fixture.server.refusal = undefined;
    await (await fixture.server.connection(0)).join();
    await until("joined", () => chat.state.joined);
  });
});

describe("silence", () => {
  it("while a reply is owed is asked about once and then given up", async () => {
    const chat = fixture.connect({ patienceMs: 300 });
    const connection = await fixture.server.connection(0);
    await connection.join();
    connection.events(1, started("r1", "m1"));
    await connection.receive("ping");
    const second = await fixture.server.connection(1);
    assert.equal((await second.receive("join")).after, 1);
    assert.equal(chat.state.run?.runId, "r1");
  });

  it("that is answered keeps the connection", async () => {
    fixture.connect({ patienceMs: 300 });
    const connection = await fixture.server.connection(0);
    connection.answersPings = true;
    await connection.join();
    connection.events(1, started("r1", "m1"));
    await connection.receive("ping", 2);
    assert.equal(fixture.server.connections.length, 1);
  });

  it("of an idle conversation is no fault: nothing is sent that would keep it from its idle end", async () => {
    const chat = fixture.connect({ patienceMs: 200 });
    const connection = await fixture.server.connection(0);
    await connection.join();
    await until("joined", () => chat.state.joined);
    // A late join is asked about; what matters is what comes after it.
    const before = connection.frames.length;
    // Another client, to which a join is owed, lives through several patiences meanwhile.
    fixture.connect({ patienceMs: 200 });
    const other = await fixture.server.connection(1);
    other.answersPings = true;
    await other.receive("ping", 2);
    assert.equal(connection.frames.length, before);
    assert.equal(fixture.server.connections.length, 2);
  });
});
