// Puts the ladder together: the configured model, the fallback model where there is one, what each may cost, and the
// persona's own text below them. Each model's calls are shown to the metrics. Nothing is sent yet.

import type { BudgetSettings } from "#app/core/config-budgets.ts";
import type { CircuitName, RetrySettings } from "#app/core/config-circuits.ts";
import type { LlmConfig } from "#app/core/llm-config.ts";
import type { Logger } from "#app/core/logging.ts";
import type { GaugeSample, Metrics } from "#app/core/metrics.ts";
import type { CircuitBreaker } from "#app/core/resilience.ts";
import { createBudgets } from "./budgets.ts";
import type { ChatModelClient } from "./client.ts";
import { modelFor } from "./endpoint.ts";
import { type ChatModel, createFallbackClient } from "./factory.ts";
import { createLadder, type LadderStep } from "./ladder.ts";
import { createMeter } from "./metering.ts";
import { createOfflineClient } from "./offline.ts";
import type { SpendCounter } from "./spend-counter.ts";

export interface LadderParts {
  readonly llm: LlmConfig;
  readonly budgets: BudgetSettings;
  readonly conversationTtlMs: number;
  /** The circuit `fallback-llm`: its breaker and its pauses. */
  readonly fallbackCircuit: { readonly breaker: CircuitBreaker; readonly retry: RetrySettings };
  readonly counter: SpendCounter;
  /** How many tokens a text costs, rather too many than too few. */
  readonly estimate: (text: string) => number;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
  /** What each model gets to its first text. */
  readonly firstTextMs?: number;
}

/** The ladder below `model`; where that is the offline provider, it is the ground itself. */
export function createModelLadder(model: ChatModel, parts: LadderParts): ChatModelClient {
  const { llm, budgets: settings, conversationTtlMs, fallbackCircuit, counter, logger, firstTextMs } = parts;
  if (llm.provider === "offline") return model;
  const budgets = createBudgets({ settings, counter, conversationTtlMs });
  const toStep = (
    source: LadderStep["source"],
    client: ChatModelClient,
    models: Parameters<typeof modelFor>[0],
  ): LadderStep => {
    const meter = createMeter({
      ...parts,
      budgets,
      prices: settings.prices[source],
      run: settings.run,
      modelOf: (name) => modelFor(models, name),
    });
    return { source, client, meter };
  };
  const { allowedModels, fallback, tracing } = llm;
  const second = fallback && createFallbackClient(fallback, { ...fallbackCircuit, logger, tracing });
  parts.metrics?.gauge("llm_calls", () => [...callsOf("llm", model), ...callsOf("fallback-llm", second)]);
  const below =
    fallback && second
      ? [toStep("fallback-model", second, { defaultModel: fallback.model, allowedModels: [] })]
      : [];
  return createLadder({
    steps: [toStep("model", model, { defaultModel: llm.model, allowedModels }), ...below],
    offline: createOfflineClient(),
    logger,
    metrics: parts.metrics,
    ...(firstTextMs !== undefined && { firstTextMs }),
  });
}

function callsOf(circuit: CircuitName, model: ChatModel | undefined): readonly GaugeSample[] {
  const counts = Object.entries(model?.bulkhead?.counts ?? {});
  return counts.map(([state, value]) => ({ labels: { circuit, state }, value }));
}
