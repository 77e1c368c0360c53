// Event streams by their number, their slowness and their end: places, readers that do not read, a server that stops.

import assert from "node:assert/strict";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ownPair, Talk } from "../support/conversation.ts";
import { ask, command, openStream, type Pair, refusal } from "../support/event-stream-client.ts";
import { assertWithin, heldUpMs } from "../support/held-up.ts";
import { parseMetrics } from "../support/metrics-text.ts";
import type { ScriptStep } from "../support/scripted-model.ts";
import { until } from "../support/until.ts";
import { joinDeltas } from "../support/wire-invariants.ts";
import { startStreaming } from "./streaming.ts";

/** A reader that takes nothing until it is told to. */
function openUnread(app: { url: string }, pair: Pair): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const url = `${app.url}/api/v1/conversations/${pair.conversationId}/events`;
    const request = httpRequest(url, { agent: false, headers: { "x-resume-token": pair.resumeToken } });
    request.once("response", (response) => {
      response.pause();
      resolve(response);
    });
    request.once("error", reject);
    request.end();
  });
}

/**
 * Plays a scene in which a stream must not be idle for a second. Where the process was held up for about as long, nobody
 * could keep it from that: begun anew, with streams of its own.
 */
async function unlessHeldUp<T>(play: () => Promise<T>): Promise<T> {
  for (let turn = 1; ; turn += 1) {
    const sceneAt = performance.now();
    try {
      return await play();
    } catch (error) {
      if (turn === 5 || heldUpMs(sceneAt) < 500) throw error;
    }
  }
}

describe("an event stream whose client says nothing any more", () => {
  it("ends with 4505 after the idle time, and one whose client sends commands stays", async (t) => {
    const { app, pair } = await startStreaming(t, { WS_IDLE_TTL_SECONDS: "1" });
    const [silent, talking] = await unlessHeldUp(async () => {
      const both = [await openStream(t, app, pair), await openStream(t, app, pair)] as const;
      const connectionId = String(Object((await both[1].named("hello")).value).connectionId);
      while (!both[0].isOver) {
        await command(app, pair, { type: "ping" }, { "x-connection-id": connectionId });
        await pause(100);
      }
      assert.equal(both[1].isOver, false);
      return both;
    });
    assert.match(silent.comments.at(-1) ?? "", /^: 4505 /);
    await until("the end of both", () => talking.isOver);
    assert.match(talking.comments.at(-1) ?? "", /^: 4505 /);
  });
});

describe("an event stream whose visitor speaks by other ways", () => {
  it("stays for as long as something happens in the conversation", async (t) => {
    const { app, pair } = await startStreaming(t, { WS_IDLE_TTL_SECONDS: "1", MESSAGES_PER_MINUTE: "600" });
    const stream = await unlessHeldUp(async () => {
      const opened = await openStream(t, app, pair);
      const talk = new Talk(await app.connect());
      await talk.join(pair);
      // Three times the idle time, and more than that without a command of its own.
      for (const startedAt = performance.now(); performance.now() - startedAt < 3_000; ) {
        await talk.ask("Hello");
        await pause(200);
      }
      assert.equal(opened.isOver, false);
      return opened;
    });
    await until("its end, when all is still", () => stream.isOver);
  });
});

describe("the places of event streams", () => {
  it("are counted with the sockets of the address, and given back however a stream ends", async (t) => {
    const { app, pair } = await startStreaming(t, { WS_MAX_CONNECTIONS_PER_ADDRESS: "2" });
    const leaveAndReturn = async (): Promise<void> => {
      const socket = await app.connect();
      const stream = await openStream(t, app, pair);
      const refused = await ask(app, pair, "/events");
      assert.ok(Number(refused.headers.get("retry-after")) > 0);
      assert.deepEqual(await refusal(refused), [429, "rate_limited"]);
      await assert.rejects(app.connect());
      stream.leave();
      await socket.close();
    };
    for (let round = 0; round < 3; round += 1) {
      // A place is free again only when the server has seen its connection end.
      const deadline = performance.now() + 5_000;
      for (;;) {
        const outcome = await leaveAndReturn().catch((error: unknown) => error);
        if (outcome === undefined) break;
        if (performance.now() > deadline) throw outcome;
      }
    }
  });

  it("stand among the open connections of the metrics", async (t) => {
    const { app, pair } = await startStreaming(t);
    const open = async (): Promise<number> =>
      parseMetrics(await (await fetch(`${app.url}/metrics`)).text()).value("parley_connections");
    assert.equal(await open(), 0);
    const socket = await app.connect();
    const stream = await openStream(t, app, pair);
    assert.equal(await open(), 2);
    stream.leave();
    await socket.close();
    await until("nobody is there any more", () => app.log.named("event_stream_closed").length === 1);
  });

  it("are given back by those that were refused: no number of them takes a place", async (t) => {
    const { app, pair } = await startStreaming(t, { WS_MAX_CONNECTIONS_PER_ADDRESS: "2" });
    for (let index = 0; index < 10; index += 1)
      assert.deepEqual(await refusal(await ask(app, ownPair(), "/events")), [404, "conversation_not_found"]);
    await openStream(t, app, pair);
    await openStream(t, app, pair);
  });

  it("leave no reader, no timer and no session behind: a hundred come and go in mid-reply", async (t) => {
    const { app, model, pair, say } = await startStreaming(t);
    model.script("begun", { until: new Promise(() => undefined) });
    await say("Hello");
    const opened = await Promise.all(Array.from({ length: 100 }, () => openStream(t, app, pair)));
    for (const stream of opened) await stream.named("TEXT_MESSAGE_CONTENT");
    for (const stream of opened) stream.leave();
    await until("all were let go", () => app.log.named("event_stream_closed").length === 100);
    assert.equal(app.log.named("event_stream_opened").length, 100);
    assert.deepEqual(
      app.log.lines.filter(({ level }) => level === "error" || level === "warn"),
      [],
    );
  });
});

