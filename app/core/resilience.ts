// The one door of cockatiel: retry with backoff and jitter, a time-out, a circuit breaker that understands streams, and
// `resilient`, which composes them. Promises: an abort ends every wait here at once, with the signal's reason; what left by
// an abort says nothing about the other side, and is never counted; an open breaker is never tried again. Does not know
// what an error means: the callers say which are failures. The breakers of the product are in circuits.ts.

import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  circuitBreaker,
  DelegateBackoff,
  handleWhen,
  type IBackoff,
  type IBreaker,
  retry,
  TimeoutStrategy,
  timeout,
} from "cockatiel";
import { type BackoffOptions, backoffMs } from "./backoff.ts";
import type { Bulkhead } from "./bulkhead.ts";
import { FailureWindow } from "./failure-window.ts";
import type { Logger } from "./logging.ts";
import { untilAborted } from "./until-aborted.ts";

export interface BreakerOptions {
  /** For logs and health: `llm`. */
  readonly name: string;
  /** Failures among the last 2 × this many calls that open it. */
  readonly failureThreshold: number;
  /** How long it stays open before one call may try. */
  readonly recoveryMs: number;
  /** Whether an error says that the other side is ill. A refusal of one request does not; a CallTimeoutError always does. */
  readonly isFailure: (error: unknown) => boolean;
  readonly logger: Logger;
}

export interface CircuitStatus {
  readonly name: string;
  /** `open` until the next call after the pause, which probes; nothing changes by itself. */
  readonly state: "closed" | "open" | "half-open";
  /** Failures that are remembered. */
  readonly failures: number;
  /** Milliseconds since 1970; only while it is not closed. */
  readonly openedAtMs?: number;
  /** Until a call may try; 0: the next one does. Only while it is not closed. */
  readonly retryAfterMs?: number;
}

/** The breaker is open: nothing was called. */
export class CircuitOpenError extends Error {
  override readonly name = "CircuitOpenError";
  /** Until a call may try again. */
  readonly retryAfterMs: number;

