// The composition root: builds every part once and wires them. Builds, and does not run: main.ts is the process.

import type { FastifyInstance } from "fastify";
import { createChatLimits } from "#app/api/limits.ts";
import { countRetries, readGauges } from "#app/api/metric-sources.ts";
import { buildServer } from "#app/api/server.ts";
import { createChatHandler } from "#app/api/v1/endpoints/chat.ts";
import { chosenPersona } from "#app/api/v1/endpoints/chat-choice.ts";
import { EventStreams } from "#app/api/v1/endpoints/event-streams.ts";
import type { HealthReport } from "#app/api/v1/endpoints/health.ts";
import { CHAT_SOCKET_PATH } from "#app/api/v1/router.ts";
import { type Circuits, createCircuits } from "#app/core/circuits.ts";
import { createClientAddressReader } from "#app/core/client-address.ts";
import type { Config } from "#app/core/config.ts";
import { tapLogger } from "#app/core/log-tap.ts";
import { createLogger, type Logger } from "#app/core/logging.ts";
import { Metrics } from "#app/core/metrics.ts";
import { openVisitorNames } from "#app/core/redis-visitor-key.ts";
import type { HealthCheck } from "#app/core/self-watch.ts";
import type { UpgradeRequest } from "#app/core/upgrade-gate.ts";
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
import { Activity } from "#app/services/health/activity.ts";
import { createOperations, type Operations } from "#app/services/health/operations.ts";
import type { ChatModelClient } from "#app/services/llm/client.ts";
import { isProviderFailure } from "#app/services/llm/guarded-client.ts";
import { openModel } from "#app/services/llm/open-model.ts";
import { warmProvider } from "#app/services/llm/provider-probe.ts";

