// Random schedules of drops over two instances: thousands of resumes, each at a moment and in a way that was drawn, while
// messages are said, edited, asked again and stopped.
// Where one fails, fast-check prints the seed and the schedule.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { DropDrill } from "./drop-drill.ts";
import { drawSchedule } from "./drop-schedule.ts";
import { openPair, type PairOptions } from "./instance-pair.ts";
import { ReplyAccount } from "./reply-account.ts";

const RESUMES_EACH = 20;
const LAG_MS = 8;

async function drill(test: TestContext, conversations: number, options: PairOptions = {}): Promise<void> {
  const pair = await openPair(test, options);
  const account = new ReplyAccount(pair);
  const property = fc.asyncProperty(drawSchedule(RESUMES_EACH), async (steps) => {
    const conversation = await DropDrill.open(pair, account);
    for (const step of steps) await conversation.carryOut(step);
    await conversation.end();
  });
  // A smaller schedule says little of a race that another one has lost: the first failure is shown as it was.
  await fc.assert(property, { numRuns: conversations, endOnFailure: true });
  account.report(test, `${conversations} random schedules of drops, in one process`);
  assert.equal(account.resumes, conversations * RESUMES_EACH);
  assert.ok(account.revised > conversations, "questions were edited and asked again among it");
  await pair.assertAtRest();
}

describe("conversations whose tabs are cut off at random", () => {
  it("are whole for every tab, to the byte, after 2,000 resumes on two instances", (test) =>
    drill(test, 100));

  it("are so as well where each instance hears late of the other, and begins late to listen", (test) =>
    drill(test, 30, { newsLagMs: LAG_MS }));
});
