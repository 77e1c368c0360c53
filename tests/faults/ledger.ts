// The account of a scenario: which accepted messages got their reply, how often, and how long it took.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { assertWithin } from "../support/held-up.ts";
import { countReplies, tellReplies } from "./reply-table.ts";
import type { RunStory, Story } from "./story.ts";
import type { Tab } from "./tab.ts";
import { type Order, questionOf, replyTo } from "./wordy-provider.ts";

/** What the protocol promises for the time between a server's death and the new run. */
const TAKEN_OVER_WITHIN_MS = 15_000;

interface Entry {
  readonly tab: Tab;
  readonly messageId: string;
  readonly order: Order;
  /** What the last run of it is to end with. */
  readonly outcome: "success" | "run_interrupted";
}

export class Ledger {
  readonly #entries: Entry[] = [];

  /** Says it, and from then on expects the whole reply, once. Resolves when the message was accepted. */
  async ask(tab: Tab, order: Order, outcome: Entry["outcome"] = "success"): Promise<void> {
    const entry = { tab, order, messageId: `m-${order.name}`, outcome };
    await tab.say(questionOf(order), entry.messageId);
    this.#entries.push(entry);
  }

  async allAnswered(timeoutMs?: number): Promise<void> {
    const expected = this.#entries.filter(({ outcome }) => outcome === "success");
    await Promise.all(expected.map(({ tab, messageId }) => tab.answered(messageId, timeoutMs)));
  }

  /** Every accepted message has one finished reply, whole; what came before it was interrupted, and is its parent. */
  async assertAnsweredOnce(): Promise<void> {
    for (const { tab, messageId, order, outcome } of this.#entries) {
      const runs = tab.story.runsOf(messageId);
      assert.equal(runs.at(-1)?.outcome, outcome, messageId);
      if (outcome === "success") assert.equal(runs.at(-1)?.text, replyTo(order), messageId);
      assertOneTakeOver(runs);
    }
    for (const [tab, entries] of Map.groupBy(this.#entries, (entry) => entry.tab)) {
      const history = await tab.history();
      const expected = entries.flatMap(({ order, outcome }) =>
        outcome === "success" ? [questionOf(order), replyTo(order)] : [questionOf(order)],
      );
      assert.deepEqual(
        history.map(({ content }) => content),
        expected,
      );
    }
  }

  /** Prints the story's line of the table, and how long it took. `diedAt`: Date.now() at the fault. */
  report(test: TestContext, story: string, diedAt?: number): void {
    const runs = this.#entries.map(({ tab, messageId }) => tab.story.runsOf(messageId));
    const isGivenUp = (each: readonly RunStory[]): boolean =>
      each.length > 1 && each.at(-1)?.outcome === "run_interrupted";
    const givenUp = runs.filter(isGivenUp).length;
    const counts = countReplies(runs);
    const note = givenUp > 0 ? `${givenUp} given up at the second fault, as promised` : undefined;
    tellReplies(test, story, { ...counts, lost: counts.lost - givenUp }, note);
    const again = runs.filter((each) => each.length > 1);
    const refusals = new Set(this.#entries.map(({ tab }) => tab))
      .values()
      .reduce((sum, tab) => sum + tab.refusals, 0);
    const figures = [`accepted ${this.#entries.length}`, `told to try again ${refusals} times`];
    if (diedAt !== undefined && again.length > 0) {
      const ends = again.map(([first]) => (first?.endedAt ?? 0) - diedAt);
      figures.push(`run_interrupted after ${Math.min(...ends)} to ${Math.max(...ends)} ms`);
      const starts = again.map(([, second]) => (second?.startedAt ?? 0) - diedAt);
      figures.push(`new run after ${Math.min(...starts)} to ${Math.max(...starts)} ms`);
    }
    test.diagnostic(figures.join(", "));
  }

  /** Every run that was interrupted by the fault ended, and was begun again, in time. */
  assertInTime(diedAt: number): void {
    for (const { tab, messageId } of this.#entries) {
      const [first, second] = tab.story.runsOf(messageId);
      if (!second) continue;
      assertTakenOver(`${messageId} was ended`, first?.endedAt ?? 0, diedAt);
      assertTakenOver(`${messageId} was begun again`, second.startedAt, diedAt);
    }
  }
}

/** In the time that is promised. All times are Date.now(). */
export function assertTakenOver(what: string, at: number, diedAt: number): void {
  assertSoon(what, { at, since: diedAt, limitMs: TAKEN_OVER_WITHIN_MS });
}

/** What is stamped by the clock of the day, as processes tell it to each other, came in time. */
export function assertSoon(
  what: string,
  { at, since, limitMs }: { readonly at: number; readonly since: number; readonly limitMs: number },
): void {
  assertWithin(what, at - since, limitMs, performance.now() - (Date.now() - since));
}

/** Two tabs have read the same events, to the byte. */
export function assertSameStory(one: Story, other: Story): void {
  assert.equal(one.position, other.position);
  for (const [index, event] of one.events.entries())
    assert.equal(JSON.stringify(event), JSON.stringify(other.events[index]));
}

function assertOneTakeOver(runs: readonly RunStory[]): void {
  const [first, second] = runs;
  assert.equal(first?.parentRunId, undefined);
  assert.ok(runs.length <= 2, "nothing is tried a third time");
  if (!second) return;
  assert.equal(first?.outcome, "run_interrupted");
  assert.equal(second.parentRunId, first?.runId);
  assert.notEqual(second.runId, first?.runId);
}
