// The composition root: builds every part once and wires them. Builds, and does not run: main.ts is the process.

import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { type FastifyInstance, fastify } from "fastify";
import { registerErrorForm } from "#app/api/http-errors.ts";
import { registerPages } from "#app/api/pages.ts";
import { type ChatLimits, createChatHandler } from "#app/api/v1/endpoints/chat.ts";
import { chosenPersona } from "#app/api/v1/endpoints/chat-choice.ts";
import { type HealthReport, registerHealth } from "#app/api/v1/endpoints/health.ts";
import { CHAT_SOCKET_PATH, registerV1 } from "#app/api/v1/router.ts";
import { type ClientAddressReader, createClientAddressReader } from "#app/core/client-address.ts";
import type { Config } from "#app/core/config.ts";
import { AppError } from "#app/core/errors.ts";
import { createLogger, type Logger } from "#app/core/logging.ts";
import { isOriginAllowed } from "#app/core/origin.ts";
import { createMemoryRateLimiter } from "#app/core/rate-limit.ts";
import { MAX_FRAME_BYTES, WebSocketManager } from "#app/core/websocket.ts";
import type { PersonaRef } from "#app/models/persona.ts";
import { encodeConnectionFrame } from "#app/models/server-event.ts";
import { createAgent } from "#app/services/chatbot/agent.ts";
import { Conversations } from "#app/services/chatbot/conversations.ts";
import { createKnowledge, type Knowledge } from "#app/services/chatbot/knowledge.ts";
import { createStorageBundle, type StorageBundle } from "#app/services/chatbot/memory-factory.ts";
import { loadPersonaLibrary } from "#app/services/chatbot/persona-library.ts";
import { formatProblem } from "#app/services/chatbot/persona-problems.ts";
import { createPersonaRegistry, type PersonaRegistry } from "#app/services/chatbot/persona-registry.ts";
import type { ChatModelClient } from "#app/services/llm/client.ts";
import { createChatModelClient } from "#app/services/llm/factory.ts";
import { createOfflineClient } from "#app/services/llm/offline.ts";

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
const RUN_DEADLINE_MS = 180_000;
const WARM_UP_RUNS = 20;
const VERSION = "0.1.0";

/** The parts, as they depend on each other; from the config to what the outside talks to. */
interface Parts {
  readonly config: Config;
  readonly logger: Logger;
  readonly storage: StorageBundle;
  readonly model: ChatModelClient;
  readonly registry: PersonaRegistry;
  readonly knowledge: Knowledge;
  readonly conversations: Conversations;
  readonly limits: ChatLimits;
  readonly readClientAddress: ClientAddressReader;
}

/**
 * Builds the product. Nothing listens yet.
 * @throws PersonaLibraryError when the main persona cannot be read; ModelUnavailableError for a provider that is not here
 */
export async function buildApp(config: Config, overrides: AppOverrides = {}): Promise<App> {
  const parts = await buildParts(config, overrides);
  let state: "starting" | "ready" | "draining" = "starting";
  const http = buildHttp(parts, () => report(parts, state, () => sockets.size));
  const sockets = buildSockets(parts, http);
  let closing: Promise<void> | undefined;
  return {
    async listen() {
      await http.listen({ port: config.port, host: config.host });
      state = "ready";
      const address = http.server.address();
      const port = typeof address === "object" && address ? address.port : config.port;
      void warmIndexes(parts, () => closing !== undefined);
      const host = config.host === "0.0.0.0" || config.host === "::" ? "localhost" : config.host;
      return { url: `http://${host.includes(":") ? `[${host}]` : host}:${port}/`, port };
    },
    close(graceMs = DRAIN_GRACE_MS) {
      state = "draining";
      closing ??= drain(parts, http, sockets, graceMs);
      return closing;
    },
  };
}

async function buildParts(config: Config, overrides: AppOverrides): Promise<Parts> {
  const logger = overrides.logger ?? createLogger({ level: config.logLevel, pretty: config.debug });
  const storage = overrides.storage ?? createStorageBundle({ conversationTtlMs: config.conversationTtlMs });
  const model = overrides.model ?? createChatModelClient(config.llmProvider);
  logger.info({ provider: model.provider }, "llm_manager_initialized");
  const registry = overrides.registry ?? (await loadRegistry(config, logger));
  const knowledge = createKnowledge(() => registry.notes());
  const agent = createAgent({ model, knowledge });
  await warmUp(registry, knowledge);
  const runDeadlineMs = RUN_DEADLINE_MS;
  const conversations = new Conversations({ storage, registry, agent, logger, runDeadlineMs });
  const readClientAddress = createClientAddressReader(config.trustedProxies);
  return {
    config,
    logger,
    storage,
    model,
    registry,
    knowledge,
    conversations,
    limits: createLimits(config),
    readClientAddress,
  };
}

/**
 * LangGraph's first runs cost several times what later ones do, and the visitor who comes first would pay for it. The
 * offline provider answers here, whatever the model is: nothing leaves the house.
 */
