// The predefined circuit breakers of the process, by name, and the line a minute that says how they are.
// Promises: one breaker a name, however many use it; what concerns one name never touches another. Does not know what
// an error of the other side looks like: the users of a breaker say so.

import { BulkheadFullError } from "./bulkhead.ts";
import { CIRCUIT_NAMES, type CircuitName, type CircuitSettings } from "./config-circuits.ts";
import type { Logger } from "./logging.ts";
import { CircuitBreaker, CircuitOpenError, type CircuitStatus } from "./resilience.ts";

export interface CircuitsOptions {
  readonly settings: Readonly<Record<CircuitName, CircuitSettings>>;
  /** What counts, by name; elsewhere every error does but our own refusals. */
  readonly isFailure?: { readonly [Name in CircuitName]?: (error: unknown) => boolean };
  readonly logger: Logger;
}

export interface Circuits {
  get(name: CircuitName): CircuitBreaker;
  /** Every breaker, in the same order always. */
  list(): readonly CircuitStatus[];
  /** Closes one by hand and says how it is now; undefined where there is none of this name. */
  reset(name: string): CircuitStatus | undefined;
  /** Ends the monitor; the breakers work on. */
  close(): void;
}

const MONITOR_MS = 60_000;

export function createCircuits(options: CircuitsOptions): Circuits {
  const { settings, isFailure = {}, logger } = options;
  const create = (name: CircuitName) => {
    const { failureThreshold, recoveryMs } = settings[name];
    const counts = isFailure[name] ?? isNotOurRefusal;
    return new CircuitBreaker({ name, failureThreshold, recoveryMs, isFailure: counts, logger });
  };
  const breakers: Readonly<Record<CircuitName, CircuitBreaker>> = {
    llm: create("llm"),
    "fallback-llm": create("fallback-llm"),
    redis: create("redis"),
    mail: create("mail"),
  };
  const list = () => CIRCUIT_NAMES.map((name) => breakers[name].status);
  const monitor = setInterval(() => logger.info({ circuits: list() }, "circuit_monitor"), MONITOR_MS).unref();
  return {
    get: (name) => breakers[name],
    list,
    reset(name) {
      const known = CIRCUIT_NAMES.find((circuit) => circuit === name);
      if (known === undefined) return undefined;
      breakers[known].reset();
      return breakers[known].status;
    },
    close: () => clearInterval(monitor),
  };
}

/** Another breaker or a bulkhead on the way said no: the other side was not asked. */
function isNotOurRefusal(error: unknown): boolean {
  return !(error instanceof CircuitOpenError || error instanceof BulkheadFullError);
}
