// The environment as one zod schema: every variable with its rule, its default and the line that explains it.
// Promises: descriptions and defaults stand here only; `.env.example` is tested against them. Input and default are
// text as the environment holds it. Does not read the process's environment, and no message repeats a value, because
// a variable may hold a secret.

import { z } from "zod";
import { BUDGET_FIELDS, budgetConflicts, toBudgets } from "./config-budgets.ts";
import { CIRCUIT_FIELDS, circuitConflicts, toCircuits } from "./config-circuits.ts";
import { choice, entriesOf, flag, integer } from "./config-fields.ts";
import { HEALTH_FIELDS, healthConflicts } from "./config-health.ts";
import { LLM_FIELDS, llmConflicts } from "./llm-config.ts";

/** What is wrong with one entry of ALLOWED_ORIGINS; undefined when it is an origin as browsers send it (RFC 6454). */
function originProblem(entry: string): string | undefined {
  const url = URL.canParse(entry) ? new URL(entry) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return "must hold origins such as https://example.org, separated by commas";
  if (entry.includes("*")) return "must name each origin: a * stands for all of them or not at all";
  if (url.origin === entry) return undefined;
  return "must hold exact origins: scheme and host in small letters, a port only if unusual, no path, no slash at the end";
}

const origins = z.string().transform((list, context): readonly string[] => {
  const entries = entriesOf(list);
  if (entries.length === 1 && entries[0] === "*") return entries;
  const problem = entries.includes("*")
    ? "must be either * alone or a list of origins"
    : entries.map(originProblem).find((found) => found !== undefined);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  return entries;
});

/** A CIDR block; a bare address stands for itself. `/0` would let every client choose its own address. */
const proxies = z.string().transform((list, context): readonly string[] => {
  const blocks = entriesOf(list).map((entry) =>
    z.ipv4().safeParse(entry).success
      ? `${entry}/32`
      : z.ipv6().safeParse(entry).success
        ? `${entry}/128`
        : entry,
  );
  if (blocks.some((block) => !z.union([z.cidrv4(), z.cidrv6()]).safeParse(block).success))
    context.addIssue({
      code: "custom",
      message: "must hold addresses or CIDR blocks such as 10.0.0.0/8, separated by commas",
    });
  else if (blocks.some((block) => block.endsWith("/0")))
    context.addIssue({ code: "custom", message: "must not hold a /0 block: it would trust every client" });
  return blocks;
});

/** The client of Redis would take anything for a host name, and look for it in vain. */
const redisUrl = z
  .string()
  .refine((value) => value === "" || (URL.canParse(value) && /^rediss?:$/.test(new URL(value).protocol)), {
    error: "must be a redis:// or rediss:// address",
  });

