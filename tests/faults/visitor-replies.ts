// The line of the table for stories whose readers are visitors: what became of each accepted message, by what the history
// holds in the end and by what its visitor was told.

import type { TestContext } from "node:test";
import { tellReplies } from "./reply-table.ts";
import type { Visitor } from "./visitor.ts";
import { type Order, replyTo } from "./wordy-provider.ts";

const ENDING =
  /[:,] (?:(?:everyone|no lost position) .*|(?:(?:it|both|what was accepted since|every accepted message) )?(?:is|are) answered once)$/;

export interface Visited {
  readonly visitor: Visitor;
  /** In another tab of the same conversation, where something may have been said, too. */
  readonly beside: Visitor;
  /** What was said; an order's name is its message's id. */
  readonly orders: readonly Order[];
}

/** The story is the test's name, without what all of them end with. */
export async function tellVisitorReplies(
  test: TestContext,
  fault: string,
  visits: readonly Visited[],
): Promise<void> {
  const counts = { started: 0, finished: 0, again: 0, lost: 0, repeated: 0 };
  let told = 0;
  for (const { visitor, beside, orders } of visits) {
    const history = (await visitor.history()) ?? [];
    for (const order of orders.filter(({ name }) =>
      [visitor, beside].some(({ accepted }) => accepted.has(name)),
    )) {
      const runs = [...visitor.runs.values()].filter(({ messageId }) => messageId === order.name);
      const times = history.filter((text) => text === replyTo(order)).length;
      const isFinished = times > 0 || runs.some(({ outcome }) => outcome === "success");
      const isBrokenOff = runs.some(({ outcome }) => outcome === "run_interrupted");
      // Its end was told, or that the whole conversation is not there any more.
      const isTold = !isFinished && (visitor.isGone || runs.at(-1)?.outcome !== undefined);
      counts.started += runs.length > 0 || isFinished ? 1 : 0;
      counts.finished += isFinished ? 1 : 0;
      counts.again += isFinished && isBrokenOff ? 1 : 0;
      counts.lost += isFinished || isTold ? 0 : 1;
      counts.repeated += times > 1 ? 1 : 0;
      told += isTold ? 1 : 0;
    }
  }
  const note = told > 0 ? `${told} told that their conversation is gone` : undefined;
  tellReplies(test, `${fault} ${test.name.replace(ENDING, "")}`, counts, note);
}
