// The composition root: builds every part once and wires them. Builds, and does not run: main.ts is the process.

import type { FastifyInstance } from "fastify";
import { createChatLimits } from "#app/api/limits.ts";
import { buildServer } from "#app/api/server.ts";
import { createChatHandler } from "#app/api/v1/endpoints/chat.ts";
import { chosenPersona } from "#app/api/v1/endpoints/chat-choice.ts";
import type { HealthReport } from "#app/api/v1/endpoints/health.ts";
import { CHAT_SOCKET_PATH } from "#app/api/v1/router.ts";
import { type Circuits, createCircuits } from "#app/core/circuits.ts";
import { createClientAddressReader } from "#app/core/client-address.ts";
import type { Config } from "#app/core/config.ts";
import { createLogger, type Logger } from "#app/core/logging.ts";
import type { RedisConnection } from "#app/core/redis.ts";
import { WebSocketManager } from "#app/core/websocket.ts";
import type { PersonaRef } from "#app/models/persona.ts";
import { encodeConnectionFrame } from "#app/models/server-event.ts";
import { createAgent } from "#app/services/chatbot/agent.ts";
import { Conversations } from "#app/services/chatbot/conversations.ts";
import { createKnowledge, type Knowledge } from "#app/services/chatbot/knowledge.ts";
import { type OpenedStorage, openStorage, type StorageBundle } from "#app/services/chatbot/memory-factory.ts";
import { openPersonas } from "#app/services/chatbot/persona-opening.ts";
import type { PersonaRegistry } from "#app/services/chatbot/persona-registry.ts";
import { RunAdmission } from "#app/services/chatbot/run-admission.ts";
import { estimateTokens } from "#app/services/chatbot/token-estimate.ts";
import { warmUpGraph, warmUpIndexes } from "#app/services/chatbot/warm-up.ts";
import { createBudgetedClient } from "#app/services/llm/budgeted-client.ts";
import type { ChatModelClient } from "#app/services/llm/client.ts";
import { getChatModelClient } from "#app/services/llm/factory.ts";
import { isProviderFailure } from "#app/services/llm/guarded-client.ts";
import { createOfflineClient } from "#app/services/llm/offline.ts";
import { createRedisTokenCounter } from "#app/services/llm/redis-token-counter.ts";
import { createMemoryTokenCounter, createTokenBudget } from "#app/services/llm/token-budget.ts";

/** Parts that a test, or another product, brings itself. */
export interface AppOverrides {
  readonly logger?: Logger;
  readonly model?: ChatModelClient;
  readonly registry?: PersonaRegistry;
  readonly storage?: StorageBundle;
}

export interface App {
  /** Starts to answer. Resolves with the port and an address that a browser on this machine can open. */
  listen(): Promise<{ readonly url: string; readonly port: number }>;
  /**
   * Stops without losing what is being said: refuses newcomers, tells clients to come back, gives running replies
   * `graceMs`, closes. Only the first call counts; every call gets its promise.
   */
  close(graceMs?: number): Promise<void>;
}

/** What running replies get at a stop. */
const DRAIN_GRACE_MS = 20_000;
/** Clients come back within this time after a drain, spread at random, so that they do not all come at once. */
const RECONNECT_SPREAD_MS = 5_000;
const CLOSE_BATCHES = { batchSize: 100, pauseMs: 50 } as const;
/** A little more than the model's own total of 180 s, whose error says more. */
const RUN_DEADLINE_MS = 185_000;
/** Runs that may wait for a place before new messages are refused. */
const MAX_WAITING_RUNS = 2_000;
const VERSION = "0.1.0";

type State = "starting" | "ready" | "draining";

interface Parts {
  readonly config: Config;
  readonly logger: Logger;
  readonly circuits: Circuits;
  readonly opened: OpenedStorage;
  readonly model: ChatModelClient;
  readonly registry: PersonaRegistry;
  readonly knowledge: Knowledge;
  readonly conversations: Conversations;
}

type Sockets = WebSocketManager<PersonaRef | undefined>;

/**
 * Builds the product. Nothing listens yet.
 * @throws PersonaLibraryError when the main persona cannot be read
 */
