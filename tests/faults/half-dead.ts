// A tab that comes back before its old connection is seen to be gone: the old one hangs, open on both sides, while the
// new one goes on. Promises: throws where anything is lost or doubled on the new one, or the fate of the old touches it.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../support/until.ts";
import { assertWireInvariants } from "../support/wire-invariants.ts";
import type { InstancePair } from "./instance-pair.ts";
import { RawLine } from "./raw-line.ts";
import type { ReplyAccount } from "./reply-account.ts";
import { RoamingTab } from "./roaming-tab.ts";

export const FATES = [
  "is cut within 50 ms of the join",
  "is cut",
  "wakes and is cut",
  "wakes and says goodbye",
  "is found dead by the heartbeat",
  "hangs to the end",
] as const;
export type Fate = (typeof FATES)[number];

/** How soon after the join the old line is cut where it is cut at once. */
const CUT_WITHIN_MS = 50;

/** The instances of the old and of the new connection; the reply is made on the first one. */
const WAYS = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;
const PIECES = [
  "bir ",
  "iki 😀",
  "üç ",
  "dört→",
  "beş ",
  "altı ",
  "yedi 👩‍👩‍👧‍👦",
  "sekiz ",
  "dokuz ",
  "on",
  ".",
];
/** The old one meets its fate when so many pieces have been heard. */
const FATAL_PIECE = 6;

export interface HalfDeadScene {
  readonly pair: InstancePair;
  readonly account: ReplyAccount;
  readonly way: readonly [0 | 1, 0 | 1];
  readonly fate: Fate;
  /** Share of the 50 ms, 0 to 1; for that fate alone. */
  readonly share: number;
}

/** What is needed to tell what a server saw, and when. */
export interface HalfDeadPlay {
  /** From the last sign of life of the old line to the join on the new one. */
  readonly gapMs: number;
  /** Of the old line. */
  readonly connectionId: string;
  /** Date.now() when the join was sent, and when its `replayed` had come. */
  readonly joinedAt: number;
  readonly backAt: number;
}

function hasHeard(tab: RoamingTab, pieces: number): Promise<void> {
  const soFar = PIECES.slice(0, pieces).join("");
  return tab.hears(`${pieces} pieces`, () => tab.picture.messages.at(-1)?.content === soFar);
}

/** What becomes of the old line in the middle of the reply. */
async function meetFate(old: RawLine, tab: RoamingTab, { pair, fate }: HalfDeadScene): Promise<void> {
  switch (fate) {
    case "is cut within 50 ms of the join":
      return;
    case "is cut":
      return old.terminate();
    case "wakes and is cut":
      await wake(old, tab);
      return old.terminate();
    case "wakes and says goodbye":
      await wake(old, tab);
      return old.close();
    case "is found dead by the heartbeat": {
      const connectionId = idOf(old);
      const isFound = () =>
        pair.logged("heartbeat_timeout").some(({ fields }) => fields.connectionId === connectionId);
      await until("the heartbeat's verdict", isFound, 15_000);
      return old.terminate();
    }
    case "hangs to the end":
      return;
    default:
      fate satisfies never;
  }
}

/** It reads all that it was sent while it hung, gets an answer to what it says now, and was refused nothing. */
async function wake(old: RawLine, tab: RoamingTab): Promise<void> {
  assert.ok(old.isOpen, "the server has left it alone");
  old.resume();
  await old.isQuiet();
  assertWireInvariants(old.frames);
  assert.deepEqual(old.named("error"), []);
  await tab.hasRead(old.numbered.length);
  const same = old.numbered.map((_, index) => tab.row.get(index + 1));
  assert.deepEqual(old.numbered, same);
}

/** One reply whose reader comes back before its old line is gone, on whichever instances. */
async function playHalfDead(scene: HalfDeadScene): Promise<HalfDeadPlay> {
  const { pair, account, way } = scene;
  const witness = await RoamingTab.open(pair.places[0]);
  const tab = await RoamingTab.open(pair.places[way[0]], witness.pair);
  const script = await account.ask(witness, PIECES);
  for (let piece = 1; piece < 3; piece += 1) {
    await hasHeard(tab, piece);
    script.advance();
  }
  const old = tab.line;
  old.pause();
  const hungAt = performance.now();
  const line = await RawLine.open(pair.places[way[1]]);
  script.advance();
  tab.goOnOver(line);
  const gapMs = performance.now() - hungAt;
  const joinedAt = Date.now();
  const isCut =
    scene.fate === "is cut within 50 ms of the join" &&
    pause(scene.share * CUT_WITHIN_MS).then(() => old.terminate());
  await tab.isBack();
  const backAt = Date.now();
  await isCut;
  for (let piece = 4; piece < PIECES.length; piece += 1) {
    await hasHeard(tab, piece);
    if (piece === FATAL_PIECE) await meetFate(old, tab, scene);
    script.advance();
  }
  await hasHeard(tab, PIECES.length);
  await tab.hears("the end", () => account.answers(tab) === 1);
  if (scene.fate === "hangs to the end") {
    await wake(old, tab);
    await old.hears("all the rest", () => old.numbered.length === tab.row.size);
    await wake(old, tab);
    old.terminate();
  }
  await account.settle(witness, tab);
  return { gapMs, connectionId: idOf(old), joinedAt, backAt };
}

function idOf(line: RawLine): string {
  return String(Object(line.named("hello")[0]?.value).connectionId);
}

/** Every way back, so many times one after the other, each time later in the reply. */
export async function playEachWay(
  scene: Pick<HalfDeadScene, "pair" | "account" | "fate">,
  times: number,
): Promise<readonly HalfDeadPlay[]> {
  const plays: HalfDeadPlay[] = [];
  for (let time = 0; time < times; time += 1) {
    const round = WAYS.map((way) => playHalfDead({ ...scene, way, share: time / times }));
    plays.push(...(await Promise.all(round)));
  }
  return plays;
}
