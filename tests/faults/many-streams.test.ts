// The instance that writes 200 replies at a time is killed, stopped for longer than its leases live, or told to stop.
// One scenario after the other: each of them takes what two cores have.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertWithin } from "../support/held-up.ts";
import { until } from "../support/until.ts";
import { askAll, hearAll, isAnswered, openBeside, openTabs } from "./crowd.ts";
import { openFleet } from "./fleet.ts";
import type { Instance } from "./instance.ts";
import { assertSameStory, Ledger } from "./ledger.ts";
import type { Tab } from "./tab.ts";
import { assertSpread, comeBackAsTold, comeBackSpread, followFaults } from "./ways-back.ts";

const STREAMS = 200;
/** So many conversations are also open on the other instance. */
const SHARED = 60;

/** What two tabs of one conversation have read on two instances is the same, to the byte. */
async function assertSameForBoth(one: readonly Tab[], other: readonly Tab[]): Promise<void> {
  for (const [index, beside] of other.entries()) {
    const tab = one[index];
    assert.ok(tab);
    await beside.hears("all that the other tab has read", ({ position }) => position >= tab.story.position);
    assertSameStory(tab.story, beside.story);
  }
}

function tellFaults({ length }: readonly number[]): string {
  return `${length} connections closed with 1011 and continued`;
}

