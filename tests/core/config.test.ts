// The environment's schema: defaults, every rule with values on both sides of it, and refusals that can be acted on.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Config, ConfigError, parseConfig } from "#app/core/config.ts";
import { environmentVariables } from "#app/core/config-schema.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The problems of an environment that must be refused, by variable. */
function problemsOf(env: Environment): Record<string, string> {
  try {
    parseConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return Object.fromEntries(error.problems.map(({ variable, problem }) => [variable, problem]));
  }
  assert.fail(`accepted: ${JSON.stringify(env)}`);
}

const CIRCUIT = {
  failureThreshold: 5,
  recoveryMs: 60_000,
  retry: { maxAttempts: 3, waitMinMs: 1_000, waitMaxMs: 10_000 },
};

const UNLIMITED = { tokens: 0, costMicros: 0 };

const DEFAULTS: Config = {
  port: 8000,
  host: "0.0.0.0",
  environment: "development",
  debug: false,
  logLevel: "info",
  allowedOrigins: [],
  trustedProxies: [],
  llm: {
    provider: "offline",
    breaker: { failureThreshold: 5, recoveryMs: 60_000 },
    retry: { maxAttempts: 3, waitMinMs: 1_000, waitMaxMs: 10_000 },
    tracing: false,
    allowedModels: [],
  },
  circuits: {
    llm: CIRCUIT,
    "fallback-llm": CIRCUIT,
    redis: { ...CIRCUIT, recoveryMs: 5_000, retry: { maxAttempts: 2, waitMinMs: 50, waitMaxMs: 500 } },
    mail: CIRCUIT,
  },
  conversationTtlMs: 86_400_000,
  heartbeatMs: 30_000,
  idleTtlMs: 3_600_000,
  compression: false,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 100,
  messagesPerMinute: 60,
  messagesPerMinutePerConnection: 30,
  budgets: {
    run: UNLIMITED,
    conversation: UNLIMITED,
    visitor: UNLIMITED,
    organisation: UNLIMITED,
    day: { tokens: 300_000, costMicros: 0 },
    organisationId: "default",
    prices: { model: { input: 0, output: 0 }, "fallback-model": { input: 0, output: 0 } },
  },
  runsAtOnce: 500,
  runsAtOncePerVisitor: 2,
  redisUrl: undefined,
  redisForMemory: false,
  dataDir: "data",
  health: {
    adminToken: undefined,
    metricsToken: undefined,
    retentionMinutes: 1_440,
    checkIntervalMs: 30_000,
    webhookUrl: undefined,
    mail: undefined,
  },
};

test("an empty environment gives the defaults", () => {
  assert.deepEqual(parseConfig({}), DEFAULTS);
});

test("empty and blank values count as not set, for every variable", () => {
  for (const blank of ["", " ", "\t"]) {
    const env = Object.fromEntries(environmentVariables().map(({ name }) => [name, blank]));
    assert.deepEqual(parseConfig(env), DEFAULTS);
  }
});

test("variables we do not know are ignored", () => {
  assert.deepEqual(parseConfig({ PATH: "/usr/bin", port: "1", __proto__: "x" }), DEFAULTS);
});

test("blanks around a value are dropped", () => {
  assert.equal(parseConfig({ PORT: " 9000 " }).port, 9000);
});