  constructor(circuit: string, retryAfterMs: number) {
    super(`the circuit "${circuit}" is open`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** An attempt took longer than it was given. What was called may be at work still. */
export class CallTimeoutError extends Error {
  override readonly name = "CallTimeoutError";

  constructor(timeoutMs: number, options: ErrorOptions) {
    super(`no answer within ${timeoutMs} ms`, options);
  }
}

/** A probe whose caller left: no verdict, so the next caller probes at once. */
class ProbeAbandoned extends Error {}

/** Long enough for five calls of one lone visitor that each wait for every deadline there is. */
const WINDOW_MS = 300_000;
const STATE_NAMES = {
  [CircuitState.Closed]: "closed",
  [CircuitState.Open]: "open",
  [CircuitState.HalfOpen]: "half-open",
  [CircuitState.Isolated]: "open",
} as const;

export class CircuitBreaker {
  readonly name: string;
  readonly #policy: CircuitBreakerPolicy;
  readonly #window: FailureWindow;
  readonly #recoveryMs: number;
  #openedAt = 0;

  constructor(options: BreakerOptions) {
    const { name, failureThreshold, recoveryMs, isFailure, logger } = options;
    this.name = name;
    this.#recoveryMs = recoveryMs;
    this.#window = new FailureWindow(failureThreshold, WINDOW_MS);
    this.#policy = circuitBreaker(
      handleWhen(
        (error) => error instanceof ProbeAbandoned || error instanceof CallTimeoutError || isFailure(error),
      ),
      { breaker: verdicts(this.#window), halfOpenAfter: recovery(recoveryMs) },
    );
    this.#policy.onBreak((reason) => {
      if ("isolated" in reason || ("error" in reason && reason.error instanceof ProbeAbandoned)) return;
      this.#openedAt = Date.now();
      logger.warn({ circuit: name, failures: this.failures, recoveryMs }, "circuit_breaker_opened");
    });
    this.#policy.onHalfOpen(() => logger.info({ circuit: name }, "circuit_breaker_half_open"));
    this.#policy.onReset(() => logger.info({ circuit: name }, "circuit_breaker_closed"));
  }

  get state(): CircuitStatus["state"] {
    return STATE_NAMES[this.#policy.state];
  }

  /** Failures that are remembered. */
  get failures(): number {
    return this.#window.failures;
  }

  get status(): CircuitStatus {
    const { name, state, failures } = this;
    if (state === "closed") return { name, state, failures };
    return { name, state, failures, openedAtMs: this.#openedAt, retryAfterMs: this.#untilProbeMs() };
  }

  /**
   * Runs `work`, unless the breaker is open. Half-open it lets one call probe; further calls wait until that one has
   * said `alive()` or has ended, not until its stream is through. A failure after `alive()` is counted all the same.
   * @throws CircuitOpenError when nothing was called
   */
  run<T>(work: (alive: () => void) => Promise<T>, signal: AbortSignal): Promise<T> {
    return untilAborted(this.#execute(work, signal), signal);
  }

  /** Closes it by hand and forgets the failures. */
  reset(): void {
    this.#window.clear();
    if (this.state !== "closed") this.#policy.isolate().dispose();
  }

  async #execute<T>(work: (alive: () => void) => Promise<T>, signal: AbortSignal): Promise<T> {
    let probing = false;
    let running: Promise<T> | undefined;
    try {
      await this.#policy.execute(async () => {
        probing = this.#policy.state === CircuitState.HalfOpen;
        const alive = Promise.withResolvers<void>();
        try {
          signal.throwIfAborted();
          running = work(alive.resolve);
          await (probing ? Promise.race([running, alive.promise]) : running);
        } catch (error) {
          // Whatever failed after the caller had left failed because of that.
          if (signal.aborted) throw probing ? new ProbeAbandoned() : signal.reason;
          throw error;
        }
      }, signal);
    } catch (error) {
      if (error instanceof BrokenCircuitError) throw new CircuitOpenError(this.name, this.#untilProbeMs());
      throw error;
    }
    if (running === undefined) throw new Error("the breaker let a call through without running it");
    return probing ? await this.#watch(running, signal) : await running;
  }

  /** The rest of a probe's stream, after it was let go. */
  async #watch<T>(running: Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await running;
    } catch (error) {
      // An open or probing breaker has its verdict; the policy would queue this behind the probe.
      if (!signal.aborted && this.#policy.state === CircuitState.Closed)
        await this.#policy.execute(() => Promise.reject(error));
      throw error;
    }
  }

  #untilProbeMs(): number {
    return Math.max(0, this.#openedAt + this.#recoveryMs - Date.now());
  }
}

/** The window as cockatiel asks it. What the policy would save and restore is nothing: a breaker dies with its process. */
function verdicts(window: FailureWindow): IBreaker {
  return {
    state: undefined,
    success(state) {
      if (state === CircuitState.HalfOpen) window.clear();
      window.add(false);
    },
    failure(state) {
      window.add(true);
      return state !== CircuitState.Closed || window.isFull;
    },
  };
}

/** Always the same pause, but none after a probe that was abandoned. */
function recovery(recoveryMs: number): { next(context: { readonly result: object }): IBackoff<never> } {
  const next = ({ result }: { readonly result: object }) => ({
    duration: "error" in result && result.error instanceof ProbeAbandoned ? 0 : recoveryMs,
    next,
  });
  return { next };
}

export interface RetryOptions extends BackoffOptions {
  /** Calls in all, the first one included. */
  readonly maxAttempts: number;
  /** Never asked about an open breaker: that is not tried again. */
  readonly isRetryable: (error: unknown) => boolean;
  /** What the other side asked for; a pause is never shorter. */
  readonly retryAfterMsOf?: (error: unknown) => number | undefined;
  /** Before a pause. `attempt` is the one that failed, from 1. */
  readonly onRetry: (retry: { attempt: number; delayMs: number; error: unknown }) => void;
}

/** Calls `work` until it succeeds, its error is not retryable, or the attempts are used up. */
export function retrying<T>(work: () => Promise<T>, options: RetryOptions, signal: AbortSignal): Promise<T> {
  const backoff = new DelegateBackoff<{ attempt: number; result: object }>(({ attempt, result }) => {
    const askedMs = "error" in result ? options.retryAfterMsOf?.(result.error) : undefined;
    return backoffMs(attempt, askedMs ?? 0, options);
  });
  const isRetryable = (error: unknown) =>
    !signal.aborted && !(error instanceof CircuitOpenError) && options.isRetryable(error);
  const policy = retry(handleWhen(isRetryable), {
    maxAttempts: options.maxAttempts - 1,
    backoff,
  }).dangerouslyUnref();
  policy.onRetry((failed) => {
    if ("error" in failed)
      options.onRetry({ attempt: failed.attempt, delayMs: failed.delay, error: failed.error });
  });
  const attempt = async () => {
    signal.throwIfAborted();
    return await work();
  };
  return untilAborted(policy.execute(attempt, signal), signal);
}

/** `work`, or a CallTimeoutError after `timeoutMs`, also when `work` does not care that its signal is aborted then. */
async function withinTime<T>(
  work: (signal: AbortSignal) => Promise<T>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<T> {
  const policy = timeout(timeoutMs, { strategy: TimeoutStrategy.Aggressive, abortOnReturn: false });
  // Also when the caller leaves; he hears his own reason from untilAborted.
  let isOver = false;
  policy.onTimeout(() => {
    isOver = true;
  });
  try {
    return await policy.execute((_, attemptSignal) => work(attemptSignal), signal);
  } catch (cause) {
    throw isOver ? new CallTimeoutError(timeoutMs, { cause }) : cause;
  }
}

/** What one attempt is handed. */
export interface Attempt {
  /** Aborts with the caller's signal, and when the attempt's time is over. */
  readonly signal: AbortSignal;
  /** To be called at the first sign of life of a stream: see CircuitBreaker.run. */
  readonly alive: () => void;
}

export interface Policies {
  readonly breaker?: CircuitBreaker;
  readonly retry?: RetryOptions;
  /** For each attempt, not for all of them: that is what `signal` is for. */
  readonly timeoutMs?: number;
  readonly bulkhead?: Bulkhead;
  readonly signal: AbortSignal;
}

/**
 * Calls `work` under the given policies, from outside to inside:
 * 1. bulkhead: a call has one place for all its attempts, so a retry cannot be refused half-way; being refused, and
 *    waiting in line, say nothing about the other side and are neither counted nor tried again;
 * 2. retry: the breaker sees every attempt, and an open one ends the trying;
 * 3. breaker: a time-out is a failure it counts;
 * 4. time-out: every attempt has its own.
 * When it settles, timers, listeners and the place are released; work that ignores its signal holds none of them.
 * @throws BulkheadFullError, CircuitOpenError, CallTimeoutError, the signal's reason, or what `work` threw
 */
export async function resilient<T>(work: (attempt: Attempt) => Promise<T>, policies: Policies): Promise<T> {
  const { breaker, retry, timeoutMs, bulkhead, signal } = policies;
  const attempt = (alive: () => void) =>
    timeoutMs === undefined
      ? work({ signal, alive })
      : withinTime((attemptSignal) => work({ signal: attemptSignal, alive }), timeoutMs, signal);
  const guarded = async () => await (breaker ? breaker.run(attempt, signal) : attempt(() => undefined));
  const repeated = () => untilAborted(retry ? retrying(guarded, retry, signal) : guarded(), signal);
  signal.throwIfAborted();
  return await (bulkhead ? bulkhead.run(repeated, signal) : repeated());
}
