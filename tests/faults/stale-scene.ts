// Two instances on one Redis that keeps what it was told to save and nothing after it, and conversations with a tab on
// both. What is held against them behind the fault: every accepted message stands once and is answered once, byte for
// byte, no number has two meanings, every tab was told of another life of the log, and none was left in silence.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { RedisServer } from "../support/redis-server.ts";
import type { Frame } from "../support/socket-client.ts";
import { until } from "../support/until.ts";
import type { Instance } from "./instance.ts";
import { Meanings } from "./meanings.ts";
import { startTwoInstances } from "./two-instances.ts";
import { Visitor } from "./visitor.ts";
import { tellVisitorReplies } from "./visitor-replies.ts";
import { type Order, questionOf, replyTo } from "./wordy-provider.ts";

/** A lease's life, the longest pause between two attempts to reach Redis, and what a loaded machine takes. */
const SILENCE_MS = 10_000 + 5_000 + 5_000;
const ANSWERED_WITHIN_MS = 60_000;
/** A reader may be let go where Redis was away when it looked; not again and again, coming back to the same. */
const MOST_CLOSES = 3;

export interface Tab {
  readonly visitor: Visitor;
  /** Lives of the log that it has read events of. */
  readonly epochs: ReadonlySet<string>;
}

export interface StaleConversation {
  readonly here: Tab;
  readonly there: Tab;
  /** What has been said; an order's name is its message's id. */
  readonly orders: Order[];
}

export interface StaleScene {
  readonly redis: RedisServer;
  readonly instances: readonly [Instance, Instance];
  readonly meanings: Meanings;
  readonly conversations: readonly StaleConversation[];
  /** Says it in every conversation, there on the instance that the first tab is on; resolves when all were accepted. */
  say(order: Order, tab?: "here" | "there"): Promise<void>;
  /** Resolves when every tab has read so much of the answer, or all of it. */
  read(order: Order, characters: number): Promise<void>;
  /** What every tab was told, a line each. */
  readonly account: () => string;
}

export async function openStaleScene(test: TestContext, conversationCount = 3): Promise<StaleScene> {
  const stack = new AsyncDisposableStack();
  test.after(() => stack.disposeAsync());
  const { redis, instances } = await startTwoInstances(stack);
  const [one, other] = instances;
  const meanings = new Meanings();
  const conversations = await Promise.all(
    Array.from({ length: conversationCount }, (_, index) =>
      open(index % 2 === 0 ? [one, other] : [other, one], meanings),
    ),
  );
  const tabs = conversations.flatMap(({ here, there }) => [here, there]);
  stack.defer(async () => {
    await Promise.all(tabs.map(({ visitor }) => visitor.leave()));
  });
  const account = (): string => tabs.map(accountOf).join("\n");
  const waitFor = (what: string, condition: () => boolean, timeoutMs?: number): Promise<void> =>
    until(what, condition, timeoutMs).catch((cause: unknown) => {
      throw new Error(`${what}:\n${account()}`, { cause });
    });
  return {
    ...{ redis, instances, meanings, conversations, account },
    async say(order, tab = "here") {
      for (const [index, conversation] of conversations.entries()) {
        const own = orderIn(order, index);
        conversation.orders.push(own);
        conversation[tab].visitor.say(questionOf(own), own.name);
      }
      const isAccepted = (conversation: StaleConversation, index: number): boolean =>
        conversation[tab].visitor.accepted.has(orderIn(order, index).name);
      await waitFor(`${order.name} was accepted`, () => conversations.every(isAccepted), ANSWERED_WITHIN_MS);
    },
    read(order, characters) {
      const hasRead = ({ here, there }: StaleConversation, index: number): boolean =>
        [here, there].every(
          ({ visitor }) =>
            (visitor.runOf(orderIn(order, index).name)?.text.length ?? 0) >=
            Math.min(characters, replyTo(orderIn(order, index)).length),
        );
      return waitFor(`words of ${order.name} in every tab`, () => conversations.every(hasRead));
    },
    account,
  };
}

/** The provider counts the attempts at a name: each conversation has its own. */
export function orderIn(order: Order, index: number): Order {
  return { ...order, name: `${order.name}-${index}` };
}