describe("a reader of an event stream that does not read", () => {
  it("holds up nobody, and gets everything when it reads on", async (t) => {
    const { app, model, pair, say } = await startStreaming(t);
    const unread = await openUnread(app, pair);
    t.after(() => unread.destroy());
    const quick = await openStream(t, app, pair);
    const piece = "x".repeat(100_000);
    model.script(...Array.from({ length: 80 }, () => piece));
    await say("Hello");
    const end = await quick.named("RUN_FINISHED");
    const chunks: string[] = [];
    unread.setEncoding("utf8");
    unread.on("data", (chunk: string) => chunks.push(chunk));
    unread.resume();
    const hasEnd = () => chunks.slice(-2).join("").includes('"type":"RUN_FINISHED"');
    await until("it has caught up", hasEnd, 20_000);
    const deltas = chunks
      .join("")
      .split("\n\n")
      .flatMap((part) => part.split("\n").filter((line) => line.startsWith("data: ")))
      .map((line) => Object(JSON.parse(line.slice(6))));
    const seqs = deltas.flatMap(({ seq }) => (typeof seq === "number" ? [seq] : []));
    assert.deepEqual(
      seqs,
      seqs.map((_, index) => index + 1),
    );
    assert.equal(seqs.at(-1), end.seq);
    assert.equal(joinDeltas(deltas), piece.repeat(80));
  });

  it("is counted by what it acknowledges as soon as it does: at most the window, then on", async (t) => {
    const { app, model, pair, say } = await startStreaming(t);
    const stream = await openStream(t, app, pair);
    await say("before");
    await stream.named("RUN_FINISHED");
    const seqNow = () => Number(stream.frames.findLast(({ seq }) => typeof seq === "number")?.seq);
    assert.equal((await command(app, pair, { type: "ack", seq: seqNow() })).status, 204);
    const gate = Promise.withResolvers<void>();
    // Apart from each other, or they would go as one frame.
    const apart: ScriptStep = {
      get until() {
        return pause(45);
      },
    };
    model.script(...Array.from({ length: 12 }, () => ["y".repeat(60_000), apart]).flat(), {
      until: gate.promise,
    });
    await say("Hello");
    await until("the window is full", () => joinDeltas(stream.frames).length >= 250_000);
    // Another reader, who acknowledges nothing, is past it: the log has it all.
    const other = await openStream(t, app, pair);
    await until("the other has it all", () => joinDeltas(other.frames).length >= 720_000);
    assert.ok(joinDeltas(stream.frames).length < 420_000, `${joinDeltas(stream.frames).length}`);
    const { connectionId } = Object((await stream.named("hello")).value);
    const named = { "x-connection-id": connectionId };
    assert.equal((await command(app, pair, { type: "ack", seq: 1 }, named)).status, 204);
    while (joinDeltas(stream.frames).length < 720_000) {
      const heard = joinDeltas(stream.frames).length;
      await command(app, pair, { type: "ack", seq: seqNow() }, named);
      await until("it goes on", () => joinDeltas(stream.frames).length > heard);
    }
    gate.resolve();
  });
});

describe("an event stream and a server that stops", () => {
  it("is told when to come back, gets the running reply to its end, and ends", async (t) => {
    const { app, model, pair, say } = await startStreaming(t);
    const gate = Promise.withResolvers<void>();
    model.script("half ", { until: gate.promise }, "whole");
    const stream = await openStream(t, app, pair);
    await say("Hello");
    await stream.named("TEXT_MESSAGE_CONTENT");
    const closing = app.close(5_000);
    const draining = await stream.named("draining");
    assert.ok(Object(draining.value).reconnectInMs >= 0);
    const refused = await ask(app, pair, "/events");
    assert.deepEqual(await refusal(refused), [503, "draining"]);
    gate.resolve();
    await stream.named("RUN_FINISHED");
    await closing;
    await until("the stream has ended", () => stream.isOver);
    assert.equal(joinDeltas(stream.frames), "half whole");
    assert.match(stream.comments.at(-1) ?? "", /1012/);
  });

  it("does not keep it from stopping by not reading", async (t) => {
    const { app, model, pair, say } = await startStreaming(t);
    const unread = await openUnread(app, pair);
    unread.on("error", () => undefined);
    t.after(() => unread.destroy());
    model.script(...Array.from({ length: 80 }, () => "x".repeat(100_000)));
    const quick = await openStream(t, app, pair);
    await say("Hello");
    await quick.named("RUN_FINISHED");
    const startedAt = performance.now();
    await app.close(0);
    assertWithin("the stop", performance.now() - startedAt, 6_000, startedAt);
  });
});
