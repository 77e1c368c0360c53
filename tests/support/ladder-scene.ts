// A ladder around the clients that a test brings, with budgets that are unlimited but where the test says otherwise.

import type { BudgetSettings } from "#app/core/config-budgets.ts";
import { Metrics } from "#app/core/metrics.ts";
import { createBudgets } from "#app/services/llm/budgets.ts";
import type { ChatModelClient, ReplyMark } from "#app/services/llm/client.ts";
import { createLadder, type LadderStep } from "#app/services/llm/ladder.ts";
import { createMeter } from "#app/services/llm/metering.ts";
import { createOfflineClient } from "#app/services/llm/offline.ts";
import { createMemorySpendCounter, type SpendCounter } from "#app/services/llm/spend-counter.ts";
import { createRecordingLogger } from "./recording-logger.ts";

const UNLIMITED = { tokens: 0, costMicros: 0 };
const FREE = { input: 0, output: 0 };

export function budgetSettings(changes: Partial<BudgetSettings> = {}): BudgetSettings {
  return {
    run: UNLIMITED,
    conversation: UNLIMITED,
    visitor: UNLIMITED,
    organisation: UNLIMITED,
    day: UNLIMITED,
    organisationId: "default",
    prices: { model: FREE, "fallback-model": FREE },
    ...changes,
  };
}

export interface LadderSceneOptions {
  readonly model: ChatModelClient;
  readonly fallback?: ChatModelClient | undefined;
  readonly settings?: Partial<BudgetSettings>;
  readonly counter?: SpendCounter;
  readonly firstTextMs?: number;
  readonly now?: () => number;
}

/** Every character is a token here. */
const estimate = (text: string): number => text.length;

export function createLadderScene(options: LadderSceneOptions) {
  const logger = createRecordingLogger();
  const metrics = new Metrics();
  const settings = budgetSettings(options.settings);
  const { counter = createMemorySpendCounter(), firstTextMs, now = Date.now } = options;
  const budgets = createBudgets({ settings, counter, conversationTtlMs: 60_000, now });
  const toStep = (source: LadderStep["source"], client: ChatModelClient): LadderStep => {
    const prices = settings.prices[source];
    const modelOf = (name: string | null) => name ?? source;
    const meter = createMeter({ budgets, prices, run: settings.run, estimate, metrics, modelOf });
    return { source, client, meter };
  };
  const client = createLadder({
    steps: [
      toStep("model", options.model),
      ...(options.fallback ? [toStep("fallback-model", options.fallback)] : []),
    ],
    offline: createOfflineClient({ wordsPerSecond: Number.POSITIVE_INFINITY }),
    logger,
    metrics,
    ...(firstTextMs !== undefined && { firstTextMs }),
  });
  /** The value of one line of the metrics, 0 where there is none. */
  const counted = async (line: string): Promise<number> => {
    const text = await metrics.text();
    const found = text.split("\n").find((candidate) => candidate.startsWith(`${line} `));
    return Number(found?.slice(line.length + 1) ?? 0);
  };
  return { client, logger, counted, counter };
}

/** What was logged of the steps down, in order: from, to, why. */
export function stepsOf({ logger }: Pick<ReturnType<typeof createLadderScene>, "logger">): unknown[][] {
  return logger.named("llm_ladder_step").map(({ fields: { from, to, code } }) => [from, to, code]);
}

/** Collects what a reply says of its source, for a request's `onSource`. */
export function recordSources(): { marks: ReplyMark[]; onSource: (mark: ReplyMark) => void } {
  const marks: ReplyMark[] = [];
  return { marks, onSource: (mark) => void marks.push(mark) };
}
