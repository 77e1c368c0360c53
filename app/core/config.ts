// The process's settings, parsed once from the environment.
// Promises: a frozen Config with units in its names, or one ConfigError that lists every problem by variable.
// Does not read process.env (main.ts hands it in), and does not decide what the settings do.

import type { z } from "zod";
import { type HealthConfig, toHealthConfig } from "./config-health.ts";
import {
  ENVIRONMENT_SCHEMA,
  type EnvironmentIssue,
  environmentConflicts,
  environmentVariables,
} from "./config-schema.ts";
import { type LlmConfig, toLlmConfig } from "./llm-config.ts";

type EnvironmentValues = z.output<typeof ENVIRONMENT_SCHEMA>;

export interface Config {
  /** PORT: TCP port, 8000 by default; 0 takes any free one. */
  readonly port: number;
  /** HOST: address to listen on, 0.0.0.0 by default. */
  readonly host: string;
  /** ENVIRONMENT: `development` by default. */
  readonly environment: EnvironmentValues["ENVIRONMENT"];
  /** DEBUG: readable log lines and particulars in error answers; false by default. */
  readonly debug: boolean;
  /** LOG_LEVEL: `info` by default. */
  readonly logLevel: EnvironmentValues["LOG_LEVEL"];
  /** ALLOWED_ORIGINS: exact origins, none by default, which leaves the server's own; `["*"]` is any, never in production. */
  readonly allowedOrigins: readonly string[];
  /** TRUSTED_PROXIES: CIDR blocks, none by default; a bare address has become a /32 or /128. */
  readonly trustedProxies: readonly string[];
  /** Which model answers. */
  readonly llm: LlmConfig;
  /** CIRCUIT_BREAKER_… and RETRY_…, of each predefined breaker: `llm`, `fallback-llm`, `redis`, `mail`. */
  readonly circuits: EnvironmentValues["circuits"];
  /** CONVERSATION_TTL_SECONDS in milliseconds; a day by default. */
  readonly conversationTtlMs: number;
  /** WS_HEARTBEAT_SECONDS in milliseconds; 30,000 by default. */
  readonly heartbeatMs: number;
  /** WS_IDLE_TTL_SECONDS in milliseconds; an hour by default. */
  readonly idleTtlMs: number;
  /** WS_COMPRESSION: permessage-deflate; false by default. */
  readonly compression: boolean;
  /** WS_MAX_CONNECTIONS: connections of this process, 10,000 by default. */
  readonly maxConnections: number;
  /** WS_MAX_CONNECTIONS_PER_ADDRESS: 100 by default. */
  readonly maxConnectionsPerAddress: number;
  /** MESSAGES_PER_MINUTE: of one client address, 60 by default. */
  readonly messagesPerMinute: number;
  /** MESSAGES_PER_MINUTE_PER_CONNECTION: 30 by default. */
  readonly messagesPerMinutePerConnection: number;
  /** …_TOKEN_BUDGET, …_COST_BUDGET and prices; by default 300,000 tokens a day and no other limit. */
  readonly budgets: EnvironmentValues["budgets"];
  /** RUNS_AT_ONCE: 500 by default. */
  readonly runsAtOnce: number;
  /** RUNS_AT_ONCE_PER_VISITOR: 2 by default. */
  readonly runsAtOncePerVisitor: number;
  /** REDIS_URL; may hold a password. Absent where there is no Redis. */
  readonly redisUrl: string | undefined;
  /** REDIS_USE_FOR_MEMORY: conversations live in Redis; by default where REDIS_URL is set. */
  readonly redisForMemory: boolean;
  /** DATA_DIR: folder of personas and knowledge, `data` by default; relative to the working directory. */
  readonly dataDir: string;
  /** Who may look inside, and who is told of trouble. */
  readonly health: HealthConfig;
}

export interface ConfigProblem {
  readonly variable: string;
  /** What is wrong and what to do. Never the value: it may be a secret. */
  readonly problem: string;
}

/** The environment does not make a Config. `message` is for the terminal: one line a problem. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ variable, problem }) => `  ${variable} ${problem}`);
    super(`The configuration cannot be used:\n${lines.join("\n")}`);
    this.problems = problems;
  }
}

/**
 * Parses an environment. An empty or blank value counts as not set, surrounding blanks are dropped, variables we do
 * not know are ignored. Throws ConfigError with all problems in the schema's order.
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = new Map<string, string>();
  for (const { name } of environmentVariables()) {
    const value = env[name]?.trim();
    if (value) given.set(name, value);
  }
  const values = Object.fromEntries(given);
  const parsed = ENVIRONMENT_SCHEMA.safeParse(values);
  const issues = [...(parsed.error?.issues ?? []), ...environmentConflicts(values)];
  if (!parsed.success || issues.length > 0) throw new ConfigError(toProblems(issues));
  return toConfig(parsed.data);
}

function toProblems(issues: readonly EnvironmentIssue[]): ConfigProblem[] {
  return environmentVariables().flatMap(({ name, defaultText, inherits }) => {
    const issue = issues.find(({ path }) => path[0] === name);
    if (issue === undefined) return [];
    const otherwise = inherits ? `that of ${inherits}` : defaultText || "none";
    return [{ variable: name, problem: `${issue.message} (leave it out for ${otherwise})` }];
  });
}

function toConfig(values: EnvironmentValues): Config {
  return Object.freeze({
    port: values.PORT,
    host: values.HOST,
    environment: values.ENVIRONMENT,
    debug: values.DEBUG,
    logLevel: values.LOG_LEVEL,
    allowedOrigins: Object.freeze(values.ALLOWED_ORIGINS),
    trustedProxies: Object.freeze(values.TRUSTED_PROXIES),
    llm: toLlmConfig(values),
    circuits: values.circuits,
    conversationTtlMs: values.CONVERSATION_TTL_SECONDS * 1000,
    heartbeatMs: values.WS_HEARTBEAT_SECONDS * 1000,
    idleTtlMs: values.WS_IDLE_TTL_SECONDS * 1000,
    compression: values.WS_COMPRESSION,
    maxConnections: values.WS_MAX_CONNECTIONS,
    maxConnectionsPerAddress: values.WS_MAX_CONNECTIONS_PER_ADDRESS,
    messagesPerMinute: values.MESSAGES_PER_MINUTE,
    messagesPerMinutePerConnection: values.MESSAGES_PER_MINUTE_PER_CONNECTION,
    budgets: values.budgets,
    runsAtOnce: values.RUNS_AT_ONCE,
    runsAtOncePerVisitor: values.RUNS_AT_ONCE_PER_VISITOR,
    redisUrl: values.REDIS_URL || undefined,
    redisForMemory: values.REDIS_URL !== "" && values.REDIS_USE_FOR_MEMORY !== "false",
    dataDir: values.DATA_DIR,
    health: toHealthConfig(values),
  });
}
