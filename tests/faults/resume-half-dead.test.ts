// A tab that comes back before its old connection is seen to be gone: the old one hangs, open on both sides, while the
// new one goes on. Nothing is lost or doubled on the new one, and whatever becomes of the old one does not touch it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../support/until.ts";
import { assertWireInvariants } from "../support/wire-invariants.ts";
import { type InstancePair, openPair } from "./instance-pair.ts";
import { RawLine } from "./raw-line.ts";
import { ReplyAccount } from "./reply-account.ts";
import { RoamingTab } from "./roaming-tab.ts";

const FATES = [
  "is cut",
  "wakes and is cut",
  "wakes and says goodbye",
  "is found dead by the heartbeat",
  "hangs to the end",
] as const;
type Fate = (typeof FATES)[number];

/** The instances of the old and of the new connection; the reply is made on the first one. */
const WAYS = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;
const TIMES = 3;
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

interface Scene {
  readonly pair: InstancePair;
  readonly account: ReplyAccount;
  readonly way: readonly [0 | 1, 0 | 1];
  readonly fate: Fate;
}

function hasHeard(tab: RoamingTab, pieces: number): Promise<void> {
  const soFar = PIECES.slice(0, pieces).join("");
  return tab.hears(`${pieces} pieces`, () => tab.picture.messages.at(-1)?.content === soFar);
}

/** What becomes of the old line in the middle of the reply. */
async function meetFate(old: RawLine, tab: RoamingTab, { pair, fate }: Scene): Promise<void> {
  switch (fate) {
    case "is cut":
      return old.terminate();
    case "wakes and is cut":
      await wake(old, tab);
      return old.terminate();
    case "wakes and says goodbye":
      await wake(old, tab);
      return old.close();
    case "is found dead by the heartbeat": {
      const { connectionId } = Object(old.named("hello")[0]?.value);
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

/** Milliseconds from the last sign of life of the old line to the join on the new one. */
async function play(scene: Scene): Promise<number> {
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
  await tab.isBack();
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
  return gapMs;
}

describe("a tab that is back before its old connection is gone", () => {
  for (const fate of FATES) {
    it(`reads everything once, where the old one ${fate}`, async (test) => {
      const isDead = fate === "is found dead by the heartbeat";
      const pair = await openPair(test, isDead ? { env: { WS_HEARTBEAT_SECONDS: "1" } } : {});
      const account = new ReplyAccount(pair);
      const gapsMs: number[] = [];
      for (let time = 0; time < TIMES; time += 1)
        gapsMs.push(...(await Promise.all(WAYS.map((way) => play({ pair, account, way, fate })))));
      account.report(test, `the old one ${fate}`);
      test.diagnostic(`back within ${Math.ceil(Math.max(...gapsMs))} ms of the old one's last frame`);
      await pair.assertAtRest();
    });
  }
});
