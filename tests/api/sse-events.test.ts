// The event stream of a conversation: the same events as over the socket, with positions, for those whose network lets
// no socket through.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Talk } from "../support/conversation.ts";
import { ask, openStream } from "../support/event-stream-client.ts";
import { until } from "../support/until.ts";
import { joinDeltas } from "../support/wire-invariants.ts";
import { startStreaming } from "./streaming.ts";

describe("an event stream", () => {
  it("brings what the socket brings, byte for byte, with a position on what is numbered and on nothing else", async (t) => {
    const { app, model, pair, say } = await startStreaming(t);
    const talk = new Talk(await app.connect());
    await talk.join(pair);
    const stream = await openStream(t, app, pair);
    await stream.named("replayed");
    model.script("Good ", "day 😀 ", "\u0000\r\n\u2028data: x\n\nid: 9:9\n\n", "end");
    const { runId } = await say("line\nbreaks\r\n\r\nid: 1:1");
    await talk.run(runId);
    await stream.named("RUN_FINISHED");
    const numbered = stream.frames.filter(({ seq }) => typeof seq === "number");
    assert.deepEqual(numbered, talk.events());
    const { epoch } = Object(stream.frames.find(({ name }) => name === "joined")?.value);
    for (const [index, frame] of stream.frames.entries())
      assert.equal(stream.ids[index], typeof frame.seq === "number" ? `${epoch}:${frame.seq}` : undefined);
    assert.deepEqual(
      stream.frames.slice(0, 4).map(({ type, name }) => name ?? type),
      ["hello", "joined", "MESSAGES_SNAPSHOT", "replayed"],
    );
    assert.match(stream.headers.get("content-type") ?? "", /^text\/event-stream/);
    assert.deepEqual(
      ["cache-control", "x-accel-buffering", "x-content-type-options"].map((name) =>
        stream.headers.get(name),
      ),
      ["no-store", "no", "nosniff"],
    );
    assert.ok(stream.headers.get("x-request-id"));
  });

  it("shows the history to whoever comes without a position, and a running reply from its start", async (t) => {
    const { app, model, pair, say } = await startStreaming(t);
    const early = await openStream(t, app, pair);
    await say("first");
    await early.named("RUN_FINISHED");
    model.script("so far ", { until: new Promise(() => undefined) });
    await say("second");
    await until("it runs", () => joinDeltas(early.frames).includes("so far "));
    const late = await openStream(t, app, pair);
    await late.named("replayed");
    const snapshot = late.frames.find(({ type }) => type === "MESSAGES_SNAPSHOT");
    const contents = Object(snapshot).messages.map(({ content }: { content: string }) => content);
    assert.deepEqual(contents, ["first", "ok"]);
    assert.equal(joinDeltas(late.frames), "so far ");
  });

  it("goes on after any of its ids, at every event of a reply", async (t) => {
    const { app, model, pair, say } = await startStreaming(t);
    const whole = await openStream(t, app, pair);
    model.script(...Array.from({ length: 6 }, (_, index) => `${index} 👩‍🔬 `));
    await say("Hello");
    await whole.named("RUN_FINISHED");
    const all = whole.frames.filter(({ seq }) => typeof seq === "number");
    const ids = whole.ids.filter((id) => id !== undefined);
    for (const [index, id] of ids.entries()) {
      const rest = await openStream(t, app, pair, { "last-event-id": id });
      const replayed = await rest.named("replayed");
      assert.equal(Object(replayed.value).lastSeq, all.length);
      assert.deepEqual(
        rest.frames.filter(({ seq }) => typeof seq === "number"),
        all.slice(index + 1),
      );
      assert.equal(
        rest.frames.some(({ type }) => type === "MESSAGES_SNAPSHOT"),
        false,
      );
      rest.leave();
    }
  });

  it("takes a position that it cannot read or prove for none, says so, and shows all", async (t) => {
    const { app, pair, say } = await startStreaming(t);
    const first = await openStream(t, app, pair);
    await say("Hello");
    await first.named("RUN_FINISHED");
    const { epoch } = Object((await first.named("joined")).value);
    const garbage = ["x", ":", "1", `${epoch}`, `${epoch}:`, `${epoch}:x`, `${epoch}:-1`, `${epoch}:1e3`];
    const unprovable = [
      `${epoch}:99999`,
      `${epoch}:${"9".repeat(40)}`,
      "other:1",
      "-:0",
      "a".repeat(4_000),
      "é:1",
    ];
    for (const id of [...garbage, ...unprovable]) {
      const stream = await openStream(t, app, pair, { "last-event-id": Buffer.from(id).toString("latin1") });
      assert.equal(Object((await stream.named("joined")).value).recovered, false, id);
      assert.equal(Object(await stream.named("MESSAGES_SNAPSHOT")).messages.length, 2, id);
      stream.leave();
    }
    const none = await openStream(t, app, pair, { "last-event-id": "" });
    assert.equal(Object((await none.named("joined")).value).recovered, undefined);
  });

  it("goes on with what the log still has where a position has been cut away: never a part", async (t) => {
    const { app, model, pair, say } = await startStreaming(t, {}, 4);
    model.script("a", "b", "c");
    await say("Hello");
    const stream = await openStream(t, app, pair);
    await stream.named("replayed");
    await until("it is answered", () => model.active === 0);
    const { epoch } = Object((await stream.named("joined")).value);
    await say("again");
    await until("both are answered", () => model.calls.length === 2 && model.active === 0);
    const cut = await openStream(t, app, pair, { "last-event-id": `${epoch}:1` });
    assert.equal(Object((await cut.named("joined")).value).recovered, false);
    await cut.named("MESSAGES_SNAPSHOT");
  });

  it("is no HEAD, and no other method's", async (t) => {
    const { app, pair } = await startStreaming(t);
    for (const method of ["HEAD", "PUT", "DELETE"])
      assert.equal((await ask(app, pair, "/events", { method })).status, 405, method);
    for (const part of ["", "/messages"])
      assert.equal((await ask(app, pair, part, { method: "HEAD" })).status, 200);
  });
});
