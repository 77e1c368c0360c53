// The model as the product asks it: the process's one client, the ladder below it, and the counter of what both spend, which
// all instances on one Redis share. Nothing is sent yet.

import type { Circuits } from "#app/core/circuits.ts";
import type { Config } from "#app/core/config.ts";
import type { Logger } from "#app/core/logging.ts";
import type { Metrics } from "#app/core/metrics.ts";
import type { RedisConnection } from "#app/core/redis.ts";
import type { ChatModelClient } from "./client.ts";
import { getChatModelClient } from "./factory.ts";
import { createModelLadder } from "./ladder-factory.ts";
import { createRedisSpendCounter } from "./redis-spend-counter.ts";
import { createMemorySpendCounter } from "./spend-counter.ts";

export interface ModelParts {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly circuits: Circuits;
  readonly redis: RedisConnection | undefined;
  /** How many tokens a text costs, rather too many than too few. */
  readonly estimate: (text: string) => number;
}

export function openModel(
  config: Pick<Config, "llm" | "budgets" | "conversationTtlMs" | "circuits">,
  { logger, metrics, circuits, redis, estimate }: ModelParts,
): ChatModelClient {
  const { llm, budgets, conversationTtlMs } = config;
  const model = getChatModelClient(llm, { logger, breaker: circuits.get("llm") });
  const { retry } = config.circuits["fallback-llm"];
  return createModelLadder(model, {
    ...{ llm, budgets, conversationTtlMs, estimate, logger, metrics },
    fallbackCircuit: { breaker: circuits.get("fallback-llm"), retry },
    counter: redis ? createRedisSpendCounter(redis) : createMemorySpendCounter(),
  });
}
