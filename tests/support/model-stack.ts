// Everything between the agent and the providers, as app.ts builds it from an environment, but for one app alone: the
// process's one client would carry its breakers from test to test.

import type { TestContext } from "node:test";
import { createCircuits } from "#app/core/circuits.ts";
import { parseConfig } from "#app/core/config.ts";
import { Metrics } from "#app/core/metrics.ts";
import { estimateTokens } from "#app/services/chatbot/token-estimate.ts";
import { createChatModelClient } from "#app/services/llm/factory.ts";
import { isProviderFailure } from "#app/services/llm/guarded-client.ts";
import { createModelLadder } from "#app/services/llm/ladder-factory.ts";
import { createMemorySpendCounter, type SpendCounter } from "#app/services/llm/spend-counter.ts";
import { createRecordingLogger } from "./recording-logger.ts";

export interface ModelStackOptions {
  readonly firstTextMs?: number;
  readonly counter?: SpendCounter;
}

/** `env` as in `.env.example`; retries are switched off unless it says otherwise. */
export function createModelStack(
  context: TestContext,
  env: Readonly<Record<string, string>>,
  options: ModelStackOptions = {},
) {
  const config = parseConfig({ RETRY_MAX_ATTEMPTS: "1", ...env });
  const logger = createRecordingLogger();
  const metrics = new Metrics();
  const isFailure = { llm: isProviderFailure, "fallback-llm": isProviderFailure };
  const circuits = createCircuits({ settings: config.circuits, isFailure, logger });
  context.after(() => circuits.close());
  const own = createChatModelClient(config.llm, { logger, breaker: circuits.get("llm") });
  const { retry } = config.circuits["fallback-llm"];
  const model = createModelLadder(own, {
    ...config,
    fallbackCircuit: { breaker: circuits.get("fallback-llm"), retry },
    counter: createMemorySpendCounter(),
    estimate: estimateTokens,
    logger,
    metrics,
    ...options,
  });
  return { model, logger, metrics, circuits };
}