/** Waits until every tab knows the whole answer to every message, then holds all of it against the promises. */
export async function assertNothingLost(
  test: TestContext,
  scene: StaleScene,
  faultAt: number,
): Promise<void> {
  const { conversations, meanings, instances, account } = scene;
  const tell = (): string => `${account()}\n${instances.map(storyOf).join("\n")}`;
  const isTold = ({ here, there, orders }: StaleConversation): boolean =>
    [here, there].every(({ visitor }) =>
      orders.every(({ name }) => visitor.runOf(name)?.outcome === "success"),
    );
  await until("every answer in every tab", () => conversations.every(isTold), ANSWERED_WITHIN_MS).catch(
    (cause: unknown) => {
      throw new Error(`not everyone was told:\n${tell()}`, { cause });
    },
  );
  const tabs = conversations.flatMap(({ here, there }) => [here, there]);
  const silences = tabs.map(({ visitor }) => visitor.longestSilence(faultAt, visitor.lastTold ?? Date.now()));
  const restored = instances.flatMap((instance) => instance.logged("forgotten_turn_restored")).length;
  test.diagnostic(
    `longest silence ${Math.max(...silences)} ms; all told ${Date.now() - faultAt} ms after the fault; ` +
      `${meanings.count} numbers, one meaning each; ${restored} turns handed in again`,
  );
  for (const line of account().split("\n")) test.diagnostic(line);
  for (const conversation of conversations) await assertWhole(conversation, tell);
  const visits = conversations.map(({ here, there, orders }) => ({
    visitor: here.visitor,
    beside: there.visitor,
    orders,
  }));
  await tellVisitorReplies(test, "Redis with an older state,", visits);
  for (const { visitor, epochs } of tabs) {
    // A snapshot that shows the end already has nothing behind it to be read.
    const wasTold = epochs.size > 1 || visitor.told.some((what) => what.endsWith("recovered false"));
    assert.ok(wasTold, `a tab has heard of no other life of the log: ${tell()}`);
    const closes = visitor.told.filter((what) => what.startsWith("closed")).length;
    assert.ok(closes <= MOST_CLOSES, `a tab was sent away ${closes} times: ${tell()}`);
    await visitor.leave();
    visitor.assertSound();
  }
  for (const silence of silences) assert.ok(silence < SILENCE_MS, `silence of ${silence} ms`);
  for (const instance of instances) assert.deepEqual([instance.isAlive, instance.errors], [true, ""]);
}

/** Each message stands once and has its whole answer once, in the history of both instances, and nothing else is there. */
async function assertWhole({ here, there, orders }: StaleConversation, tell: () => string): Promise<void> {
  const [history, same] = [await here.visitor.history(), await there.visitor.history()];
  assert.deepEqual(history, same, "both instances show the same history");
  const texts = orders.flatMap((order) => [questionOf(order), replyTo(order)]).toSorted();
  const said = `the history: ${history?.map((text) => text.slice(0, 20)).join(" | ")}\n${tell()}`;
  assert.deepEqual(history?.toSorted(), texts, `each message stands once and is answered once: ${said}`);
  for (const order of orders) {
    for (const { visitor } of [here, there])
      assert.ok(visitor.runOf(order.name)?.text === replyTo(order), `${order.name} was read byte for byte`);
  }
}

async function open(
  [first, second]: readonly [Instance, Instance],
  meanings: Meanings,
): Promise<StaleConversation> {
  const join = async (instance: Instance, beside?: Visitor): Promise<Tab> => {
    const seen = new SeenHere(meanings);
    const visitor = new Visitor(instance, seen, beside);
    await until("a tab", () => visitor.isJoined);
    return { visitor, epochs: seen.epochs };
  };
  const here = await join(first);
  return { here, there: await join(second, here.visitor), orders: [] };
}

/** Notes for all tabs what a number means, and for this one which lives it has read of. */
class SeenHere extends Meanings {
  readonly epochs = new Set<string>();
  readonly #all: Meanings;

  constructor(all: Meanings) {
    super();
    this.#all = all;
  }

  override note(conversationId: string, epoch: string, frame: Frame): void {
    this.epochs.add(epoch);
    this.#all.note(conversationId, epoch, frame);
  }
}

function accountOf({ visitor, epochs }: Tab, index: number): string {
  const runs = [...visitor.runs.values()].map(
    ({ messageId, outcome, text }) => `${messageId} ${outcome ?? `open after ${text.length} characters`}`,
  );
  const where = index % 2 === 0 ? "where it was said" : "on the other one";
  return `tab ${index >> 1} ${where}: ${visitor.told.join(", ")}; runs: ${runs.join(", ")}; ${epochs.size} epochs`;
}

/** What an instance logged of its lines, for the report. */
function storyOf(instance: Instance, index: number): string {
  const events = [
    ...["run_detached", "run_reattached", "event_append_failed", "run_taken_over", "run_queue_failed"],
    ...["forgotten_turn_restored", "forgotten_turn_not_restored"],
  ];
  const counts = events.map((event) => `${event} ${instance.logged(event).length}`);
  return `instance ${index}: ${counts.join(", ")}`;
}