const ACCEPTED: readonly (readonly [name: string, value: string, expected: Partial<Config>])[] = [
  ["PORT", "0", { port: 0 }],
  ["PORT", "65535", { port: 65_535 }],
  ["HOST", "127.0.0.1", { host: "127.0.0.1" }],
  ["HOST", "::1", { host: "::1" }],
  ["HOST", "chat.example.org", { host: "chat.example.org" }],
  ["ENVIRONMENT", "production", { environment: "production" }],
  ["DEBUG", "true", { debug: true }],
  ["DEBUG", "1", { debug: true }],
  ["DEBUG", "false", { debug: false }],
  ["DEBUG", "0", { debug: false }],
  ["LOG_LEVEL", "silent", { logLevel: "silent" }],
  ["ALLOWED_ORIGINS", "*", { allowedOrigins: ["*"] }],
  ["ALLOWED_ORIGINS", "https://a.example", { allowedOrigins: ["https://a.example"] }],
  [
    "ALLOWED_ORIGINS",
    "https://a.example, http://localhost:3000,",
    { allowedOrigins: ["https://a.example", "http://localhost:3000"] },
  ],
  ["TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8", { trustedProxies: ["10.0.0.0/8", "fd00::/8"] }],
  ["TRUSTED_PROXIES", "127.0.0.1,::1", { trustedProxies: ["127.0.0.1/32", "::1/128"] }],
  ["LLM_PROVIDER", "offline", {}],
  ["CONVERSATION_TTL_SECONDS", "60", { conversationTtlMs: 60_000 }],
  ["WS_HEARTBEAT_SECONDS", "1", { heartbeatMs: 1000 }],
  ["WS_IDLE_TTL_SECONDS", "604800", { idleTtlMs: 604_800_000 }],
  ["WS_COMPRESSION", "true", { compression: true }],
  ["WS_MAX_CONNECTIONS", "1", { maxConnections: 1 }],
  ["WS_MAX_CONNECTIONS_PER_ADDRESS", "2000", { maxConnectionsPerAddress: 2000 }],
  ["MESSAGES_PER_MINUTE", "1000000", { messagesPerMinute: 1_000_000 }],
  ["MESSAGES_PER_MINUTE_PER_CONNECTION", "1", { messagesPerMinutePerConnection: 1 }],
  ["RUNS_AT_ONCE", "1", { runsAtOnce: 1 }],
  ["RUNS_AT_ONCE_PER_VISITOR", "5", { runsAtOncePerVisitor: 5 }],
  ["REDIS_URL", "rediss://u:p@redis:6380/2", { redisUrl: "rediss://u:p@redis:6380/2", redisForMemory: true }],
  ["REDIS_USE_FOR_MEMORY", "false", {}],
  ["DATA_DIR", "/srv/parley data", { dataDir: "/srv/parley data" }],
];

for (const [name, value, expected] of ACCEPTED) {
  test(`${name}=${value} is taken and changes nothing else`, () => {
    assert.deepEqual(parseConfig({ [name]: value }), { ...DEFAULTS, ...expected });
  });
}

const REFUSED: Readonly<Record<string, readonly string[]>> = {
  PORT: ["65536", "-1", "80.5", "1e3", "0x50", "http", "8000;", "99999999999999999999"],
  HOST: ["a b", "http://example.org", "0.0.0.0/0"],
  ENVIRONMENT: ["prod", "Production"],
  DEBUG: ["maybe", "2"],
  LOG_LEVEL: ["verbose", "INFO"],
  ALLOWED_ORIGINS: [
    "example.org",
    "https://example.org/",
    "https://example.org/chat",
    "https://Example.org",
    "https://example.org:443",
    "https://user@example.org",
    "ftp://example.org",
    "null",
    "https://*.example.org",
    "*, https://example.org",
  ],
  TRUSTED_PROXIES: [
    "10.0.0.0/33",
    "10.0.0/8",
    "fd00::/129",
    "proxy.example",
    "0.0.0.0/0",
    "::/0",
    "10.0.0.1 10.0.0.2",
  ],
  LLM_PROVIDER: ["gpt", "Offline"],
  DEEPSEEK_MODEL_NAME: ["two models", "<model>"],
  DEEPSEEK_DEPLOYMENT_NAME: ["a,b"],
  OPENAI_API_KEY: ["two words", "kéy"],
  OPENAI_BASE_URL: ["localhost:11434", "ftp://x/v1", "http://user:pass@x/v1", "http://x/v1#a"],
  OPENAI_MODEL: ["gpt 4"],
  LLM_ALLOWED_MODELS: ["a,b c", "<model>"],
  CIRCUIT_BREAKER_FAILURE_THRESHOLD: ["0", "1001", "5.5"],
  CIRCUIT_BREAKER_RECOVERY_TIMEOUT: ["0", "86401"],
  RETRY_MAX_ATTEMPTS: ["0", "11"],
  RETRY_WAIT_MIN: ["0", "1e1", "-1", ".5", "1.0001"],
  RETRY_WAIT_MAX: ["0.009", "60.1", "ten"],
  LANGSMITH_TRACING: ["1", "yes", "TRUE"],
  LANGSMITH_API_KEY: ["two words"],
  LANGSMITH_ENDPOINT: ["api.smith.langchain.com"],
  CONVERSATION_TTL_SECONDS: ["59", "0", "31536001", "1d"],
  WS_HEARTBEAT_SECONDS: ["0", "3601", "30s", "0.5"],
  WS_IDLE_TTL_SECONDS: ["0", "604801"],
  WS_COMPRESSION: ["zlib"],
  WS_MAX_CONNECTIONS: ["0", "1000001"],
  WS_MAX_CONNECTIONS_PER_ADDRESS: ["0", "many"],
  MESSAGES_PER_MINUTE_PER_CONNECTION: ["0", "1000001"],
  DAILY_TOKEN_BUDGET: ["-1", "1e6", "much"],
  RUNS_AT_ONCE: ["0", "100001"],
  RUNS_AT_ONCE_PER_VISITOR: ["0", "1001"],
  REDIS_URL: ["localhost:6379", "http://redis"],
  REDIS_USE_FOR_MEMORY: ["yes", "1"],
  MESSAGES_PER_MINUTE: ["0", "-5", "1000001"],
};

