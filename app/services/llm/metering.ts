// What one call of one model may cost at most, and what it did cost: fits a request into the run's budget, takes its
// worst case out of the purses before the call, and corrects that after it.
// Promises: a call that nobody was asked for costs nothing. Does not call a model.

import type { BudgetLimits, BudgetScope, ModelPrices } from "#app/core/config-budgets.ts";
import { AppError } from "#app/core/errors.ts";
import type { Metrics } from "#app/core/metrics.ts";
import type { Budgets } from "./budgets.ts";
import type { ChatModelRequest, TokenUsage } from "./client.ts";
import { costMicrosOf, outputTokensFor } from "./prices.ts";

export interface MeterOptions {
  readonly budgets: Budgets;
  readonly prices: ModelPrices;
  readonly run: BudgetLimits;
  /** How many tokens a text costs, rather too many than too few. */
  readonly estimate: (text: string) => number;
  readonly metrics?: Metrics | undefined;
  /** The model that answers where a persona asks for that one, for the metrics. */
  readonly modelOf: (name: string | null) => string;
}

/** How a call ended. */
export interface CallEnd {
  /** The provider may bill it. */
  readonly asked: boolean;
  readonly said: string;
  readonly usage?: TokenUsage | undefined;
}

export interface MeteredCall {
  /** The request, its reply perhaps shorter than the persona asked for. */
  readonly request: ChatModelRequest;
  /** Corrects the books, without waiting for them. Returns the cost in millionths. */
  settle(end: CallEnd): number;
}

export interface Meter {
  /**
   * @param spentMicros what the run has cost already, at other models
   * @throws AppError `quota_exceeded`
   */
  open(request: ChatModelRequest, spentMicros: number): Promise<MeteredCall>;
}

const MICROS = 1_000_000;

export function createMeter(options: MeterOptions): Meter {
  const { budgets, prices, run, estimate, metrics, modelOf } = options;
  const refuse = (scope: BudgetScope): never => {
    metrics?.count("budget_refusals_total", { scope });
    throw new AppError("quota_exceeded");
  };
  return {
    async open(asked, spentMicros) {
      const inputTokens = asked.messages.reduce((sum, { content }) => sum + estimate(content), 0);
      const maxOutputTokens = longestReply(asked, inputTokens, run, prices, spentMicros);
      if (maxOutputTokens < 1) return refuse("run");
      const request =
        maxOutputTokens === asked.model.maxOutputTokens
          ? asked
          : { ...asked, model: { ...asked.model, maxOutputTokens } };
      const reservation = await budgets.reserve(asked.payer ?? {}, {
        tokens: inputTokens + maxOutputTokens,
        costMicros: costMicrosOf(prices, inputTokens, maxOutputTokens),
      });
      if (reservation.type === "refused") return refuse(reservation.scope);
      return {
        request,
        settle(end) {
          // Without a bill, what was said is estimated: a stopped reply has cost its prompt all the same.
          const input = end.usage?.inputTokens ?? (end.asked ? inputTokens : 0);
          const output = end.usage?.outputTokens ?? (end.asked ? estimate(end.said) : 0);
          const costMicros = costMicrosOf(prices, input, output);
          const model = modelOf(asked.model.name);
          metrics?.count("tokens_total", { model, direction: "input" }, input);
          metrics?.count("tokens_total", { model, direction: "output" }, output);
          metrics?.count("cost_total", { model }, costMicros / MICROS);
          // Not waited for: neither a stop nor the end of a reply is to be late for the sake of the books.
          void reservation.settle({ tokens: input + output, costMicros });
          return costMicros;
        },
      };
    },
  };
}

/** The persona's wish, the run's limit, and what the run's money buys after the prompt; whatever is least. */
function longestReply(
  { model }: ChatModelRequest,
  inputTokens: number,
  run: BudgetLimits,
  prices: ModelPrices,
  spentMicros: number,
): number {
  const limit = run.tokens || Number.POSITIVE_INFINITY;
  const bought =
    run.costMicros === 0
      ? Number.POSITIVE_INFINITY
      : outputTokensFor(prices, inputTokens, run.costMicros - spentMicros);
  return Math.min(model.maxOutputTokens, limit, bought);
}
