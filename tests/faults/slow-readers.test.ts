// A hundred readers that hang beside a hundred that read, on one server process. What is promised: those that read get
// everything at once; those that hang cost a window each, are closed with 4001, and can come back to the whole text.

import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { READER_WINDOW_BYTES } from "#app/services/chatbot/reader.ts";
import { percentile } from "../../bench/percentile.ts";
import { ownPair } from "../support/conversation.ts";
import { assertWithin } from "../support/held-up.ts";
import { until } from "../support/until.ts";
import { assertWireInvariants, joinDeltas } from "../support/wire-invariants.ts";
import { Instance } from "./instance.ts";
import { leakWatch } from "./leaks.ts";
import { type ConversationKey, Listener } from "./listener.ts";
import { findChild, residentBytes, watchPeak } from "./process-memory.ts";
import { countReplies, tellReplies } from "./reply-table.ts";
import { Story } from "./story.ts";
import { type Order, questionOf, replyTo, startWordyProvider } from "./wordy-provider.ts";

/** Never read, and never acknowledge: the kernel takes some megabytes for each before the server can notice. */
const MUTE = 80;
/** Read and acknowledged once, and then never again. */
const HUNG = 20;
/** Read the same long reply as those. */
const BESIDE = 10;
/** Read a reply of ordinary length and pace, each in a conversation of its own. */
const ELSEWHERE = 90;
const STALL_MS = 30_000;
const MEBIBYTE = 2 ** 20;

const GREETING: Order = { name: "greeting", words: 5, paceMs: [1] };
/** Some 12 MB: the name stands in every word, and is as long as a visitor's message may be. */
const LONG: Order = { name: "ä→😀".repeat(470), words: 3_000, paceMs: [0] };
const ORDINARY: Order = { name: "ordinary", words: 250, paceMs: [40] };

/** Three times what the reply and its log take, and the windows; without a bound there would be 8 MB for each reader. */
const GROWTH_BYTES = 350 * MEBIBYTE;
/** From the event's own timestamp until it is read. The machine may be loaded; a hung reader costs 30 s. */
const LATE_MS = 5_000;

it("a hundred readers that hang cost only themselves, and come back to the whole text", async (test) => {
  const stage = await openStage(test);
  const { instance, pid, long, elsewhere } = stage;
  const before = await residentBytes(pid);
  const peak = watchPeak(pid);
  // Also where the test fails before it asks.
  test.after(() => peak.stop());
  const [saidAt, timedFrom] = [Date.now(), performance.now()];
  for (const reader of elsewhere) reader.say(questionOf(ORDINARY), "ordinary");
  long.beside[0]?.say(questionOf(LONG), "long");
  const late = (): Listener[] => [
    ...long.beside.filter(({ endCount }) => endCount < 2),
    ...elsewhere.filter(({ endCount }) => endCount < 1),
  ];
  await until("the end of all replies", () => late().length === 0, 60_000).catch((cause: unknown) => {
    const last = JSON.stringify(late()[0]?.heard.at(-1)?.frame).slice(0, 400);
    throw new Error(`${late().length} have not read to the end; the first has last read ${last}`, { cause });
  });
  const reference = assertAllRead(stage);
  tellAllReplies(test, stage);
  reportDelays(test, stage, { saidAt, timedFrom });

  const closed = (): number =>
    instance.logged("websocket_disconnected").filter(({ closeName }) => closeName === "slowReader").length;
  await until("the end of those that hang", () => closed() === MUTE + HUNG, STALL_MS + 30_000);
  const growth = (await peak.stop()) - before;
  test.diagnostic(
    `memory: ${toMegabytes(before)} MB before, at most ${toMegabytes(growth)} MB more; all closed ${Date.now() - saidAt} ms after the question`,
  );
  assert.ok(growth < GROWTH_BYTES, `${toMegabytes(growth)} MB more`);

  const taken: Sent[] = [];
  for (const batch of inBatches([...long.hung, ...long.mute], 10))
    taken.push(...(await Promise.all(batch.map((reader) => comeBack(stage, reader, reference)))));
  const [hung, mute] = [taken.slice(0, HUNG), taken.slice(HUNG)];
  const megabytes = mute.map(({ bytes }) => toMegabytes(bytes));
  test.diagnostic(
    `had been sent when closed, of ${toMegabytes(weigh(reference).bytes)} MB: hung at most ${Math.max(...hung.map(({ characters }) => characters))} characters in ${Math.max(...hung.map(({ bytes }) => bytes))} bytes, mute ${Math.min(...megabytes)} to ${Math.max(...megabytes)} MB`,
  );
  const largest = reference.map((frame) => weigh([frame]));
  const overshoot = Math.max(...largest.map(({ characters }) => characters));
  for (const { characters } of hung)
    assert.ok(characters < READER_WINDOW_BYTES + overshoot, `${characters} characters under way`);
  for (const { bytes } of mute) assert.ok(bytes < weigh(reference).bytes, "the server stopped pushing");
  await test.test("the window is in bytes, whatever the script", () => {
    const most = READER_WINDOW_BYTES + Math.max(...largest.map(({ bytes }) => bytes));
    for (const { bytes } of hung) assert.ok(bytes < most, `${bytes} bytes under way`);
  });
  assert.equal(instance.errors, "");
});

/** UTF-16 units, and bytes on the wire. */
interface Sent {
  readonly characters: number;
  readonly bytes: number;
}

interface Stage {
  readonly instance: Instance;
  readonly pid: number;
  readonly key: ConversationKey;
  readonly long: {
    readonly beside: readonly Listener[];
    readonly hung: readonly Listener[];
    readonly mute: readonly Listener[];
  };
  readonly elsewhere: readonly Listener[];
}

