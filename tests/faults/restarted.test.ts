// One instance alone: what it leaves behind it finds again when it is started anew, on the same Redis.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../support/until.ts";
import { openFleet } from "./fleet.ts";
import { Ledger } from "./ledger.ts";
import { Tab } from "./tab.ts";

describe("an instance without another", { concurrency: true }, () => {
  it("finishes after SIGKILL and a restart what it had begun, and what it had only accepted", async (test) => {
    const fleet = await openFleet(test, { RUNS_AT_ONCE: "1" });
    const before = await fleet.start();
    const ledger = new Ledger();
    const [begun, onlyAccepted] = [await Tab.open(before), await Tab.open(before)];
    await ledger.ask(begun, { name: "begun", words: 100, paceMs: [50, 5] });
    // There is one place among the runs, and it is taken: this one waits without having shown its start.
    await ledger.ask(onlyAccepted, { name: "accepted", words: 10, paceMs: [5] });
    await begun.hears("words", ({ runs }) => (runs[0]?.text.length ?? 0) > 100);
    const diedAt = Date.now();
    await before.kill();
    const after = await fleet.start();
    await Promise.all([begun, onlyAccepted].map((tab) => tab.comeBack(after)));
    await ledger.allAnswered();
    await ledger.assertAnsweredOnce();
    ledger.assertInTime(diedAt);
    ledger.report(test, "one instance: SIGKILL and a restart", diedAt);
    assert.equal(onlyAccepted.story.runs.length, 1, "what had not begun is simply begun");
    fleet.assertOneLife([begun, onlyAccepted]);
    for (const tab of [begun, onlyAccepted]) tab.close();
  });

  it("finishes it also where nobody comes back", async (test) => {
    const fleet = await openFleet(test);
    const before = await fleet.start();
    const ledger = new Ledger();
    const tab = await Tab.open(before);
    await ledger.ask(tab, { name: "alone", words: 100, paceMs: [50, 5] });
    await tab.hears("words", ({ runs }) => (runs[0]?.text.length ?? 0) > 100);
    const diedAt = Date.now();
    await before.kill();
    const after = await fleet.start();
    await until("the end of the run", () => after.logged("run_finished").length > 0, 30_000);
    await tab.comeBack(after);
    await ledger.allAnswered();
    await ledger.assertAnsweredOnce();
    ledger.assertInTime(diedAt);
    ledger.report(test, "one instance: SIGKILL and a restart, nobody comes back", diedAt);
    fleet.assertOneLife([tab]);
    tab.close();
  });

  it("goes on after 12 s in which it was stopped: its message is answered once", async (test) => {
    const fleet = await openFleet(test);
    const alone = await fleet.start();
    const ledger = new Ledger();
    const tab = await Tab.open(alone);
    await ledger.ask(tab, { name: "paused", words: 400, paceMs: [50, 5] });
    await tab.hears("words", ({ runs }) => (runs[0]?.text.length ?? 0) > 100);
    alone.signal("SIGSTOP");
    await fleet.pause(12_000);
    alone.signal("SIGCONT");
    await ledger.allAnswered();
    await ledger.assertAnsweredOnce();
    ledger.report(test, "one instance: SIGSTOP for 12 s, SIGCONT");
    tab.close();
  });
});
