// The instance that writes the replies is killed: another one ends what it had begun and answers the same messages.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { openFleet } from "./fleet.ts";
import { assertSameStory, assertTakenOver, Ledger } from "./ledger.ts";
import { Tab } from "./tab.ts";
import { type Order, questionOf } from "./wordy-provider.ts";

/** Six seconds at the first attempt, under one at the second. */
function order(name: string, words = 120): Order {
  return { name, words, paceMs: [50, 5] };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe("SIGKILL of the instance that writes the replies", { concurrency: true }, () => {
  it("in mid-reply and with a line waiting: each message is answered once, and every tab reads all of it", async (test) => {
    const fleet = await openFleet(test);
    const [dying, living] = await Promise.all([fleet.start(), fleet.start()]);
    const ledger = new Ledger();
    const pairs = await Promise.all(
      range(10).map(async () => {
        const here = await Tab.open(dying);
        return { here, there: await Tab.open(living, here) };
      }),
    );
    for (const [index, { here }] of pairs.entries()) {
      // Two of them have a line of five.
      for (const place of range(index < 2 ? 5 : 1))
        await ledger.ask(here, order(`${index}-${place}`, place === 0 ? 120 : 10));
    }
    const enough = ({ story }: Tab): boolean => (story.runs[0]?.text.length ?? 0) > 100;
    await Promise.all(
      pairs.flatMap(({ here, there }) => [here, there].map((tab) => tab.hears("words", () => enough(tab)))),
    );
    const diedAt = Date.now();
    await dying.kill();
    const [early, late] = [pairs.slice(0, 5), pairs.slice(5)];
    await Promise.all(early.map(({ here }) => here.comeBack(living)));
    // How soon is asserted at the end.
    await Promise.all(late.map(({ there }) => there.hears("the new run", ({ runs }) => runs.length > 1)));
    await Promise.all(late.map(({ here }) => here.comeBack(living)));
    await ledger.allAnswered();
    await ledger.assertAnsweredOnce();
    ledger.assertInTime(diedAt);
    ledger.report(test, "SIGKILL in mid-reply, with lines of five", diedAt);
    fleet.assertOneLife(pairs.map(({ here }) => here));
    for (const { here, there } of pairs) {
      await there.hears("all that the other tab has read", ({ position }) => position >= here.story.position);
      assertSameStory(here.story, there.story);
      const [interrupted] = here.story.runs;
      assert.ok(interrupted && interrupted.outcome === "run_interrupted" && interrupted.text.length > 100);
      assert.equal(here.story.removed.length, 1, "what was said before the take-over has left the history");
      for (const tab of [here, there]) tab.close();
    }
    assert.equal(living.logged("run_taken_over").length, 10);
    assert.equal(living.errors, "");
  });

  it("while many runs begin and end: what was accepted is answered, and sending all of it again is harmless", async (test) => {
    const fleet = await openFleet(test);
    const [dying, living] = await Promise.all([fleet.start(), fleet.start()]);
    const ledger = new Ledger();
    const tabs = await Promise.all(range(24).map(() => Tab.open(dying)));
    const ordersOf = (index: number): Order[] =>
      range(4).map((place) => ({ name: `${index}-${place}`, words: 4, paceMs: [2 * (index % 5)] }));
    const accepted = new Set<string>();
    const enough = Promise.withResolvers<void>();
    // One after the other: at the kill some have ended, some talk, some wait, some are just being accepted.
    const asked = tabs.map(async (tab, index) => {
      await setTimeout(index * 8);
      for (const each of ordersOf(index)) {
        await tab.say(questionOf(each), `m-${each.name}`);
        accepted.add(each.name);
        if (accepted.size > 80) enough.resolve();
      }
    });
    const attempts = Promise.allSettled(asked);
    await enough.promise;
    const diedAt = Date.now();
    await dying.kill();
    await Promise.all(tabs.map((tab) => tab.comeBack(living)));
    await attempts;
    const told = accepted.size;
    const finished = tabs.flatMap((tab) => tab.story.runs).filter(({ outcome }) => outcome).length;
    // What was accepted is answered though nobody sends it again.
    const isAnswered = (tab: Tab, index: number): boolean =>
      ordersOf(index).every(({ name }) => !accepted.has(name) || tab.story.isSettled(`m-${name}`));
    await Promise.all(tabs.map((tab, index) => tab.hears("its answers", () => isAnswered(tab, index))));
    for (const [index, tab] of tabs.entries())
      for (const each of ordersOf(index)) await ledger.ask(tab, each);
    await ledger.allAnswered();
    await ledger.assertAnsweredOnce();
    ledger.assertInTime(diedAt);
    ledger.report(test, "SIGKILL while many runs begin and end", diedAt);
    test.diagnostic(`before the kill: ${told} told accepted, ${finished} finished`);
    fleet.assertOneLife(tabs);
    for (const tab of tabs) tab.close();
    assert.equal(living.errors, "");
  });

  it("twice: the second time the message is given up, and the next one in line is answered", async (test) => {
    const fleet = await openFleet(test);
    const crew = await Promise.all([fleet.start(), fleet.start(), fleet.start()]);
    const [first, second, third] = crew;
    const ledger = new Ledger();
    const tab = await Tab.open(first);
    const fatal = { name: "fatal", words: 400, paceMs: [50] };
    await ledger.ask(tab, fatal, "run_interrupted");
    await ledger.ask(tab, order("next", 20));
    await tab.hears("words", ({ runs }) => (runs[0]?.text.length ?? 0) > 100);
    await first.kill();
    await tab.comeBack(second);
    await tab.hears("words of the second run", ({ runs }) => (runs[1]?.text.length ?? 0) > 100);
    const successor = crew.find((each) => each.logged("run_taken_over").length > 0);
    const survivor = successor === second ? third : second;
    const diedAt = Date.now();
    await successor?.kill();
    if (survivor !== second) await tab.comeBack(survivor);
    await ledger.allAnswered();
    const runs = tab.story.runsOf("m-fatal");
    assertTakenOver("the end", runs[1]?.endedAt ?? 0, diedAt);
    await ledger.assertAnsweredOnce();
    assert.equal(fleet.provider.calls.filter(({ name }) => name === "fatal").length, 2);
    const again = await tab.say(questionOf(fatal), "m-fatal");
    assert.deepEqual([again.duplicate, again.state, again.runId], [true, "finished", runs[1]?.runId]);
    ledger.report(test, "SIGKILL twice");
    test.diagnostic(`given up ${(runs[1]?.endedAt ?? 0) - diedAt} ms after the second kill`);
    fleet.assertOneLife([tab]);
    tab.close();
  });
});
