// The one writer of a conversation's events: numbers, one append a tick, nothing shown before the log has confirmed.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { AppError } from "#app/core/errors.ts";
import type { ConversationEvent } from "#app/models/server-event.ts";
import { ConversationChannel } from "#app/services/chatbot/conversation-channel.ts";
import type { EventLog, LogBatch } from "#app/services/chatbot/event-log.ts";
import { EventWriter } from "#app/services/chatbot/event-writer.ts";
import type { Lease } from "#app/services/chatbot/run-lease.ts";
import { parseFrame } from "../../support/recorded-frames.ts";
import { settle } from "../../support/settle.ts";
import { storageFor } from "../../support/watched-storage.ts";

const LEASE: Lease = { conversationId: "c".repeat(22), generation: 1 };
const delta = (text: string): ConversationEvent => ({
  type: "TEXT_MESSAGE_CONTENT",
  messageId: "m1",
  delta: text,
});

/** A log far away: it takes batches and confirms or refuses each when the test says so. */
class RemoteLog implements EventLog {
  readonly batches: (LogBatch & { confirm: () => void; refuse: (error: Error) => void })[] = [];

  open() {
    return Promise.resolve({ epoch: "e", lastSeq: 0 });
  }

  append(_lease: Lease, batch: LogBatch): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.batches.push({ ...batch, confirm: resolve, refuse: reject });
    return promise;
  }

  read() {
    return Promise.resolve(undefined);
  }

  subscribe() {
    return Promise.resolve(() => Promise.resolve());
  }
}

function startWriter(lastSeq = 0, log: EventLog = new RemoteLog(), lease = LEASE) {
  const channel = new ConversationChannel();
  const shown: string[] = [];
  channel.join({
    deliver: (seq, event) => void shown.push(`${seq}:${String(parseFrame(event).delta)}`),
    recheck: () => undefined,
  });
  const recorded = Promise.withResolvers<void>();
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => void failures.push(error);
  const head = { epoch: "e", lastSeq };
  const writer = new EventWriter({ log, lease, head, channel, record: () => recorded.promise, onFailure });
  return { writer, shown, failures, recorded };
}

function startRemote(lastSeq = 0) {
  const log = new RemoteLog();
  return { log, ...startWriter(lastSeq, log) };
}

describe("the event writer", () => {
  it("numbers on from the log's head, without a gap", async () => {
    const { writer, log } = startRemote(41);
    assert.deepEqual([writer.write(delta("a")), writer.write(delta("b"))], [42, 43]);
    assert.equal(writer.lastSeq, 43);
    await settle();
    assert.deepEqual(
      log.batches[0]?.events.map(parseFrame).map(({ seq }) => seq),
      [42, 43],
    );
  });

  it("appends once for what is written in one go, and again for the next", async () => {
    const { writer, log } = startRemote();
    writer.write(delta("a"));
    writer.write(delta("b"));
    assert.equal(log.batches.length, 0, "the append waits until whoever writes has finished");
    await settle();
    writer.write(delta("c"));
    await settle();
    assert.deepEqual(
      log.batches.map(({ firstSeq, events }) => [firstSeq, events.length]),
      [
        [1, 2],
        [3, 1],
      ],
    );
  });

  it("shows nothing before the log has confirmed it", async () => {
    const { writer, log, shown } = startRemote();
    writer.write(delta("a"));
    await settle();
    assert.deepEqual(shown, []);
    log.batches[0]?.confirm();
    await settle();
    assert.deepEqual(shown, ["1:a"]);
  });

  it("does not wait for a confirmation with the next append, and shows in order whichever is confirmed first", async () => {
    const { writer, log, shown } = startRemote();
    for (const text of ["a", "b", "c"]) {
      writer.write(delta(text));
      await settle();
    }
    assert.equal(log.batches.length, 3);
    log.batches[2]?.confirm();
    log.batches[1]?.confirm();
    await settle();
    assert.deepEqual(shown, []);
    log.batches[0]?.confirm();
    await settle();
    assert.deepEqual(shown, ["1:a", "2:b", "3:c"]);
  });

  it("shows what follows a note only after that was recorded, and all of it in order", async () => {
    const { writer, log, shown, recorded } = startRemote();
    writer.write(delta("a"));
    await settle();
    writer.note({ type: "run-started", runId: "r" });
    writer.write(delta("b"));
    await settle();
    for (const batch of log.batches) batch.confirm();
    await settle();
    assert.deepEqual(shown, ["1:a"]);
    recorded.resolve();
    await settle();
    assert.deepEqual(shown, ["1:a", "2:b"]);
  });

  it("is settled when everything written so far has been shown, what was written just now included", async () => {
    const { writer, log, shown } = startRemote();
    writer.write(delta("a"));
    let settled = false;
    const settling = writer.settled().then(() => {
      settled = true;
    });
    await settle();
    assert.equal(settled, false);
    log.batches[0]?.confirm();
    await settling;
    assert.deepEqual(shown, ["1:a"]);
    await writer.settled();
  });
});

