// The instance that writes the replies is told to stop, or is stopped for longer than its lease lives.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertWithin } from "../support/held-up.ts";
import { openFleet } from "./fleet.ts";
import { assertSameStory, Ledger } from "./ledger.ts";
import { Tab } from "./tab.ts";

describe("an instance that is stopped", { concurrency: true }, () => {
  it("SIGSTOP for longer than its lease lives, SIGCONT: it writes nothing more, and leaves its provider", async (test) => {
    const fleet = await openFleet(test);
    const [paused, other] = await Promise.all([fleet.start(), fleet.start()]);
    const ledger = new Ledger();
    const here = await Tab.open(paused);
    const there = await Tab.open(other, here);
    await ledger.ask(here, { name: "long", words: 1_000, paceMs: [40, 1] });
    await here.hears("words", ({ runs }) => (runs[0]?.text.length ?? 0) > 100);
    const stoppedAt = Date.now();
    paused.signal("SIGSTOP");
    await fleet.pause(12_000);
    await there.answered("m-long");
    const finishedAt = there.story.position;
    const [continuedAt, timedFrom] = [Date.now(), performance.now()];
    paused.signal("SIGCONT");
    await here.hears("what the other one wrote", ({ position }) => position >= finishedAt);
    await fleet.leftBy("long", 5_000);
    const [firstCall] = fleet.provider.calls;
    const leftAfterMs = (firstCall?.leftAt ?? Number.POSITIVE_INFINITY) - continuedAt;
    // It is of use again: for its tab, and for what comes next.
    await ledger.ask(here, { name: "next", words: 10, paceMs: [5] });
    await ledger.allAnswered();
    await ledger.assertAnsweredOnce();
    ledger.assertInTime(stoppedAt);
    ledger.report(test, "SIGSTOP for 12 s, SIGCONT", stoppedAt);
    await there.hears("the same", ({ position }) => position >= here.story.position);
    assertSameStory(here.story, there.story);
    test.diagnostic(`provider left ${leftAfterMs} ms after SIGCONT`);
    assertWithin("the provider was left", leftAfterMs, 1_000, timedFrom);
    assert.equal(paused.errors, "");
    for (const tab of [here, there]) tab.close();
  });

  it("SIGTERM: what ends within 20 s ends here, the rest goes on elsewhere; 1012, and exit 0 within 30 s", async (test) => {
    const fleet = await openFleet(test);
    const [leaving, staying] = await Promise.all([fleet.start(), fleet.start()]);
    const ledger = new Ledger();
    const short = await Tab.open(leaving);
    const long = await Tab.open(leaving);
    const beside = await Tab.open(staying, long);
    // 10 s; and 30 s, which take 1 s elsewhere; and one that waits behind it.
    await ledger.ask(short, { name: "short", words: 250, paceMs: [40] });
    await ledger.ask(long, { name: "long", words: 600, paceMs: [50, 1] });
    await ledger.ask(long, { name: "behind", words: 10, paceMs: [5] });
    await Promise.all(
      [short, long].map((tab) => tab.hears("words", ({ runs }) => (runs[0]?.text.length ?? 0) > 100)),
    );
    const [toldAt, timedFrom] = [Date.now(), performance.now()];
    leaving.signal("SIGTERM");
    await Promise.all([short, long].map((tab) => tab.draining()));
    const closed = Promise.all([short.client.closed, long.client.closed]);
    assert.equal(await leaving.exit(), 0);
    const exitMs = Date.now() - toldAt;
    assert.deepEqual(
      (await closed).map(({ code }) => code),
      [1012, 1012],
    );
    assert.equal(short.story.runs[0]?.outcome, "success", "it ended before its instance did");
    await Promise.all([short, long].map((tab) => tab.comeBack(staying)));
    await ledger.allAnswered();
    await ledger.assertAnsweredOnce();
    const runs = long.story.runsOf("m-long");
    assert.equal(runs.length, 2);
    const givenAfterMs = (runs[1]?.startedAt ?? 0) - toldAt;
    ledger.report(test, "SIGTERM in mid-reply", toldAt);
    test.diagnostic(`exit 0 after ${exitMs} ms, new run after ${givenAfterMs} ms`);
    assertWithin("its end", exitMs, 30_000, timedFrom);
    assertWithin("handed over, and nobody waited for the lease to lapse", givenAfterMs, 25_000, timedFrom);
    await beside.hears("the same", ({ position }) => position >= long.story.position);
    assertSameStory(long.story, beside.story);
    assert.deepEqual([leaving.errors, staying.errors], ["", ""]);
    fleet.assertOneLife([short, long]);
    for (const tab of [short, long, beside]) tab.close();
  });
});
