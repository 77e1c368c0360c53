// So many visitors at a time, each in one conversation after the other: three questions, one when the last is answered.
// Waits with one timer a visitor, ten times a second: a crowd that polls is what would be measured else.

import { setTimeout as pause } from "node:timers/promises";
import { Visitor } from "../faults/visitor.ts";
import { type Order, questionOf } from "../faults/wordy-provider.ts";
import { HeardEvents, isQuestion, type SoakAccount } from "./soak-account.ts";
import type { SoakStage } from "./soak-stage.ts";

const QUESTIONS = 3;
const LOOK_MS = 100;
/** Beyond the idle deadline of a stream (30 s) and a take-over; then the message is lost. */
const PATIENCE_MS = 75_000;
/** An interrupted run is begun again within 15 s, or stays ended. */
const BEGUN_AGAIN_MS = 20_000;
const SPREAD_MS = 5_000;

/** Resolves when everybody has left; nobody opens a conversation after the abort. */
export async function crowd(
  stage: SoakStage,
  account: SoakAccount,
  streams: number,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    Array.from({ length: streams }, async (_, index) => {
      await pause((index / streams) * SPREAD_MS);
      for (let turn = 0; !signal.aborted; turn += 1) await converse(stage, account, index, turn, signal);
    }),
  );
}

async function converse(
  { instances }: SoakStage,
  account: SoakAccount,
  index: number,
  turn: number,
  signal: AbortSignal,
): Promise<void> {
  const heard = new HeardEvents();
  const visitor = new Visitor(instances[index % 2 === 0 ? 0 : 1], heard);
  const orders: Order[] = [];
  for (let question = 0; question < QUESTIONS && !signal.aborted && !visitor.isGone; question += 1) {
    // From 5 to 9 s, a word at a time.
    const order = {
      name: `v${index}-${turn}-${question}`,
      words: 25 + ((index + question) % 20),
      paceMs: [200],
    };
    orders.push(order);
    visitor.say(questionOf(order), order.name);
    await settled(visitor, order.name);
  }
  const history = await historyOf(visitor, orders.length);
  await visitor.leave();
  account.settle(visitor, heard, orders, history);
}

async function settled(visitor: Visitor, messageId: string): Promise<void> {
  const saidAt = performance.now();
  let interruptedAt: number | undefined;
  while (performance.now() - saidAt < PATIENCE_MS && !visitor.isGone) {
    await pause(LOOK_MS);
    const outcome = visitor.runOf(messageId)?.outcome;
    if (outcome !== "run_interrupted") interruptedAt = undefined;
    else interruptedAt ??= performance.now();
    const isFinal = interruptedAt === undefined || performance.now() - interruptedAt > BEGUN_AGAIN_MS;
    if (outcome !== undefined && isFinal) return;
  }
}

/**
 * Asked again while the storage is away, and while it lacks what was said last: a reply that ends meanwhile is stored when
 * Redis returns. Undefined where it cannot be had in time.
 */
async function historyOf(visitor: Visitor, questions: number): Promise<readonly string[] | undefined> {
  let history: readonly string[] | undefined;
  for (let attempt = 0; attempt < 30; attempt += 1) {
    history = (await visitor.history().catch(() => undefined)) ?? history;
    if (history && history.filter(isQuestion).length >= questions) return history;
    await pause(1_000);
  }
  return history;
}