export async function buildApp(config: Config, overrides: AppOverrides = {}): Promise<App> {
  const parts = await buildParts(config, overrides);
  let state: State = "starting";
  const { logger, registry, conversations, opened } = parts;
  const limits = createChatLimits(config, opened.redis);
  const readClientAddress = createClientAddressReader(config.trustedProxies);
  const health = (): HealthReport => report(parts, state, sockets.size);
  const shared = { ...config, logger, registry, conversations, limits, readClientAddress, health };
  const http = buildServer(shared);
  const sockets: Sockets = new WebSocketManager({
    ...shared,
    server: http.server,
    path: CHAT_SOCKET_PATH,
    admit: (request) => chosenPersona(request.query, conversations),
    onConnection: createChatHandler(shared),
  });
  const stopped = new AbortController();
  let closing: Promise<void> | undefined;
  return {
    async listen() {
      await http.listen({ port: config.port, host: config.host });
      state = "ready";
      void warmUpIndexes(registry, parts.knowledge, stopped.signal);
      return addressOf(http, config);
    },
    close(graceMs = DRAIN_GRACE_MS) {
      state = "draining";
      stopped.abort();
      closing ??= drain(parts, http, sockets, graceMs);
      return closing;
    },
  };
}

async function buildParts(config: Config, overrides: AppOverrides): Promise<Parts> {
  const logger = overrides.logger ?? createLogger({ level: config.logLevel, pretty: config.debug });
  const isFailure = { llm: isProviderFailure, "fallback-llm": isProviderFailure };
  const circuits = createCircuits({ settings: config.circuits, isFailure, logger });
  const { conversationTtlMs, dataDir, llm } = config;
  const redisUrl = config.redisForMemory ? config.redisUrl : undefined;
  const opened: OpenedStorage = overrides.storage
    ? { storage: overrides.storage, redis: undefined, isDegraded: false }
    : await openStorage({ conversationTtlMs, redisUrl, logger });
  const model = overrides.model ?? openModel(config, logger, circuits, opened.redis);
  const registry =
    overrides.registry ?? (await openPersonas({ dataDir, allowedModels: llm.allowedModels, logger }));
  const knowledge = createKnowledge(() => registry.notes());
  await warmUpGraph(registry, knowledge);
  const conversations = new Conversations({
    storage: opened.storage,
    registry,
    agent: createAgent({ model, knowledge }),
    admission: new RunAdmission({
      maxRuns: config.runsAtOnce,
      maxRunsPerVisitor: config.runsAtOncePerVisitor,
      maxWaiting: MAX_WAITING_RUNS,
    }),
    logger,
    runDeadlineMs: RUN_DEADLINE_MS,
  });
  return { config, logger, circuits, opened, model, registry, knowledge, conversations };
}

/** The process's one client of the model, and the purse in front of it. */
function openModel(
  config: Config,
  logger: Logger,
  circuits: Circuits,
  redis: RedisConnection | undefined,
): ChatModelClient {
  const model = getChatModelClient(config.llm, { logger, breaker: circuits.get("llm") });
  if (model.provider === "offline") return model;
  const counter = redis ? createRedisTokenCounter(redis) : createMemoryTokenCounter();
  return createBudgetedClient({
    model,
    offline: createOfflineClient(),
    budget: createTokenBudget(config.dailyTokenBudget, counter),
    estimate: estimateTokens,
  });
}

function addressOf(http: FastifyInstance, config: Config): { url: string; port: number } {
  const address = http.server.address();
  const port = typeof address === "object" && address ? address.port : config.port;
  const host = config.host === "0.0.0.0" || config.host === "::" ? "localhost" : config.host;
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${port}/`, port };
}

function report(parts: Parts, state: State, connections: number): HealthReport {
  const { registry, opened, model, conversations } = parts;
  const problems = registry.problems();
  const isDegraded = opened.isDegraded || problems.some((problem) => problem.severity === "error");
  return {
    status: state === "ready" ? (isDegraded ? "degraded" : "ok") : state,
    version: VERSION,
    storage: opened.storage.kind,
    model: model.provider,
    connections,
    running: conversations.counts.running,
    personaProblems: problems.length,
  };
}

async function drain(parts: Parts, http: FastifyInstance, sockets: Sockets, graceMs: number): Promise<void> {
  const { logger, circuits, conversations, opened } = parts;
  logger.info({ connections: sockets.size, running: conversations.counts.running, graceMs }, "draining");
  sockets.stopAccepting();
  for (const connection of sockets.connections) {
    const reconnectInMs = Math.round(Math.random() * RECONNECT_SPREAD_MS);
    connection.send(encodeConnectionFrame("draining", { reconnectInMs }));
  }
  await conversations.drain(graceMs);
  circuits.close();
  await sockets.closeAll("serviceRestart", CLOSE_BATCHES);
  await http.close();
  await opened.storage.close();
  logger.info({}, "application_stopped");
}