async function openStage(test: TestContext): Promise<Stage> {
  const stack = new AsyncDisposableStack();
  test.after(() => stack.disposeAsync());
  const provider = stack.use(await startWordyProvider());
  const instance = stack.use(await Instance.start({ OPENAI_BASE_URL: provider.url }));
  const key = ownPair();
  const open = async (count: number, keyOf: () => ConversationKey, acks: boolean): Promise<Listener[]> => {
    const opened: Listener[] = [];
    for (const batch of inBatches(Array.from({ length: count }), 20))
      opened.push(
        ...(await Promise.all(batch.map(() => Listener.open(instance.socketUrl, keyOf(), { acks })))),
      );
    return opened;
  };
  const beside = await open(BESIDE, () => key, true);
  const [hung, mute] = [await open(HUNG, () => key, false), await open(MUTE, () => key, false)];
  const elsewhere = await open(ELSEWHERE, ownPair, true);
  beside[0]?.say(questionOf(GREETING), "greeting");
  await until("a first reply", () => [...beside, ...hung, ...mute].every(({ endCount }) => endCount === 1));
  for (const reader of hung) reader.acknowledge(Number(reader.events.at(-1)?.frame.seq));
  for (const reader of [...hung, ...mute]) reader.pause();
  stack.defer(() => {
    for (const reader of [...beside, ...hung, ...mute, ...elsewhere]) reader.leave();
  });
  const pid = await findChild("app/main.ts");
  return { instance, pid, key, long: { beside, hung, mute }, elsewhere };
}

/** Everything in order, byte for byte; returns the long conversation's events as text. */
function assertAllRead({ long, elsewhere }: Stage): string[] {
  const framesOf = (reader: Listener) => reader.events.map(({ frame }) => frame);
  for (const reader of elsewhere) {
    assertWireInvariants(framesOf(reader));
    assert.ok(joinDeltas(framesOf(reader)) === replyTo(ORDINARY), "an ordinary reply, whole");
  }
  const [first] = long.beside;
  assert.ok(first);
  assertWireInvariants(framesOf(first));
  assert.ok(joinDeltas(framesOf(first)) === replyTo(GREETING) + replyTo(LONG), "the long reply, whole");
  const reference = textsOf(first);
  for (const reader of long.beside) assertSame(textsOf(reader), reference);
  return reference;
}

/** Reads on, is told why it was closed, comes back with its position. Returns what it had been sent until then. */
async function comeBack({ instance, key }: Stage, hung: Listener, reference: string[]): Promise<Sent> {
  const readBefore = hung.events.length;
  hung.resume();
  const { code } = await hung.closed;
  // The close frame of one that takes nothing can stand behind bytes that its socket never takes.
  assert.ok(code === 4001 || code === 1006, `closed with ${code}`);
  const texts = textsOf(hung);
  const sent = weigh(texts.slice(readBefore));
  if (sent.bytes < MEBIBYTE) assert.equal(code, 4001);
  const position = { epoch: hung.joined.epoch, after: texts.length };
  const back = await Listener.open(instance.socketUrl, key, { acks: true, position });
  assert.equal(back.joined.recovered, true);
  await until("what it has missed", () => texts.length + back.eventCount >= reference.length, 60_000);
  assertSame([...texts, ...textsOf(back)], reference);
  back.leave();
  // A dozen megabytes each: they shall not all stand here at the end.
  hung.heard.length = 0;
  return sent;
}

/** By what one reader of each conversation has read; its frames are looked through on the way. */
function tellAllReplies(test: TestContext, { long, elsewhere }: Stage): void {
  const runs = [...long.beside.slice(0, 1), ...elsewhere].flatMap((reader, index) => {
    const story = new Story();
    for (const { frame } of reader.heard) {
      leakWatch.assertFrame(JSON.stringify(frame), reader.joined.conversationId);
      if (typeof frame.seq === "number") story.add(frame);
    }
    return (index === 0 ? ["greeting", "long"] : ["ordinary"]).map((id) => story.runsOf(id));
  });
  tellReplies(test, "100 readers that hang beside 100 that read", countReplies(runs));
}

function reportDelays(
  test: TestContext,
  { long, elsewhere }: Stage,
  { saidAt, timedFrom }: { readonly saidAt: number; readonly timedFrom: number },
): void {
  for (const [where, readers] of Object.entries({ "beside them": long.beside, elsewhere })) {
    const heard = readers.flatMap((reader) => reader.events).filter(({ at }) => at >= saidAt);
    const delays = heard.map(({ at, frame }) => at - Number(frame.timestamp));
    const [p50, p99, most] = [percentile(delays, 50), percentile(delays, 99), Math.max(...delays)];
    test.diagnostic(`${where}: ${heard.length} events, late by p50 ${p50}, p99 ${p99}, at most ${most} ms`);
    assertWithin(`an event ${where}`, most, LATE_MS, timedFrom);
  }
}

function textsOf(reader: Listener): string[] {
  return reader.events.map(({ frame }) => JSON.stringify(frame));
}

/** Not deepEqual: its message would hold twelve megabytes. */
function assertSame(texts: readonly string[], reference: readonly string[]): void {
  const wrong = texts.findIndex((text, index) => text !== reference[index]);
  assert.equal(wrong, -1, `event ${wrong + 1} differs`);
  assert.equal(texts.length, reference.length);
}

function weigh(texts: readonly string[]): Sent {
  return {
    characters: texts.reduce((sum, text) => sum + text.length, 0),
    bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
  };
}

function inBatches<Item>(items: readonly Item[], size: number): Item[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}

function toMegabytes(bytes: number): number {
  return Math.round(bytes / MEBIBYTE);
}
