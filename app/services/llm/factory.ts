// Chooses the language model: the one place that knows which providers there are, and the keeper of the process's one
// client. Retry, breaker and bulkhead are around every model that is not the offline one.

import { Bulkhead } from "#app/core/bulkhead.ts";
import type { CircuitName } from "#app/core/config-circuits.ts";
import { type FallbackModel, isLoopback, type LlmConfig } from "#app/core/llm-config.ts";
import type { Logger } from "#app/core/logging.ts";
import { CircuitBreaker, type RetryOptions } from "#app/core/resilience.ts";
import { createChatCompletionsClient } from "./chat-completions.ts";
import type { ChatModelClient } from "./client.ts";
import { DEFAULT_DEADLINES, type Deadlines } from "./deadlines.ts";
import { deepSeekEndpoint } from "./deepseek.ts";
import type { ModelEndpoint } from "./endpoint.ts";
import { createGuardedClient, isProviderFailure } from "./guarded-client.ts";
import { createOfflineClient } from "./offline.ts";
import { openAiEndpoint } from "./openai.ts";
import { createTracedClient } from "./traced-client.ts";

export interface ChatModelOptions {
  readonly logger: Logger;
  /** The process's breaker for this model (core/circuits.ts); a client that stands alone gets one of its own. */
  readonly breaker?: CircuitBreaker;
  /** The configuration's `retry` by default. */
  readonly retry?: Pick<RetryOptions, "maxAttempts" | "waitMinMs" | "waitMaxMs">;
  readonly deadlines?: Deadlines;
}

export interface ChatModel extends ChatModelClient {
  /** The circuit breaker around the provider, for health; the offline provider needs none. */
  readonly breaker?: CircuitBreaker;
  /** How many calls are under way, and in line. */
  readonly bulkhead?: Bulkhead;
}

let singleton: ChatModel | undefined;

/** The process's client: made at the first call, the same one ever after, so that all share one breaker. */
export function getChatModelClient(config: LlmConfig, options: ChatModelOptions): ChatModel {
  singleton ??= createChatModelClient(config, options);
  return singleton;
}

/** A client of the configured provider. Nothing is sent yet. */
export function createChatModelClient(config: LlmConfig, options: ChatModelOptions): ChatModel {
  const { logger, retry = config.retry, deadlines = DEFAULT_DEADLINES } = options;
  if (config.provider === "offline") {
    logger.info({ provider: config.provider }, "llm_manager_initialized");
    return createOfflineClient();
  }
  const endpoint = toEndpoint(config);
  tellOf(endpoint, config.tracing, logger);
  const create = config.tracing ? createTracedClient : createChatCompletionsClient;
  const breaker = options.breaker ?? createOwnBreaker(config, logger);
  const bulkhead = createBulkhead("llm", config);
  const guarded = createGuardedClient(create(endpoint, deadlines), { breaker, retry, logger, bulkhead });
  return { ...guarded, breaker, bulkhead };
}

export interface FallbackModelOptions
  extends Required<Pick<ChatModelOptions, "logger" | "breaker" | "retry">> {
  readonly tracing: boolean;
  readonly deadlines?: Deadlines;
}

/** A client of the fallback model. Nothing is sent yet. */
export function createFallbackClient(config: FallbackModel, options: FallbackModelOptions): ChatModel {
  const { logger, breaker, retry, tracing, deadlines = DEFAULT_DEADLINES } = options;
  // A name of its own, so that a line of the log says which of the two is ill.
  const endpoint = { ...openAiEndpoint({ ...config, allowedModels: [] }), provider: "fallback" };
  tellOf(endpoint, tracing, logger);
  const create = tracing ? createTracedClient : createChatCompletionsClient;
  const bulkhead = createBulkhead("fallback-llm", config);
  const guarded = createGuardedClient(create(endpoint, deadlines), { breaker, retry, logger, bulkhead });
  return { ...guarded, breaker, bulkhead };
}

/** The line is as long as there are places: one that is longer is not served within anybody's time to a first word. */
function createBulkhead(name: CircuitName, { callsAtOnce }: Pick<FallbackModel, "callsAtOnce">): Bulkhead {
  return new Bulkhead({ name, maxRunning: callsAtOnce, maxWaiting: callsAtOnce });
}

function tellOf(endpoint: ModelEndpoint, tracing: boolean, logger: Logger): void {
  const { provider, url, defaultModel: model } = endpoint;
  logger.info({ provider, model, host: url.host, tracing }, "llm_manager_initialized");
  // Refusing it would forbid a model server of one's own in the next container, which is the usual place for one.
  if (url.protocol === "http:" && !isLoopback(url) && Object.keys(endpoint.headers).length > 0)
    logger.warn({ provider, host: url.host }, "llm_key_sent_unencrypted");
}

function createOwnBreaker({ breaker }: LlmConfig, logger: Logger): CircuitBreaker {
  return new CircuitBreaker({ name: "llm", ...breaker, isFailure: isProviderFailure, logger });
}

function toEndpoint(config: Exclude<LlmConfig, { provider: "offline" }>): ModelEndpoint {
  return config.provider === "deepseek" ? deepSeekEndpoint(config) : openAiEndpoint(config);
}