// Upper bounds of times kept by a timer stay below 2^31 ms; past that Node fires at once.
const fields = {
  PORT: integer("", 0, 65_535).prefault("8000").describe("Port to listen on; 0 takes any free one."),
  HOST: z
    .string()
    .regex(/^[\w.:-]+$/, { error: "must be an address or a host name" })
    .prefault("0.0.0.0")
    .describe("Address to listen on; 127.0.0.1 serves this machine only."),
  ENVIRONMENT: choice(["development", "test", "production"])
    .prefault("development")
    .describe("development, test or production; production refuses settings that are unsafe in public."),
  DEBUG: flag()
    .prefault("false")
    .describe("true: readable coloured log lines, and particulars in error answers."),
  LOG_LEVEL: choice(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .prefault("info")
    .describe("Lowest level that is logged: trace, debug, info, warn, error, fatal or silent."),
  ALLOWED_ORIGINS: origins
    .prefault("")
    .describe(
      "Origins of web pages that may connect, comma-separated, the server's own among them; empty: its own alone; *: any (not in production).",
    ),
  TRUSTED_PROXIES: proxies
    .prefault("")
    .describe(
      "CIDR blocks of our own proxies, comma-separated; only they are believed about X-Forwarded-For.",
    ),
  ...LLM_FIELDS,
  ...CIRCUIT_FIELDS,
  ...BUDGET_FIELDS,
  RUNS_AT_ONCE: integer("replies", 1, 100_000)
    .prefault("500")
    .describe("Replies this process writes at a time; further ones wait for a place."),
  RUNS_AT_ONCE_PER_VISITOR: integer("replies", 1, 1000)
    .prefault("2")
    .describe("Replies one visitor gets at a time, over all conversations; further ones wait."),
  REDIS_URL: redisUrl
    .prefault("")
    .describe(
      "Redis 7 or later, redis://user:password@host:port/db or rediss://; empty: everything in memory.",
    ),
  REDIS_USE_FOR_MEMORY: choice(["auto", "true", "false"])
    .prefault("auto")
    .describe("Keep conversations in Redis: true, false, or auto, which is whenever REDIS_URL is set."),
  CONVERSATION_TTL_SECONDS: integer("seconds", 60, 31_536_000)
    .prefault("86400")
    .describe("Seconds after its last use until a conversation is forgotten."),
  WS_HEARTBEAT_SECONDS: integer("seconds", 1, 3600)
    .prefault("30")
    .describe("Seconds between two pings; a connection that missed one is ended at the next."),
  WS_IDLE_TTL_SECONDS: integer("seconds", 1, 604_800)
    .prefault("3600")
    .describe("Seconds without a frame from the client until its connection is closed."),
  WS_COMPRESSION: flag()
    .prefault("false")
    .describe("true: compress WebSocket frames; costs memory and time for every connection."),
  WS_MAX_CONNECTIONS: integer("connections", 1, 1_000_000)
    .prefault("10000")
    .describe("Connections this process takes; further ones are refused with 503."),
  WS_MAX_CONNECTIONS_PER_ADDRESS: integer("connections", 1, 1_000_000)
    .prefault("100")
    .describe("Connections one client address may hold at a time."),
  MESSAGES_PER_MINUTE: integer("messages", 1, 1_000_000)
    .prefault("60")
    .describe("Messages one client address may send in a minute."),
  MESSAGES_PER_MINUTE_PER_CONNECTION: integer("messages", 1, 1_000_000)
    .prefault("30")
    .describe("Messages one connection may send in a minute."),
  DATA_DIR: z.string().prefault("data").describe("Folder of the personas, the objects and their knowledge."),
  ...HEALTH_FIELDS,
};

/** The values by variable, and `circuits`: what each breaker has of its own and what it has in common, and `budgets`. */
export const ENVIRONMENT_SCHEMA = z
  .object(fields)
  .transform((values) => ({ ...values, circuits: toCircuits(values), budgets: toBudgets(values) }));

/**
 * Rules between variables, on the text as it was given. Apart from the schema because zod skips the checks of an
 * object once a field has failed, and all problems shall show at once.
 */
export function environmentConflicts(given: Readonly<Record<string, string>>): readonly EnvironmentIssue[] {
  const issues = [
    ...llmConflicts(given),
    ...circuitConflicts(given),
    ...healthConflicts(given),
    ...budgetConflicts(given),
  ];
  if (given.REDIS_USE_FOR_MEMORY === "true" && !given.REDIS_URL) {
    issues.push({ path: ["REDIS_URL"], message: "must be set where REDIS_USE_FOR_MEMORY is true" });
  }
  if (given.ENVIRONMENT !== "production" || given.ALLOWED_ORIGINS !== "*") return issues;
  return [
    { path: ["ALLOWED_ORIGINS"], message: "must not be * in production: name the origins of your pages" },
    ...issues,
  ];
}

/** The part of a zod issue that is of use here; `path` starts with the variable. */
export interface EnvironmentIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export interface EnvironmentVariable {
  readonly name: string;
  /** What the variable holds when it is not set, as text. */
  readonly defaultText: string;
  readonly description: string;
  /** The variable that holds where this one is not set. */
  readonly inherits?: string;
}

/** Every variable in the schema's order: what `.env.example` says, and what a refusal advises. */
export function environmentVariables(): readonly EnvironmentVariable[] {
  return Object.entries(fields).map(([name, field]) => {
    const defaultValue = "defaultValue" in field.def ? field.def.defaultValue : undefined;
    const inherits = field.meta()?.inherits;
    return {
      name,
      defaultText: typeof defaultValue === "string" ? defaultValue : "",
      description: field.description ?? "",
      ...(typeof inherits === "string" && { inherits }),
    };
  });
}
