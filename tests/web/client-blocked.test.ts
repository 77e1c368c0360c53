// How the client finds out that WebSockets are blocked, and which way it takes then.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../support/until.ts";
import { openBlocked } from "./blocked-client.ts";
import { useClients } from "./client-fixture.ts";

const fixture = useClients();

describe("where WebSockets do not get through", () => {
  it("the client goes over to an event stream after two of them, with the token in a header", async () => {
    const { chat, stream } = await openBlocked(fixture, { persona: { kind: "object", id: "engine" } });
    assert.equal(fixture.server.upgrades, 2);
    assert.equal(chat.state.transport, "sse");
    const { frame, path, headers } = await fixture.server.requests.command("join");
    assert.deepEqual([frame.create, frame.object], [true, "engine"]);
    assert.equal(path, `/api/v1/conversations/${String(frame.conversationId)}/commands`);
    assert.equal(headers["content-type"], "application/json");
    assert.equal(stream.path, `/api/v1/conversations/${String(frame.conversationId)}/events`);
    assert.deepEqual(
      [stream.headers["x-resume-token"], stream.headers.accept, stream.headers["last-event-id"]],
      [frame.resumeToken, "text/event-stream", undefined],
    );
  });

  it("one that hangs is enough", async () => {
    fixture.server.blocking = "hang";
    const { chat } = await openBlocked(fixture, { openTimeoutMs: 500 });
    assert.equal(fixture.server.upgrades, 1);
    assert.equal(chat.state.transport, "sse");
  });

  it("and HTTP does not either, the client goes on trying WebSockets", async () => {
    fixture.server.refusal = { status: 500 };
    fixture.connect();
    await until("several attempts", () => fixture.server.probes.length >= 5);
    assert.equal(fixture.server.requests.all.length, 0);
  });

  it("one refused upgrade alone changes nothing", async () => {
    fixture.server.blocking = "cut";
    const chat = fixture.connect({ backoff: { baseMs: 500, capMs: 500 }, random: () => 1 });
    await until("a probe", () => fixture.server.probes.length === 1);
    fixture.server.blocking = undefined;
    await (await fixture.server.connection(0)).join();
    await until("joined", () => chat.state.joined);
    assert.equal(chat.state.transport, "websocket");
  });

  it("after the upgrade, so that it opens and stays silent, counts as well", async () => {
    const chat = fixture.connect();
    for (const index of [0, 1]) {
      const connection = await fixture.server.connection(index);
      await connection.receive("join");
      connection.terminate();
    }
    await fixture.server.requests.command("join");
    assert.equal(chat.state.link.status, "online");
  });
});
