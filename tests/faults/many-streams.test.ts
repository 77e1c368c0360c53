// The instance that writes 200 replies at a time is killed, stopped for longer than its leases live, or told to stop.
// One scenario after the other: each of them takes what two cores have.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertWithin } from "../support/held-up.ts";
import { until } from "../support/until.ts";
import { askAll, hearAll, isAnswered, openBeside, openTabs } from "./crowd.ts";
import { openFleet } from "./fleet.ts";
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
    await askAll(ledger, tabs, (index) => ({ name: `k${index}`, words: 40, paceMs: [200, 60] }));
    const diedAt = Date.now();
    await dying.kill();
    // Half of them have readers who come back at once; the others nobody asks for until they are taken over.
    const half = STREAMS / 2;
    await comeBackSpread(tabs.slice(half), living);
    await until("the take-overs", () => takenOver() >= STREAMS, 30_000);
    await comeBackSpread(tabs.slice(0, half), alsoLiving);
    await hearAll("its answer", tabs, isAnswered);
    await ledger.allAnswered();
    ledger.report(test, "200 streams: SIGKILL", diedAt);
    const shares = survivors.map((each) => each.logged("run_taken_over").length).join(" and ");
    test.diagnostic(`taken over by the two others: ${shares}`);
    await ledger.assertAnsweredOnce();
    ledger.assertInTime(diedAt);
    await assertSameForBoth(tabs, beside);
    for (const { story } of tabs) assert.equal(story.runs[0]?.outcome, "run_interrupted");
    for (const tab of [...tabs, ...beside]) tab.close();
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
    const following = Promise.all(tabs.map((tab) => followFaults(tab, paused, faults, over.signal)));
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
      `stopped ${continuedAt - stoppedAt} ms, ${finishedBefore} replies were whole by then; provider left within ${leftAfterMs} ms of SIGCONT; ${faults.length} connections closed with 1011 and continued`,
    );
    await ledger.assertAnsweredOnce();
    ledger.assertInTime(stoppedAt);
    await assertSameForBoth(tabs, beside);
    assert.equal(new Set(firstCalls.map(({ name }) => name)).size, STREAMS);
    assert.equal(fleet.provider.calls.length, 2 * STREAMS, "nobody asked a third time");
    assertWithin("the provider was left", leftAfterMs, 3_000, timedFrom);
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
    const toldAt = Date.now();
    leaving.signal("SIGTERM");
    const returns = Promise.all(tabs.map((tab) => comeBackAsTold(tab, staying)));
    const [exitCode, farewells] = await Promise.all([
      leaving.exit().then((code) => ({ code, ms: Date.now() - toldAt })),
      returns,
    ]);
    await hearAll("its answer", tabs, isAnswered);
    await ledger.allAnswered();
    ledger.report(test, "200 streams: SIGTERM", toldAt);
    test.diagnostic(`exit ${exitCode.code} after ${exitCode.ms} ms; ${assertSpread(farewells)}`);
    await ledger.assertAnsweredOnce();
    for (const [index, { story }] of tabs.entries()) {
      const last = story.runs.at(-1);
      if (isLong(index)) assert.equal(story.runs.length, 2, `reply ${index} goes on elsewhere`);
      else assert.ok((last?.endedAt ?? 0) - toldAt < 20_000, `reply ${index} has the time to end`);
      const givenAfterMs = (story.runs[1]?.startedAt ?? toldAt) - toldAt;
      assert.ok(
        givenAfterMs < 25_000,
        `handed over after ${givenAfterMs} ms: nobody waited for a lease to lapse`,
      );
    }
    await assertSameForBoth(tabs, beside);
    assert.equal(exitCode.code, 0);
    assert.ok(exitCode.ms < 30_000, `it ended after ${exitCode.ms} ms`);
    for (const tab of [...tabs, ...beside]) tab.close();
    assert.deepEqual([leaving.errors, staying.errors], ["", ""]);
  });
});
