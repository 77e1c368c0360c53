// Both instances are restarted, one after the other, behind nginx as deploy/nginx.conf has it, while 200 replies are
// being spoken. Nobody is tied to an instance: who has to leave one comes back through nginx, with a position.

import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { z } from "zod";
import { freePort } from "../../deploy/demo/server-process.ts";
import { type Nginx, startNginx } from "../deploy/nginx.ts";
import { until } from "../support/until.ts";
import { askAll, hearAll, isAnswered, openTabs } from "./crowd.ts";
import { openFleet } from "./fleet.ts";
import type { Instance } from "./instance.ts";
import { assertSameStory, assertSoon, Ledger } from "./ledger.ts";
import { Tab } from "./tab.ts";
import { assertSpread, type Farewell, followRestarts } from "./ways-back.ts";

const STREAMS = 200;
/** So many conversations are open in two tabs. */
const SHARED = 20;
/** What a running reply gets from an instance that stops. */
const GRACE_MS = 20_000;

interface Door {
  readonly nginx: Nginx;
  readonly socketUrl: string;
}

interface Restart {
  readonly next: Instance;
  readonly toldAt: number;
  readonly exitMs: number;
  readonly farewells: readonly Farewell[];
}

/** Two of them: each takes 256 connections as the tests set it, and a visitor is two of these. */
async function openDoors(
  test: TestContext,
  ports: readonly [number, number],
): Promise<readonly [Door, Door]> {
  const open = async (): Promise<Door> => {
    const nginx = await startNginx(test, ports);
    return { nginx, socketUrl: `ws://127.0.0.1:${nginx.port}/api/v1/chat/ws` };
  };
  return Promise.all([open(), open()]);
}

/** Stops it, starts the next one on its port, and waits until all that were connected to it are back, wherever. */
async function restart(
  leaving: Instance,
  start: () => Promise<Instance>,
  farewells: readonly Farewell[],
): Promise<Restart> {
  const before = farewells.length;
  const toldAt = Date.now();
  leaving.signal("SIGTERM");
  assert.equal(await leaving.exit(), 0);
  const exitMs = Date.now() - toldAt;
  const { connections } = z.object({ connections: z.int().positive() }).parse(leaving.logged("draining")[0]);
  const next = await start();
  await until("their return", () => farewells.length === before + connections, 20_000);
  assert.equal(leaving.errors, "");
  return { next, toldAt, exitMs, farewells: farewells.slice(before) };
}

it("both instances restarted one after the other behind nginx: 200 visitors read every word, once", async (test) => {
  const fleet = await openFleet(test, { TRUSTED_PROXIES: "127.0.0.1" });
  const ports = [await freePort(), await freePort()] as const;
  const start = ports.map((port) => () => fleet.start({ PORT: String(port) }));
  const [startFirst, startSecond] = start;
  assert.ok(startFirst && startSecond);
  const [first, second] = await Promise.all([startFirst(), startSecond()]);
  const doors = await openDoors(test, ports);
  const doorOf = (index: number): Door => doors[index % 2 === 0 ? 0 : 1];
  const tabs = await openTabs(Array.from({ length: STREAMS }, (_, index) => doorOf(index)));
  const ledger = new Ledger();
  const beside = await Promise.all(
    tabs.slice(0, SHARED).map((tab, index) => Tab.open(doorOf(index + 1), tab)),
  );
  const farewells: Farewell[] = [];
  const over = new AbortController();
  const following = Promise.all([
    ...tabs.map((tab, index) => followRestarts(tab, doorOf(index), farewells, over.signal)),
    ...beside.map((tab, index) => followRestarts(tab, doorOf(index + 1), farewells, over.signal)),
  ]);

  const scenario = async (): Promise<void> => {
    // 9 s: all of them end where they are.
    await askAll(ledger, tabs, (index) => ({ name: `a${index}`, words: 40, paceMs: [225] }));
    const one = await restart(first, startFirst, farewells);
    await hearAll("its first answer", tabs, isAnswered);
    for (const { story } of tabs)
      assertSoon("its end", { at: story.runs.at(-1)?.endedAt ?? 0, since: one.toldAt, limitMs: GRACE_MS });
    // Every fourth takes 27 s, or 2 s elsewhere: more than the second one gives it.
    await askAll(ledger, tabs, (index) => ({
      name: `b${index}`,
      words: 40,
      paceMs: index % 4 === 0 ? [675, 60] : [225],
    }));
    const two = await restart(second, startSecond, farewells);
    await hearAll("its second answer", tabs, isAnswered);
    await ledger.allAnswered();
    ledger.report(test, "200 streams: rolling restart behind nginx", two.toldAt);
    for (const { toldAt, exitMs, farewells: told } of [one, two]) {
      test.diagnostic(`exit 0 after ${exitMs} ms; ${assertSpread(told)}`);
      assertSoon("its end", { at: toldAt + exitMs, since: toldAt, limitMs: 30_000 });
    }
    const handedOver = tabs.filter(({ story }) => story.runsOf(story.runs[1]?.messageId ?? "").length > 1);
    assert.ok(handedOver.length > 0, "some had to go on elsewhere");
    assert.deepEqual([one.next.errors, two.next.errors], ["", ""]);
  };
  await Promise.race([scenario(), following]);

  await ledger.assertAnsweredOnce();
  for (const [index, other] of beside.entries()) {
    const tab = tabs[index];
    assert.ok(tab);
    await other.hears("all that the other tab has read", ({ position }) => position >= tab.story.position);
    assertSameStory(tab.story, other.story);
  }
  fleet.assertOneLife([...tabs, ...beside]);
  over.abort();
  for (const tab of [...tabs, ...beside]) tab.close();
  await following;
  const opened = STREAMS + SHARED + farewells.length;
  test.diagnostic(await tellUpgrades(doors, opened));
});

/** Every upgrade that was asked for succeeded, at the first instance that was tried or at the second one. */
async function tellUpgrades(doors: readonly Door[], opened: number): Promise<string> {
  const logs = async (): Promise<string[]> =>
    (await Promise.all(doors.map(({ nginx }) => nginx.accesses("GET", 1)))).flat();
  let lines = await logs();
  // nginx writes a line when the connection has ended.
  for (const deadline = Date.now() + 5_000; lines.length < opened && Date.now() < deadline; )
    lines = await logs();
  assert.equal(lines.length, opened);
  assert.deepEqual(
    lines.filter((line) => !line.startsWith("101 ")),
    [],
  );
  const passedOn = lines.filter((line) => line.includes(", ")).length;
  return `${opened} upgrades, ${passedOn} of them passed on to the other instance`;
}
