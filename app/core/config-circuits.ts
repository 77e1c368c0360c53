// The part of the environment that says how much may go wrong with what the product calls, breaker by breaker.
// Promises: one value for all breakers, and one for each that goes before it; settings are complete, frozen and in
// milliseconds. Does not decide what is an error.

import type { z } from "zod";
import { integer, seconds } from "./config-fields.ts";

export interface CircuitSettings {
  /** Failures among the last twice as many calls that open it. */
  readonly failureThreshold: number;
  /** How long it stays open before one call may try. */
  readonly recoveryMs: number;
  readonly retry: RetrySettings;
}

export interface RetrySettings {
  /** Calls in all, the first one included. */
  readonly maxAttempts: number;
  readonly waitMinMs: number;
  readonly waitMaxMs: number;
}

export const CIRCUIT_NAMES = ["llm", "fallback-llm", "redis", "mail"] as const;
export type CircuitName = (typeof CIRCUIT_NAMES)[number];

const PREFIXES = { llm: "LLM", "fallback-llm": "FALLBACK_LLM", redis: "REDIS", mail: "MAIL" } as const;
type Prefix = (typeof PREFIXES)[CircuitName];

/** A storage that is away for a minute after one hiccup, or three pauses of seconds in a join, would be the worse fault. */
const DEFAULTS = {
  RETRY_WAIT_MIN: "1.0",
  RETRY_WAIT_MAX: "10.0",
  REDIS_RETRY_WAIT_MIN: "0.05",
  REDIS_RETRY_WAIT_MAX: "0.5",
} as const;

const failures = () => integer("failures", 1, 1000);
const recovery = () => integer("seconds", 1, 86_400);
const attempts = () => integer("attempts", 1, 10);
const pause = () => seconds(0.01, 60);

const globalFields = {
  CIRCUIT_BREAKER_FAILURE_THRESHOLD: failures()
    .prefault("5")
    .describe("Failures among the last twice as many calls that open a circuit breaker."),
  CIRCUIT_BREAKER_RECOVERY_TIMEOUT: recovery()
    .prefault("60")
    .describe("Seconds until an open circuit breaker lets one call try."),
  RETRY_MAX_ATTEMPTS: attempts()
    .prefault("3")
    .describe("Attempts at a call in all, as long as no word has been said; 1 never tries again."),
  RETRY_WAIT_MIN: pause()
    .prefault(DEFAULTS.RETRY_WAIT_MIN)
    .describe(
      "Seconds before the second attempt; each further pause is twice as long, give or take a quarter.",
    ),
  RETRY_WAIT_MAX: pause()
    .prefault(DEFAULTS.RETRY_WAIT_MAX)
    .describe("Longest pause in seconds; a provider that asks for a longer one is not called again."),
};

type Setting = keyof typeof globalFields;

/** A value for one breaker; where it is left out, `setting` holds. */
function only<Field extends z.ZodType>(setting: Setting, whose: string, field: Field) {
  return field
    .optional()
    .meta({ description: `${setting} ${whose} alone; empty: as for all.`, inherits: setting });
}

const FOR_MODEL = "for the model";
const FOR_FALLBACK = "for the fallback model";
const FOR_REDIS = "for Redis";
const FOR_MAIL = "for mail";