/** Parts that a test, or another product, brings itself. */
export interface AppOverrides {
  readonly logger?: Logger;
  readonly model?: ChatModelClient;
  readonly registry?: PersonaRegistry;
  readonly storage?: StorageBundle;
  /** Looked at by the self-watch in place of the product's own checks of the same names, or on top of them. */
  readonly healthChecks?: readonly HealthCheck[];
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

/** What answers that are on their way get, when everything else has stopped. */
const LAST_WORDS_MS = 1_000;

type State = "starting" | "ready" | "draining";

/** What everything else is told by, or kept in. */
interface Base {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly activity: Activity;
  readonly circuits: Circuits;
  readonly opened: OpenedStorage;
}

interface Parts extends Base {
  readonly model: ChatModelClient;
  readonly registry: PersonaRegistry;
  readonly knowledge: Knowledge;
  readonly admission: RunAdmission;
  readonly conversations: Conversations;
  readonly streams: EventStreams;
}

type Sockets = WebSocketManager<PersonaRef | undefined>;

/**
 * Builds the product. Nothing listens yet.
 * @throws PersonaLibraryError when the main persona cannot be read; then nothing is left open
 */
export async function buildApp(config: Config, overrides: AppOverrides = {}): Promise<App> {
  const base = await openBase(config, overrides);
  try {
    return await assemble(await buildParts(base, overrides), overrides);
  } catch (error) {
    if (!overrides.storage) await base.opened.storage.close();
    throw error;
  }
}

async function assemble(parts: Parts, overrides: AppOverrides): Promise<App> {
  const { config } = parts;
  let state: State = "starting";
  const stopped = new AbortController();
  const { metrics, conversations, opened } = parts;
  const limits = createChatLimits(config, opened.redis, metrics);
  const readClientAddress = createClientAddressReader(config.trustedProxies);
  const visitorOf = await openVisitorNames(opened.redis, stopped.signal);
  const operations = operate(parts, overrides, () => sockets.places);
  const health = (): HealthReport => report(parts, state, operations, sockets.places.open);
  const shared = { ...config, ...config.health, ...parts, limits, readClientAddress, visitorOf, health };
  const http = buildServer({ ...shared, operations, takePlace: (address) => sockets.takePlace(address) });
  const sockets: Sockets = new WebSocketManager({
    ...shared,
    server: http.server,
    path: CHAT_SOCKET_PATH,
    admit: admitting(operations, conversations),
    onConnection: createChatHandler(shared),
  });
  const storageMode = () => (opened.isDegraded ? "memory" : opened.storage.kind);
  readGauges(metrics, { ...parts, sockets, redis: opened.redis, storageMode, signal: stopped.signal });
  let closing: Promise<void> | undefined;
  return {
    async listen() {
      await http.listen({ port: config.port, host: config.host });
      state = "ready";
      operations.start();
      warmUp(parts, overrides, stopped.signal);
      return addressOf(http, config);
    },
    close(graceMs = DRAIN_GRACE_MS) {
      state = "draining";
      stopped.abort();
      closing ??= Promise.all([drain(parts, http, sockets, graceMs), operations.close()]).then(
        () => undefined,
      );
      return closing;
    },
  };
}

async function openBase(config: Config, overrides: AppOverrides): Promise<Base> {
  const { conversationTtlMs } = config;
  const metrics = new Metrics(overrides.model ? {} : { known: { model: modelsOf(config.llm) } });
  const log = overrides.logger ?? createLogger({ level: config.logLevel, pretty: config.debug });
  const activity = new Activity(config.health);
  const logger = tapLogger(log, countRetries(metrics), activity.hear);
  const isFailure = { llm: isProviderFailure, "fallback-llm": isProviderFailure };
  const circuits = createCircuits({ settings: config.circuits, isFailure, logger });
  const redisUrl = config.redisForMemory ? config.redisUrl : undefined;
  const opened: OpenedStorage = overrides.storage
    ? { storage: overrides.storage, redis: undefined, isDegraded: false }
    : await openStorage({
        ...{ conversationTtlMs, redisUrl, logger },
        ...{ breaker: circuits.get("redis"), retry: config.circuits.redis.retry },
      });
  return { config, logger, metrics, activity, circuits, opened };
}

async function buildParts(base: Base, overrides: AppOverrides): Promise<Parts> {
  const { config, logger, metrics, circuits, opened } = base;
  const { dataDir, llm } = config;
  const { redis } = opened;
  const model =
    overrides.model ?? openModel(config, { logger, metrics, circuits, redis, estimate: estimateTokens });
  const registry =
    overrides.registry ?? (await openPersonas({ dataDir, allowedModels: llm.allowedModels, logger }));
  const knowledge = createKnowledge(() => registry.notes());
  await warmUpGraph(registry, knowledge);
  const admission = new RunAdmission({
    maxRuns: config.runsAtOnce,
    maxRunsPerVisitor: config.runsAtOncePerVisitor,
    maxWaiting: MAX_WAITING_RUNS,
    onRefused: () => metrics.count("limits_total", { limit: "waiting-runs" }),
  });
  const conversations = new Conversations({
    storage: opened.storage,
    registry,
    agent: createAgent({ model, knowledge }),
    admission,
    logger,
    metrics,
    runDeadlineMs: RUN_DEADLINE_MS,
  });
  return { ...base, model, registry, knowledge, admission, conversations, streams: new EventStreams(config) };
}

function operate(
  parts: Parts,
  { healthChecks = [] }: AppOverrides,
  connections: () => { open: number; peak: number },
): Operations {
  const { config, metrics } = parts;
  return createOperations(
    { ...config, ...parts, connections },
    {
      ...parts,
      config: config.health,
      retry: config.circuits.mail.retry,
      onAlarm: (check) => metrics.count("health_degraded_total", { check }),
      checks: healthChecks,
    },
  );
}

function modelsOf({ allowedModels, fallback }: Config["llm"]): readonly string[] {
  return fallback ? [...allowedModels, fallback.model] : allowedModels;
}

/** Before an upgrade: is there room, and is there such a persona? */
function admitting({ shedding }: Operations, conversations: Conversations) {
  return ({ query }: UpgradeRequest): PersonaRef | undefined => {
    shedding.assertRoom();
    return chosenPersona(query, conversations);
  };
}

/** What the first visitors would wait for, now that they are served; nobody waits for it. */
function warmUp(
  { config, logger, registry, knowledge }: Parts,
  { model }: AppOverrides,
  signal: AbortSignal,
) {
  if (model === undefined) void warmProvider(config.llm, logger, signal);
  void warmUpIndexes(registry, knowledge, signal);
}

function addressOf(http: FastifyInstance, config: Config): { url: string; port: number } {
  const address = http.server.address();
  const port = typeof address === "object" && address ? address.port : config.port;
  const host = config.host === "0.0.0.0" || config.host === "::" ? "localhost" : config.host;
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${port}/`, port };
}

function report(
  { config, registry, opened, model, conversations }: Parts,
  state: State,
  { shedding, isDegraded }: Operations,
  connections: number,
): HealthReport {
  const problems = registry.problems();
  const isFull = shedding.reasons.length > 0 || connections >= config.maxConnections;
  const isIll = isDegraded() || opened.isDegraded || problems.some(({ severity }) => severity === "error");
  return {
    status: state !== "ready" ? state : isFull ? "full" : isIll ? "degraded" : "ok",
    version: VERSION,
    storage: opened.isDegraded ? "memory" : opened.storage.kind,
    model: model.provider,
    connections,
    running: conversations.counts.running,
    personaProblems: problems.length,
  };
}

/** Nothing is said any more; but a connection that never asked for anything would hold the server up for a minute. */
async function closeServer(http: FastifyInstance): Promise<void> {
  const cutOff = setTimeout(() => http.server.closeAllConnections(), LAST_WORDS_MS);
  await http.close();
  clearTimeout(cutOff);
}

async function drain(parts: Parts, http: FastifyInstance, sockets: Sockets, graceMs: number): Promise<void> {
  const { logger, circuits, conversations, opened, streams } = parts;
  logger.info(
    { connections: sockets.places.open, running: conversations.counts.running, graceMs },
    "draining",
  );
  sockets.stopAccepting();
  for (const connection of sockets.connections) {
    const reconnectInMs = Math.round(Math.random() * RECONNECT_SPREAD_MS);
    connection.send(encodeConnectionFrame("draining", { reconnectInMs }));
  }
  streams.announceDrain(RECONNECT_SPREAD_MS);
  await conversations.drain(graceMs);
  circuits.close();
  await Promise.all([sockets.closeAll("serviceRestart", CLOSE_BATCHES), streams.closeAll()]);
  await closeServer(http);
  await opened.storage.close();
  logger.info({}, "application_stopped");
}
