// The client against a scripted server: acknowledgements, choosing who answers, stop and beginning anew.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../support/until.ts";
import { useClients } from "./client-fixture.ts";
import { begin, delta, finished, started } from "./server-events.ts";
import { changed, ENGINE } from "./shown-personas.ts";

const fixture = useClients();

describe("acknowledgements", () => {
  it("go out every 32 events", async () => {
    const chat = fixture.connect();
    const connection = await fixture.server.connection(0);
    await connection.join();
    const startedMs = performance.now();
    connection.events(
      1,
      started("r1", "m1"),
      begin("a1"),
      ...Array.from({ length: 70 }, () => delta("a1", "x")),
    );
    await until("all", () => chat.state.seq === 72);
    assert.equal((await connection.receive("ack", 1)).seq, 64);
    const acks = connection.of("ack").map(({ seq }) => seq);
    // Where this process was held up for a second, the rest may have been reported as well.
    const isLate = performance.now() - startedMs >= 1_000;
    assert.deepEqual(acks, [32, 64, 72].slice(0, isLate ? acks.length : 2));
  });

  it("go out within about a second for fewer", async () => {
    fixture.connect();
    const connection = await fixture.server.connection(0);
    await connection.join();
    connection.events(1, started("r1", "m1"), finished("r1"));
    assert.equal((await connection.receive("ack")).seq, 2);
  });
});

describe("persona and stop", () => {
  it("a choice goes out as a frame, and again where the connection died before it took effect", async () => {
    const chat = fixture.connect();
    const first = await fixture.server.connection(0);
    await first.join();
    await until("joined", () => chat.state.joined);
    chat.choose({ kind: "object", id: "engine" });
    assert.equal((await first.receive("persona")).object, "engine");
    first.terminate();
    const second = await fixture.server.connection(1);
    await second.join({ new: false, recovered: true });
    await second.receive("persona");
    second.events(1, changed(ENGINE));
    await until("the change", () => chat.state.persona?.id === "engine");
  });

  it("stop is sent, and nothing left to stop is no problem to show", async () => {
    const chat = fixture.connect();
    const connection = await fixture.server.connection(0);
    await connection.join();
    await until("joined", () => chat.state.joined);
    chat.stop();
    const { commandId } = await connection.receive("stop");
    connection.refuse("already_finished", commandId);
    connection.refuse("internal_error", undefined);
    await until("the second error", () => chat.state.problem !== undefined);
    assert.equal(chat.state.problem?.code, "internal_error");
  });

  it("a new beginning leaves late events of the old conversation unheard", async () => {
    const chat = fixture.connect();
    const connection = await fixture.server.connection(0);
    await connection.join();
    await until("joined", () => chat.state.joined);
    chat.startAnew();
    connection.events(1, started("r1", "m1"));
    const { conversationId } = await connection.join({}, 1);
    await until("joined anew", () => chat.state.joined);
    assert.equal(chat.state.messages.length, 0);
    assert.notEqual(conversationId, connection.of("join")[0]?.conversationId);
  });
});