export const CIRCUIT_FIELDS = {
  ...globalFields,
  LLM_CIRCUIT_BREAKER_FAILURE_THRESHOLD: only("CIRCUIT_BREAKER_FAILURE_THRESHOLD", FOR_MODEL, failures()),
  LLM_CIRCUIT_BREAKER_RECOVERY_TIMEOUT: only("CIRCUIT_BREAKER_RECOVERY_TIMEOUT", FOR_MODEL, recovery()),
  LLM_RETRY_MAX_ATTEMPTS: only("RETRY_MAX_ATTEMPTS", FOR_MODEL, attempts()),
  LLM_RETRY_WAIT_MIN: only("RETRY_WAIT_MIN", FOR_MODEL, pause()),
  LLM_RETRY_WAIT_MAX: only("RETRY_WAIT_MAX", FOR_MODEL, pause()),
  FALLBACK_LLM_CIRCUIT_BREAKER_FAILURE_THRESHOLD: only(
    "CIRCUIT_BREAKER_FAILURE_THRESHOLD",
    FOR_FALLBACK,
    failures(),
  ),
  FALLBACK_LLM_CIRCUIT_BREAKER_RECOVERY_TIMEOUT: only(
    "CIRCUIT_BREAKER_RECOVERY_TIMEOUT",
    FOR_FALLBACK,
    recovery(),
  ),
  FALLBACK_LLM_RETRY_MAX_ATTEMPTS: only("RETRY_MAX_ATTEMPTS", FOR_FALLBACK, attempts()),
  FALLBACK_LLM_RETRY_WAIT_MIN: only("RETRY_WAIT_MIN", FOR_FALLBACK, pause()),
  FALLBACK_LLM_RETRY_WAIT_MAX: only("RETRY_WAIT_MAX", FOR_FALLBACK, pause()),
  REDIS_CIRCUIT_BREAKER_FAILURE_THRESHOLD: only("CIRCUIT_BREAKER_FAILURE_THRESHOLD", FOR_REDIS, failures()),
  REDIS_CIRCUIT_BREAKER_RECOVERY_TIMEOUT: recovery()
    .prefault("5")
    .describe(`CIRCUIT_BREAKER_RECOVERY_TIMEOUT ${FOR_REDIS}, whatever it is for all.`),
  REDIS_RETRY_MAX_ATTEMPTS: attempts()
    .prefault("2")
    .describe(`RETRY_MAX_ATTEMPTS ${FOR_REDIS}, whatever it is for all.`),
  REDIS_RETRY_WAIT_MIN: pause()
    .prefault(DEFAULTS.REDIS_RETRY_WAIT_MIN)
    .describe(
      "Seconds before a second repeat of a call that Redis surely did not carry out; the first follows at once.",
    ),
  REDIS_RETRY_WAIT_MAX: pause()
    .prefault(DEFAULTS.REDIS_RETRY_WAIT_MAX)
    .describe("The longest of these pauses, in seconds."),
  MAIL_CIRCUIT_BREAKER_FAILURE_THRESHOLD: only("CIRCUIT_BREAKER_FAILURE_THRESHOLD", FOR_MAIL, failures()),
  MAIL_CIRCUIT_BREAKER_RECOVERY_TIMEOUT: only("CIRCUIT_BREAKER_RECOVERY_TIMEOUT", FOR_MAIL, recovery()),
  MAIL_RETRY_MAX_ATTEMPTS: only("RETRY_MAX_ATTEMPTS", FOR_MAIL, attempts()),
  MAIL_RETRY_WAIT_MIN: only("RETRY_WAIT_MIN", FOR_MAIL, pause()),
  MAIL_RETRY_WAIT_MAX: only("RETRY_WAIT_MAX", FOR_MAIL, pause()),
};

type CircuitValues = z.output<z.ZodObject<typeof CIRCUIT_FIELDS>>;

export function toCircuits(values: CircuitValues): Readonly<Record<CircuitName, CircuitSettings>> {
  return Object.freeze({
    llm: toSettings(values, PREFIXES.llm),
    "fallback-llm": toSettings(values, PREFIXES["fallback-llm"]),
    redis: toSettings(values, PREFIXES.redis),
    mail: toSettings(values, PREFIXES.mail),
  });
}

function toSettings(values: CircuitValues, prefix: Prefix): CircuitSettings {
  const of = (setting: Setting): number => values[`${prefix}_${setting}`] ?? values[setting];
  return Object.freeze({
    failureThreshold: of("CIRCUIT_BREAKER_FAILURE_THRESHOLD"),
    recoveryMs: of("CIRCUIT_BREAKER_RECOVERY_TIMEOUT") * 1000,
    retry: Object.freeze({
      maxAttempts: of("RETRY_MAX_ATTEMPTS"),
      waitMinMs: Math.round(of("RETRY_WAIT_MIN") * 1000),
      waitMaxMs: Math.round(of("RETRY_WAIT_MAX") * 1000),
    }),
  });
}

type Given = Readonly<Record<string, string>>;
type Issue = { readonly path: readonly string[]; readonly message: string };

/** Pauses whose longest is shorter than the shortest, on the text as it was given (blank values left out). */
export function circuitConflicts(given: Given): readonly Issue[] {
  const texts: Given = { ...DEFAULTS, ...given };
  const prefixes = ["", ...CIRCUIT_NAMES.map((name) => `${PREFIXES[name]}_`)];
  return prefixes.flatMap((prefix) => {
    // A breaker that has no value of its own is compared with what holds for all.
    const min = `${prefix}RETRY_WAIT_MIN` in texts ? `${prefix}RETRY_WAIT_MIN` : "RETRY_WAIT_MIN";
    const max = `${prefix}RETRY_WAIT_MAX` in texts ? `${prefix}RETRY_WAIT_MAX` : "RETRY_WAIT_MAX";
    // What is no number has a problem of its own.
    if (!(Number(texts[max]) < Number(texts[min]))) return [];
    if (max.startsWith(prefix) && (prefix === "" || max in given))
      return [{ path: [max], message: `must not be less than ${min}` }];
    return min.startsWith(prefix) ? [{ path: [min], message: `must not be more than ${max}` }] : [];
  });
}