describe("200 replies at a time", () => {
  it("SIGKILL of their instance: each message is answered once, begun again elsewhere within 15 s", async (test) => {
    const fleet = await openFleet(test);
    const [dying, living, alsoLiving] = await Promise.all([fleet.start(), fleet.start(), fleet.start()]);
    const survivors = [living, alsoLiving];
    const takenOver = (): number =>
      survivors.reduce((sum, each) => sum + each.logged("run_taken_over").length, 0);
    const ledger = new Ledger();
    const tabs = await openTabs(Array.from({ length: STREAMS }, () => dying));
    const beside = await openBeside(tabs.slice(0, SHARED), living);
    // 30 s, as below: all of them are still speaking when the last one has begun, however long that takes.
    await askAll(ledger, tabs, (index) => ({ name: `k${index}`, words: 40, paceMs: [750, 60] }));
    for (const { story } of tabs) assert.equal(story.runs[0]?.outcome, undefined, "still speaking");
    const over = new AbortController();
    const faults: number[] = [];
    const diedAt = Date.now();
    await dying.kill();
    // Half of them have readers who come back at once; the others nobody asks for until they are taken over.
    const half = STREAMS / 2;
    await comeBackSpread(tabs.slice(half), living);
    await until("the take-overs", () => takenOver() >= STREAMS, 30_000).catch((cause: unknown) => {
      throw new Error(`${takenOver()} of ${STREAMS} taken over`, { cause });
    });
    await comeBackSpread(tabs.slice(0, half), alsoLiving);
    const follow = (tab: Tab, place: Instance) => followFaults(tab, place, faults, over.signal);
    const following = Promise.all([
      ...tabs.map((tab, index) => follow(tab, index < half ? alsoLiving : living)),
      ...beside.map((tab) => follow(tab, living)),
    ]);
    await Promise.race([hearAll("its answer", tabs, isAnswered), following]);
    await ledger.allAnswered();
    ledger.report(test, "200 streams: SIGKILL", diedAt);
    const shares = survivors.map((each) => each.logged("run_taken_over").length).join(" and ");
    test.diagnostic(`taken over by the two others: ${shares}; ${tellFaults(faults)}`);
    await ledger.assertAnsweredOnce();
    ledger.assertInTime(diedAt);
    await assertSameForBoth(tabs, beside);
    for (const { story } of tabs) assert.equal(story.runs[0]?.outcome, "run_interrupted");
    fleet.assertOneLife([...tabs, ...beside]);
    over.abort();
    for (const tab of [...tabs, ...beside]) tab.close();
    await following;
    assert.equal(takenOver(), STREAMS);
    for (const { errors } of survivors) assert.equal(errors, "");
  });

  it("SIGSTOP for longer than their leases live, SIGCONT while others speak: it adds nothing, and leaves its provider", async (test) => {
    const fleet = await openFleet(test);
    const [paused, other] = await Promise.all([fleet.start(), fleet.start()]);
    const ledger = new Ledger();
    const tabs = await openTabs(Array.from({ length: STREAMS }, () => paused));
    const beside = await openBeside(tabs.slice(0, SHARED), other);
    const over = new AbortController();
    const faults: number[] = [];
    const follow = (tab: Tab, place: Instance) => followFaults(tab, place, faults, over.signal);
    const following = Promise.all([
      ...tabs.map((tab) => follow(tab, paused)),
      ...beside.map((tab) => follow(tab, other)),
    ]);
    // 30 s: the provider still speaks to the one that was stopped. Then 4 s, so that both speak at a time.
    await askAll(ledger, tabs, (index) => ({ name: `s${index}`, words: 40, paceMs: [750, 100] }));
    const stoppedAt = Date.now();
    paused.signal("SIGSTOP");
    await until("the take-overs", () => other.logged("run_taken_over").length >= STREAMS, 20_000);
    const [continuedAt, timedFrom] = [Date.now(), performance.now()];
    const finishedBefore = other.logged("run_finished").length;
    paused.signal("SIGCONT");
    const firstCalls = fleet.provider.calls.slice(0, STREAMS);
    await until("its leaving", () => firstCalls.every(({ leftAt }) => leftAt !== undefined), 10_000);
    const leftAfterMs = Math.max(...firstCalls.map(({ leftAt = 0 }) => leftAt)) - continuedAt;
    await Promise.race([hearAll("its answer", tabs, isAnswered), following]);
    await ledger.allAnswered();
    ledger.report(test, "200 streams: SIGSTOP, SIGCONT", stoppedAt);
    test.diagnostic(
      `stopped ${continuedAt - stoppedAt} ms, ${finishedBefore} replies were whole by then; provider left within ${leftAfterMs} ms of SIGCONT; ${tellFaults(faults)}`,
    );
    await ledger.assertAnsweredOnce();
    ledger.assertInTime(stoppedAt);
    await assertSameForBoth(tabs, beside);
    assert.equal(new Set(firstCalls.map(({ name }) => name)).size, STREAMS);
    assert.equal(fleet.provider.calls.length, 2 * STREAMS, "nobody asked a third time");
    assertWithin("the provider was left", leftAfterMs, 3_000, timedFrom);
    fleet.assertOneLife([...tabs, ...beside]);
    over.abort();
    for (const tab of [...tabs, ...beside]) tab.close();
    await following;
    assert.deepEqual([paused.errors, other.errors], ["", ""]);
  });

  it("SIGTERM: half end within 20 s where they are, half go on elsewhere; all come back as told; exit 0 within 30 s", async (test) => {
    const fleet = await openFleet(test);
    const [leaving, staying] = await Promise.all([fleet.start(), fleet.start()]);
    const ledger = new Ledger();
    const tabs = await openTabs(Array.from({ length: STREAMS }, () => leaving));
    const beside = await openBeside(tabs.slice(0, SHARED), staying);
    // 9 s, or 36 s, which take 2 s elsewhere.
    const isLong = (index: number): boolean => index % 2 === 1;
    await askAll(ledger, tabs, (index) => ({
      name: `t${index}`,
      words: 40,
      paceMs: isLong(index) ? [900, 60] : [225],
    }));
    const over = new AbortController();
    const faults: number[] = [];
    const [toldAt, timedFrom] = [Date.now(), performance.now()];
    leaving.signal("SIGTERM");
    const returns = Promise.all(tabs.map((tab) => comeBackAsTold(tab, staying)));
    const [exitCode, farewells] = await Promise.all([
      leaving.exit().then((code) => ({ code, ms: Date.now() - toldAt })),
      returns,
    ]);
    const following = Promise.all(
      [...tabs, ...beside].map((tab) => followFaults(tab, staying, faults, over.signal)),
    );
    await Promise.race([hearAll("its answer", tabs, isAnswered), following]);
    await ledger.allAnswered();
    ledger.report(test, "200 streams: SIGTERM", toldAt);
    test.diagnostic(
      `exit ${exitCode.code} after ${exitCode.ms} ms; ${assertSpread(farewells)}; ${tellFaults(faults)}`,
    );
    await ledger.assertAnsweredOnce();
    for (const [index, { story }] of tabs.entries()) {
      const last = story.runs.at(-1);
      if (isLong(index)) assert.equal(story.runs.length, 2, `reply ${index} goes on elsewhere`);
      else assertWithin(`the end of reply ${index}`, (last?.endedAt ?? 0) - toldAt, 20_000, timedFrom);
      const givenAfterMs = (story.runs[1]?.startedAt ?? toldAt) - toldAt;
      assertWithin("handed over, and nobody waited for a lease to lapse", givenAfterMs, 25_000, timedFrom);
    }
    await assertSameForBoth(tabs, beside);
    assert.equal(exitCode.code, 0);
    assertWithin("its end", exitCode.ms, 30_000, timedFrom);
    fleet.assertOneLife([...tabs, ...beside]);
    over.abort();
    for (const tab of [...tabs, ...beside]) tab.close();
    await following;
    assert.deepEqual([leaving.errors, staying.errors], ["", ""]);
  });
});
