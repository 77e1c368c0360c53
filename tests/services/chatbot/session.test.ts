// One connection's conversation, frame by frame: what its client says, and what it is told.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClientFrame } from "#app/models/client-frame.ts";
import { endOf } from "../../support/chat-core.ts";
import { settle } from "../../support/settle.ts";
import { start, startJoined } from "./talking.ts";

const never = new Promise<void>(() => undefined);
const history = { type: "history", limit: 50 } as const;

describe("saying and asking", () => {
  it("makes a conversation with the first message, answered by whom that names", async (test) => {
    const { connect } = start(test);
    const client = connect({ kind: "persona", id: "engineer" });
    const accepted = await client.tell(
      { type: "message", text: "Hi", object: "card", commandId: "7" },
      "accepted",
    );
    assert.equal(accepted.commandId, "7");
    assert.equal(Object(Object(client.shown.named("joined")[0]?.value).persona).id, "card");
    await endOf(client.shown, String(accepted.runId));
    assert.deepEqual(client.taken, ["message", "join"]);
  });

  it("says that a message was known", async (test) => {
    const { client } = await startJoined(test);
    const first = await client.tell({ type: "message", id: "m", text: "a" }, "accepted");
    await endOf(client.shown, String(first.runId));
    const again = await client.tell({ type: "message", id: "m", text: "a" }, "accepted");
    assert.deepEqual(again, { ...first, state: "finished", duplicate: true });
  });

  it("pages back through the history to its beginning", async (test) => {
    const { client } = await startJoined(test);
    for (const text of ["a", "b", "c"]) {
      const { runId } = await client.tell({ type: "message", id: `m-${text}`, text }, "accepted");
      await endOf(client.shown, String(runId));
    }
    const seen: unknown[] = [];
    let before: unknown;
    for (let page = 0; page < 3; page += 1) {
      const frame = { ...history, limit: 2, commandId: "h", ...(typeof before === "string" && { before }) };
      const shown = await client.tell(frame, "history");
      seen.unshift(...Object(shown).messages.map(({ content }: { content: string }) => content));
      assert.deepEqual([shown.hasMore, shown.commandId], [page < 2, "h"]);
      before = shown.before;
    }
    assert.deepEqual(seen, ["a", "ok", "b", "ok", "c", "ok"]);
    await assert.rejects(client.session.handle({ ...history, before: "unknown" }), {
      code: "message_not_found",
    });
  });

  it("echoes a ping, joined or not", async (test) => {
    const { connect } = start(test);
    const client = connect();
    assert.deepEqual(await client.tell({ type: "ping", t: 5, commandId: "p" }, "pong"), {
      t: 5,
      commandId: "p",
    });
    assert.deepEqual(await client.tell({ type: "ping" }, "pong"), {});
  });

  it("stops a reply, has nothing more to stop, and lets another answer", async (test) => {
    const { core, client } = await startJoined(test);
    core.parts.model.script("a", { until: never });
    const { runId } = await client.tell({ type: "message", text: "a" }, "accepted");
    await client.session.handle({ type: "stop" });
    assert.deepEqual((await endOf(client.shown, String(runId))).outcome, { type: "cancelled" });
    await assert.rejects(client.session.handle({ type: "stop" }), { code: "already_finished" });
    await client.session.handle({ type: "persona", object: "card" });
    await settle();
    assert.equal(Object(client.shown.named("persona.changed")[0]?.value).id, "card");
    assert.deepEqual(client.taken, ["join", "message", "message"]);
  });

  for (const frame of [
    { type: "stop" },
    { type: "persona", persona: "engineer" },
    history,
  ] as const satisfies readonly ClientFrame[]) {
    it(`refuses ${frame.type} before anything was joined`, async (test) => {
      const { connect } = start(test);
      await assert.rejects(connect().session.handle(frame), { code: "invalid_frame" });
    });
  }

  it("ignores an acknowledgement before anything was joined", async (test) => {
    await start(test).connect().session.handle({ type: "ack", seq: 3 });
  });

  for (const refuse of ["message", "join"] as const) {
    it(`makes and stores nothing when its allowance is used up (${refuse})`, async (test) => {
      const { core, connect } = start(test);
      const client = connect();
      client.refuse = refuse;
      await assert.rejects(client.session.handle({ type: "message", text: "a" }), { code: "rate_limited" });
      assert.deepEqual([client.shown.sent, core.parts.storage.calls], [[], []]);
    });
  }
});

describe("a connection that goes", () => {
  it("hears nothing more; its reply goes on", async (test) => {
    const { core, client, id } = await startJoined(test);
    core.parts.model.script("a", "b");
    await client.session.handle({ type: "message", text: "Hello" });
    client.session.close();
    client.session.close();
    const { length } = client.shown.sent;
    await settle(40);
    assert.equal(client.shown.sent.length, length);
    assert.equal((await core.conversations.history(id, { limit: 2 })).messages[1]?.content, "ab");
    assert.equal(core.conversations.counts.live, 0);
  });

  for (const call of ["page", "open", "read"] as const) {
    it(`leaves nothing behind when it goes in the middle of a join (${call})`, async (test) => {
      const { core, client, connect, back, joined } = await startJoined(test);
      client.session.close();
      const late = connect();
      core.parts.storage.afterNext(call, () => late.session.close());
      await late.session.handle({ ...back, epoch: String(joined.epoch), after: 0 });
      await settle();
      assert.deepEqual(late.shown.sent, []);
      assert.equal(core.conversations.counts.live, 0);
    });
  }
});
