// Drops and resumes over two instances that are processes of their own, as in production: schedules that are drawn, and
// tabs that are back before their old line is seen to be gone. What is held against them is what is held against two
// instances in one process.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { until } from "../support/until.ts";
import { DropDrill } from "./drop-drill.ts";
import { drawSchedule } from "./drop-schedule.ts";
import { type HalfDeadPlay, playEachWay } from "./half-dead.ts";
import type { InstancePair } from "./instance-pair.ts";
import { openProcessPair } from "./process-pair.ts";
import { ReplyAccount } from "./reply-account.ts";

const CONVERSATIONS = 50;
const RESUMES_EACH = 20;
const TIMES = 5;

/** Date.now() at which a server saw the end of the play's old line, by its log. */
async function closeOf(pair: InstancePair, { connectionId }: HalfDeadPlay): Promise<number> {
  const find = () =>
    pair.logged("websocket_disconnected").find(({ fields }) => fields.connectionId === connectionId);
  await until("the end of the old line in a log", () => find() !== undefined);
  return Date.parse(String(find()?.fields.time));
}

describe("two instances in processes of their own", { concurrency: false }, () => {
  it("are one to tabs that are cut off at random: whole, to the byte, after 1,000 resumes", async (test) => {
    const pair = await openProcessPair(test);
    const account = new ReplyAccount(pair);
    const property = fc.asyncProperty(drawSchedule(RESUMES_EACH), async (steps) => {
      const conversation = await DropDrill.open(pair, account);
      for (const step of steps) await conversation.carryOut(step);
      await conversation.end();
    });
    const startedAt = performance.now();
    await fc.assert(property, { numRuns: CONVERSATIONS, endOnFailure: true });
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    account.report(test, "random drops over two processes");
    test.diagnostic(`${account.resumes} resumes in ${seconds} s`);
    assert.equal(account.resumes, CONVERSATIONS * RESUMES_EACH);
    assert.ok(account.revised > CONVERSATIONS, "questions were edited and asked again among it");
    await pair.assertAtRest();
  });

  for (const fate of [
    "is cut within 50 ms of the join",
    "wakes and says goodbye",
    "hangs to the end",
  ] as const)
    it(`let a tab go on before they see that its old line is gone, which ${fate}`, async (test) => {
      const pair = await openProcessPair(test);
      const account = new ReplyAccount(pair);
      const plays = await playEachWay({ pair, account, fate }, TIMES);
      const leadsMs: number[] = [];
      for (const play of plays) {
        const closedAt = await closeOf(pair, play);
        leadsMs.push(closedAt - play.joinedAt);
        assert.ok(closedAt >= play.joinedAt, "the join came before the old line was seen to be gone");
        if (fate !== "is cut within 50 ms of the join")
          assert.ok(closedAt >= play.backAt, "everything missed had come before that");
      }
      account.report(test, `back before the old line is gone, which ${fate}`);
      const soon = leadsMs.filter((leadMs) => leadMs <= 50).length;
      test.diagnostic(
        `joined ${Math.min(...leadsMs)} to ${Math.max(...leadsMs)} ms before a server saw the old line's end, ${soon} of ${plays.length} by at most 50 ms`,
      );
      await pair.assertAtRest();
    });
});
