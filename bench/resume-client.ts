// The load of the scenario `resume`: lets long replies stand in logs, then comes back to them again and again, at first
// one after the other, then in a crowd. Half of the resumes ask for everything, the others from somewhere within.
// Takes its order as JSON in the first argument. An event that is missing, or comes twice, fails the whole report.

import { setTimeout as sleep } from "node:timers/promises";
import { hearParent, tellParent } from "./parent-link.ts";
import { percentile } from "./percentile.ts";
import { readReply } from "./reply-script.ts";
import type { ResumeOrder, ResumeReport, ResumeTimes } from "./resume-order.ts";
import { converse, type KnownConversation, resume } from "./resume-visit.ts";

/** Replies that begin in the same moment would all be joined in the same tick. */
const SPREAD_MS = 1_000;

const order: ResumeOrder = JSON.parse(process.argv[2] ?? "");

async function main(): Promise<void> {
  const known = await Promise.all(
    Array.from({ length: order.conversations }, async (_, index) => {
      await sleep((index / order.conversations) * SPREAD_MS);
      const conversation = await converse(order.url, order.script);
      if (!readReply(conversation.text, order.script.tokens)) throw new Error("a reply was not whole");
      return conversation;
    }),
  );
  hearParent(() => void measure(known).then(tellParent, fail));
  tellParent({ type: "ready" });
}

async function measure(known: readonly KnownConversation[]): Promise<ResumeReport> {
  const numbers = Array.from({ length: order.resumes }, (_, index) => index);
  const alone: number[] = [];
  for (const number of numbers) alone.push(await resumeNumber(number, known));
  const crowded: number[] = [];
  const waiting = [...numbers];
  const comeAgain = async (): Promise<void> => {
    for (let number = waiting.pop(); number !== undefined; number = waiting.pop())
      crowded.push(await resumeNumber(number, known));
  };
  await Promise.all(known.map(comeAgain));
  return {
    type: "report",
    alone: timesOf(alone),
    crowded: timesOf(crowded),
    resumes: alone.length + crowded.length,
    events: Math.max(...known.map(({ events }) => events.length)),
  };
}

function resumeNumber(number: number, known: readonly KnownConversation[]): Promise<number> {
  const conversation = known[number % known.length];
  if (!conversation) throw new Error("no conversation");
  const isFromStart = Math.floor(number / known.length) % 2 === 0;
  const after = isFromStart ? 0 : Math.floor(share(number) * conversation.events.length);
  return resume(order.url, conversation, after);
}

/** From 0 to 1; looks random and is the same in every run (Weyl's sequence). */
function share(number: number): number {
  return (number * 0.618_033_988_75) % 1;
}

function timesOf(values: readonly number[]): ResumeTimes {
  return { p50: percentile(values, 50), p99: percentile(values, 99) };
}

function fail(error: unknown): void {
  tellParent({ type: "failed", reason: error instanceof Error ? error.message : String(error) });
}

main().catch(fail);