for (const [name, values] of Object.entries(REFUSED)) {
  for (const value of values) {
    test(`${name}=${value} is refused, by name and with what to do`, () => {
      const problems = problemsOf({ [name]: value });
      assert.deepEqual(Object.keys(problems), [name]);
      assert.match(problems[name] ?? "", /^must .+ \(leave it out for .+\)$/);
    });
  }
}

test("any origin is refused in production, and only there", () => {
  assert.match(
    problemsOf({ ENVIRONMENT: "production", ALLOWED_ORIGINS: "*" }).ALLOWED_ORIGINS ?? "",
    /must not be \* in production/,
  );
  assert.deepEqual(parseConfig({ ENVIRONMENT: "test", ALLOWED_ORIGINS: "*" }).allowedOrigins, ["*"]);
});

test("all problems are reported together, in the schema's order, rules between variables among them", () => {
  const env = {
    MESSAGES_PER_MINUTE: "x",
    ENVIRONMENT: "production",
    ALLOWED_ORIGINS: "*",
    DEBUG: "?",
    PORT: "x",
  };
  assert.deepEqual(Object.keys(problemsOf(env)), ["PORT", "DEBUG", "ALLOWED_ORIGINS", "MESSAGES_PER_MINUTE"]);
});

test("the error's message is for a terminal: one line a problem, each beginning with its variable", () => {
  assert.throws(() => parseConfig({ PORT: "x", DEBUG: "x" }), {
    name: "ConfigError",
    message: /^The configuration cannot be used:\n {2}PORT must .+\n {2}DEBUG must .+$/,
  });
});

/** Variables that take (nearly) any text: there is nothing to refuse. */
const FREE_TEXT: ReadonlySet<string> = new Set([
  ...[
    "HOST",
    "DATA_DIR",
    "OPENAI_API_KEY",
    "OPENAI_MODEL",
    "DEEPSEEK_MODEL_NAME",
    "DEEPSEEK_DEPLOYMENT_NAME",
  ],
  ...[
    "LLM_ALLOWED_MODELS",
    "LANGSMITH_API_KEY",
    "LANGSMITH_PROJECT",
    "METRICS_TOKEN",
    "ADMIN_TOKEN",
    "ORGANISATION_ID",
  ],
]);

test("no message repeats a value, because it may be a secret put into the wrong variable", () => {
  const secret = "sk-0123456789abcdef";
  const text = fc.string({ minLength: 1, maxLength: 20 }).map((noise) => secret + noise);
  const names = environmentVariables()
    .map(({ name }) => name)
    .filter((name) => !FREE_TEXT.has(name));
  fc.assert(
    fc.property(fc.constantFrom(...names), text, (name, value) => {
      assert.ok(!JSON.stringify(problemsOf({ [name]: value })).includes(secret));
    }),
  );
});

test("whatever an environment holds, it gives a Config or a ConfigError", () => {
  const names = environmentVariables().map(({ name }) => name);
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), fc.string()), (env) => {
      try {
        parseConfig(env);
      } catch (error) {
        assert.ok(error instanceof ConfigError && error.problems.length > 0);
      }
    }),
  );
});

test("a Config cannot be changed, its lists neither", () => {
  const config = parseConfig({ ALLOWED_ORIGINS: "https://a.example" });
  assert.ok(Object.isFrozen(config));
  assert.ok(Object.values(config).every((value) => Object.isFrozen(value)));
});

test("two environments do not share their lists", () => {
  assert.notEqual(parseConfig({}).allowedOrigins, parseConfig({}).allowedOrigins);
});

test("every variable has a default that is itself acceptable, and a description of one sentence", () => {
  for (const { name, defaultText, description } of environmentVariables()) {
    assert.deepEqual(parseConfig({ [name]: defaultText }), DEFAULTS);
    assert.match(description, /^\S.{15,140}\.$/, name);
  }
});
