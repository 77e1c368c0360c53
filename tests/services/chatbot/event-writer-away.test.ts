// The event writer while the storage is away: what it goes on with, in which order, and how it comes home.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { parseFrame } from "../../support/recorded-frames.ts";
import { settle } from "../../support/settle.ts";
import { delta, startAwayWriter } from "./away-writer.ts";

const away = (): AppError => new AppError("storage_unavailable");
const STARTED = { type: "run-started", runId: "r" } as const;
const ended = (seq: number) => ({ type: "run-finished", runId: "r", seq }) as const;

type Away = ReturnType<typeof startAwayWriter>;

/** Each text in a tick of its own, so that it is an append of its own. */
async function write({ writer }: Away, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    writer.write(delta(text));
    await settle();
  }
}

/** `a` was shown, then the storage went away with `b` under way. */
async function startDetached(): Promise<Away> {
  const away1 = startAwayWriter();
  await write(away1, "a", "b");
  away1.appends[0]?.confirm();
  away1.appends[1]?.refuse(away());
  await settle();
  return away1;
}

const textsOf = ({ lives }: Away, life = 0): unknown[] =>
  (lives[life]?.events ?? []).map(parseFrame).map(({ seq, delta: text }) => `${Number(seq)}:${String(text)}`);

describe("a writer whose storage goes away", () => {
  it("goes on after what was shown, with the numbers that were given and not shown", async () => {
    const writing = startAwayWriter(40);
    await write(writing, "a", "b", "c");
    writing.appends[0]?.confirm();
    writing.appends[1]?.refuse(away());
    // Confirmed, but behind one that was not: nobody can say in which log it stands.
    writing.appends[2]?.confirm();
    await settle();
    await write(writing, "d");
    assert.deepEqual(writing.shown, ["41:a", "moved 41", "42:b", "43:c", "44:d"]);
    assert.deepEqual(textsOf(writing), ["42:b", "43:c", "44:d"]);
    const [life] = writing.lives;
    assert.deepEqual([life?.baseSeq, life?.head.lastSeq], [41, 44]);
    assert.deepEqual(writing.epochs, [life?.epoch]);
    assert.equal(writing.writer.detached, life);
    assert.deepEqual([writing.failures, writing.appends.length], [[], 3]);
  });

  it("moves its readers before the first event of the new life, once however many appends fail", async () => {
    const writing = startAwayWriter();
    await write(writing, "a", "b", "c");
    for (const append of writing.appends) append.refuse(away());
    await settle();
    assert.deepEqual(writing.shown, ["moved 0", "1:a", "2:b", "3:c"]);
    assert.equal(writing.lives.length, 1);
  });

  it("takes what was written in the same tick with it", async () => {
    const writing = startAwayWriter();
    await write(writing, "a");
    writing.appends[0]?.refuse(away());
    writing.writer.write(delta("b"));
    await writing.writer.settled();
    await settle();
    assert.deepEqual(writing.shown, ["moved 0", "1:a", "2:b"]);
    assert.equal(writing.appends.length, 2);
  });

  it("keeps a change that could not be recorded, in its place among the events", async () => {
    const writing = startAwayWriter();
    await write(writing, "a");
    writing.writer.note(STARTED);
    await write(writing, "b");
    for (const append of writing.appends) append.confirm();
    await settle();
    assert.deepEqual(writing.shown, ["1:a"], "what follows the note waits for it");
    writing.records[0]?.refuse(away());
    await settle();
    assert.deepEqual(writing.shown, ["1:a", "moved 1", "2:b"]);
    assert.deepEqual([writing.lives[0]?.changes, textsOf(writing)], [[STARTED], ["2:b"]]);
  });

  it("keeps an end that the log has confirmed and the store has not: it was not shown", async () => {
    const writing = startAwayWriter();
    writing.writer.conclude([delta("end")], ended);
    await settle();
    writing.appends[0]?.confirm();
    await settle();
    assert.deepEqual(writing.records[0]?.change, ended(1));
    assert.deepEqual(writing.shown, []);
    writing.records[0]?.refuse(away());
    await settle();
    assert.deepEqual(writing.shown, ["moved 0", "1:end"]);
    assert.deepEqual([writing.lives[0]?.changes, textsOf(writing)], [[ended(1)], ["1:end"]]);
  });

  it("records nothing in the store while it is away, and keeps the order of the changes", async () => {
    const writing = await startDetached();
    writing.writer.note(STARTED);
    writing.writer.conclude([delta("end")], ended);
    await settle();
    assert.deepEqual([writing.records.length, writing.appends.length], [0, 2]);
    assert.deepEqual(writing.lives[0]?.changes, [STARTED, ended(3)]);
    assert.deepEqual(writing.shown.slice(-1), ["3:end"]);
  });

  it("ends the tenure where the storage refuses, or where there is no such life", async () => {
    for (const [error, hasShelter] of [
      [new AppError("run_interrupted"), true],
      [away(), false],
    ] as const) {
      const writing = startAwayWriter(0, hasShelter);
      await write(writing, "a", "b");
      writing.appends[0]?.refuse(error);
      await settle();
      await write(writing, "c");
      assert.deepEqual([writing.failures, writing.shown, writing.lives], [[error], [], []]);
    }
  });
});