describe("an append that fails", () => {
  it("ends the tenure: it is told once, nothing more is shown or appended, and nothing rejects unheard", async () => {
    const { writer, log, shown, failures } = startRemote();
    for (const text of ["a", "b", "c"]) {
      writer.write(delta(text));
      await settle();
    }
    const refusal = new AppError("run_interrupted");
    log.batches[0]?.confirm();
    log.batches[1]?.refuse(refusal);
    await settle();
    log.batches[2]?.refuse(new AppError("internal_error"));
    await settle();
    writer.write(delta("d"));
    await writer.settled();
    assert.deepEqual(shown, ["1:a"]);
    assert.deepEqual(failures, [refusal]);
    assert.equal(log.batches.length, 3, "what is written afterwards goes nowhere");
  });

  it("keeps back what is confirmed after it", async () => {
    const { writer, log, shown, failures } = startRemote();
    writer.write(delta("a"));
    await settle();
    writer.write(delta("b"));
    await settle();
    log.batches[1]?.confirm();
    log.batches[0]?.refuse(new Error("gone"));
    await settle();
    assert.deepEqual(shown, []);
    assert.equal(failures.length, 1);
  });

  it("is the same when what was waited for fails, such as the storing of a reply", async () => {
    const { writer, log, shown, failures, recorded } = startRemote();
    const refusal = new AppError("storage_unavailable");
    writer.write(delta("a"));
    writer.note({ type: "run-started", runId: "r" });
    recorded.reject(refusal);
    await settle();
    log.batches[0]?.confirm();
    await writer.settled();
    assert.deepEqual(shown, []);
    assert.deepEqual(failures, [refusal]);
  });
});

describe("the event writer on the in-memory log", () => {
  async function startReal(test: TestContext) {
    const bundle = storageFor(test);
    const { conversationId } = LEASE;
    const lease = (await bundle.lease.acquire(conversationId)) ?? LEASE;
    const head = await bundle.log.open(conversationId);
    const started = startWriter(head.lastSeq, bundle.log, lease);
    const read = () => bundle.log.read(conversationId, { epoch: head.epoch, after: 0, limit: 10_000 });
    return { ...started, bundle, lease, head, read };
  }

  it("hands the log and every reader the same string", async (test) => {
    const { writer, shown, read } = await startReal(test);
    for (const text of ["a", "b"]) writer.write(delta(text));
    await writer.settled();
    const slice = await read();
    assert.deepEqual(
      slice?.events.map(parseFrame).map((event) => `${String(event.seq)}:${String(event.delta)}`),
      shown,
    );
  });

  it("is stopped by the fence as soon as another holds the lease", async (test) => {
    const { writer, shown, failures, bundle, lease } = await startReal(test);
    await bundle.lease.release(lease);
    await bundle.lease.acquire(lease.conversationId);
    writer.write(delta("a"));
    await writer.settled();
    assert.deepEqual(shown, []);
    assert.match(String(failures), /interrupted/);
  });

  it("keeps everything from the floor on readable, however long the log grows, until the floor is released", async (test) => {
    const { writer, read, bundle, head } = await startReal(test);
    writer.holdFloor(1);
    for (let count = 0; count < 2_500; count += 1) writer.write(delta("x"));
    await writer.settled();
    assert.equal((await read())?.events.length, 2_500);
    writer.releaseFloor();
    writer.write(delta("y"));
    await writer.settled();
    assert.equal(await read(), undefined);
    const from = { epoch: head.epoch, after: 501, limit: 10_000 };
    assert.equal((await bundle.log.read(LEASE.conversationId, from))?.events.length, 2_000);
  });
});