async function warmUp(registry: PersonaRegistry, knowledge: Knowledge): Promise<void> {
  const agent = createAgent({
    model: createOfflineClient({ wordsPerSecond: Number.POSITIVE_INFINITY }),
    knowledge,
  });
  const persona = registry.main();
  const history = { messages: [], olderCount: 0 };
  const { signal } = new AbortController();
  for (let run = 0; run < WARM_UP_RUNS; run += 1) {
    await agent.reply({
      persona,
      text: "Hello",
      history,
      locale: undefined,
      onDelta: () => undefined,
      signal,
    });
  }
}

/** An index takes some 40 ms: one a turn of the event loop, once visitors are served, and not before. */
async function warmIndexes({ registry, knowledge }: Parts, isClosing: () => boolean): Promise<void> {
  for (const persona of [...registry.list("persona"), ...registry.list("object")]) {
    await setImmediate();
    if (isClosing()) return;
    knowledge.warm(persona);
  }
}

async function loadRegistry(config: Config, logger: Logger): Promise<PersonaRegistry> {
  const library = await loadPersonaLibrary(config.dataDir, { allowedModels: [] });
  const registry = createPersonaRegistry(library);
  for (const kind of ["persona", "object"] as const) {
    for (const { id, revision } of registry.list(kind))
      logger.debug({ kind, id, revision }, "persona_loaded");
  }
  for (const problem of library.problems) {
    logger[problem.severity === "error" ? "error" : "warn"](
      { path: problem.path, rule: problem.rule, problem: formatProblem(problem) },
      problem.severity === "error" ? "persona_rejected" : "persona_warning",
    );
  }
  return registry;
}

function createLimits(config: Config): ChatLimits {
  const perMinute = { durationSeconds: 60 };
  const points = config.messagesPerMinute;
  return {
    message: createMemoryRateLimiter({ ...perMinute, points, keyPrefix: "message" }),
    // A visitor who opens conversations without ever saying something is as costly as one who talks.
    join: createMemoryRateLimiter({ ...perMinute, points, keyPrefix: "join" }),
    // Twenty frames a second: far above any client, far below what would hurt.
    frame: createMemoryRateLimiter({ ...perMinute, points: 1_200, keyPrefix: "frame" }),
  };
}

function buildHttp(parts: Parts, health: () => HealthReport): FastifyInstance {
  const { config, logger, registry, conversations, limits, readClientAddress } = parts;
  const http = fastify({
    logger: false,
    bodyLimit: MAX_FRAME_BYTES,
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: 64 },
    forceCloseConnections: "idle",
    // Any other `Upgrade:` header, such as h2c, is left to HTTP, as RFC 9110 (7.8) allows.
    http: { shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket" },
  });
  registerErrorForm(http, logger);
  http.addHook("onRequest", async (request, reply) => {
    void reply.header("X-Request-Id", request.id).header("X-Content-Type-Options", "nosniff");
    const { origin, host } = request.headers;
    // A page of another origin may read what is public; it may not act.
    const acts = request.method !== "GET" && request.method !== "HEAD";
    if (acts && !isOriginAllowed(origin, host, config.allowedOrigins))
      throw new AppError("origin_not_allowed");
  });
  registerPages(http);
  registerHealth(http, health);
  const addressOf = (request: {
    socket: { remoteAddress?: string | undefined };
    headers: Record<string, unknown>;
  }) => {
    const forwarded = request.headers["x-forwarded-for"];
    return readClientAddress(
      request.socket.remoteAddress,
      typeof forwarded === "string" ? forwarded : undefined,
    );
  };
  registerV1(http, {
    registry,
    conversations,
    take: (request) => limits.message.take(addressOf(request)),
  });
  return http;
}

function buildSockets(parts: Parts, http: FastifyInstance): WebSocketManager<PersonaRef | undefined> {
  const { config, logger, conversations, limits } = parts;
  return new WebSocketManager({
    ...config,
    readClientAddress: parts.readClientAddress,
    server: http.server,
    logger,
    path: CHAT_SOCKET_PATH,
    admit: (request) => chosenPersona(request.query, conversations),
    onConnection: createChatHandler({ ...config, conversations, logger, limits }),
  });
}

function report(
  parts: Parts,
  state: "starting" | "ready" | "draining",
  connections: () => number,
): HealthReport {
  const { registry, storage, model, conversations } = parts;
  const problems = registry.problems();
  const degraded = problems.some((problem) => problem.severity === "error");
  return {
    status: state === "ready" ? (degraded ? "degraded" : "ok") : state,
    version: VERSION,
    storage: storage.kind,
    model: model.provider,
    connections: connections(),
    running: conversations.counts.running,
    personaProblems: problems.length,
  };
}

async function drain(
  parts: Parts,
  http: FastifyInstance,
  sockets: WebSocketManager<PersonaRef | undefined>,
  graceMs: number,
): Promise<void> {
  const { logger, conversations, storage } = parts;
  logger.info({ connections: sockets.size, running: conversations.counts.running, graceMs }, "draining");
  sockets.stopAccepting();
  for (const connection of sockets.connections) {
    const reconnectInMs = Math.round(Math.random() * RECONNECT_SPREAD_MS);
    connection.send(encodeConnectionFrame("draining", { reconnectInMs }));
  }
  await conversations.drain(graceMs);
  await sockets.closeAll("serviceRestart", CLOSE_BATCHES);
  await http.close();
  await storage.close();
  logger.info({}, "application_stopped");
}