describe("a writer that comes home", () => {
  it("shows and sends nothing while it is not known where that belongs", async () => {
    const writing = await startDetached();
    writing.writer.hold();
    await write(writing, "c");
    writing.writer.note(STARTED);
    let isSettled = false;
    const settling = writing.writer.settled().then(() => {
      isSettled = true;
    });
    await settle();
    assert.deepEqual([writing.shown.at(-1), writing.appends.length, isSettled], ["2:b", 2, false]);
    assert.deepEqual(textsOf(writing), ["2:b"]);
    writing.writer.reattach();
    await settle();
    assert.deepEqual(
      writing.appends.slice(2).map(({ firstSeq }) => firstSeq),
      [3],
    );
    assert.equal(isSettled, false);
    writing.appends[2]?.confirm();
    writing.records[0]?.confirm();
    await settling;
    assert.deepEqual(writing.shown.slice(-1), ["3:c"]);
    assert.equal(writing.writer.detached, undefined);
  });

  it("goes on in its life where the storage took nothing, and says nothing of it to its readers", async () => {
    const writing = await startDetached();
    writing.writer.hold();
    await write(writing, "c");
    writing.writer.goOn();
    await write(writing, "d");
    assert.deepEqual(writing.shown, ["1:a", "moved 1", "2:b", "3:c", "4:d"]);
    assert.deepEqual(textsOf(writing), ["2:b", "3:c", "4:d"]);
  });

  it("goes on under another name where nobody knows, and tells its readers before the next event", async () => {
    const writing = await startDetached();
    const [life] = writing.lives;
    const first = life?.epoch;
    writing.writer.hold();
    await write(writing, "c");
    life?.rename();
    writing.writer.goOn();
    await settle();
    assert.deepEqual(writing.shown.slice(2), ["2:b", "moved 2", "3:c"]);
    assert.notEqual(life?.epoch, first);
    assert.deepEqual(writing.epochs, [first, life?.epoch]);
  });

  it("can be held twice, and loses nothing of what was written before the second time", async () => {
    const writing = await startDetached();
    writing.writer.hold();
    await write(writing, "c");
    writing.writer.hold();
    await write(writing, "d");
    writing.writer.goOn();
    await settle();
    assert.deepEqual(textsOf(writing), ["2:b", "3:c", "4:d"]);
  });

  it("leaves again into a life of its own when the storage goes away a second time", async () => {
    const writing = await startDetached();
    writing.writer.hold();
    writing.writer.reattach();
    await write(writing, "c", "d");
    writing.appends[2]?.confirm();
    await settle();
    writing.appends[3]?.refuse(away());
    await settle();
    await write(writing, "e");
    assert.deepEqual(writing.shown, ["1:a", "moved 1", "2:b", "3:c", "moved 3", "4:d", "5:e"]);
    assert.deepEqual([textsOf(writing, 0), textsOf(writing, 1)], [["2:b"], ["4:d", "5:e"]]);
    assert.notEqual(writing.lives[0]?.epoch, writing.lives[1]?.epoch);
    assert.equal(writing.writer.detached, writing.lives[1]);
  });

  it("is not taken away again by an append of before that fails late", async () => {
    const writing = startAwayWriter();
    await write(writing, "a", "b");
    writing.appends[0]?.refuse(away());
    await settle();
    writing.writer.hold();
    writing.writer.reattach();
    writing.appends[1]?.refuse(away());
    await settle();
    await write(writing, "c");
    assert.equal(writing.writer.detached, undefined);
    writing.appends[2]?.confirm();
    await writing.writer.settled();
    assert.deepEqual(writing.shown, ["moved 0", "1:a", "2:b", "3:c"]);
  });
});
