// The one door of cockatiel: retry with backoff and jitter, and a circuit breaker that understands streams.
// Promises: an abort ends every wait here at once, with the signal's reason; what left by an abort says nothing about
// the other side, and is never counted. Does not know what an error means: the callers say which are failures.

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
} from "cockatiel";
import type { Logger } from "./logging.ts";

export interface BreakerOptions {
  /** For logs and health: `llm`. */
  readonly name: string;
  /** Failures among the last 2 × this many calls that open it. */
  readonly failureThreshold: number;
  /** How long it stays open before one call may try. */
  readonly recoveryMs: number;
  /** Outcomes older than this are forgotten. */
  readonly windowMs?: number;
  /** Whether an error says that the other side is ill. A refusal of one request does not. */
  readonly isFailure: (error: unknown) => boolean;
  readonly logger: Logger;
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
    const { name, failureThreshold, recoveryMs, windowMs = WINDOW_MS, isFailure, logger } = options;
    this.name = name;
    this.#recoveryMs = recoveryMs;
    this.#window = new FailureWindow(failureThreshold, windowMs);
    this.#policy = circuitBreaker(
      handleWhen((error) => error instanceof ProbeAbandoned || isFailure(error)),
      { breaker: this.#window, halfOpenAfter: recovery(recoveryMs) },
    );
    this.#policy.onBreak((reason) => {
      if ("isolated" in reason || ("error" in reason && reason.error instanceof ProbeAbandoned)) return;
      this.#openedAt = Date.now();
      logger.warn({ circuit: name, failures: this.failures, recoveryMs }, "circuit_breaker_opened");
    });
    this.#policy.onHalfOpen(() => logger.info({ circuit: name }, "circuit_breaker_half_open"));
    this.#policy.onReset(() => logger.info({ circuit: name }, "circuit_breaker_closed"));
  }

  get state(): "closed" | "open" | "half-open" {
    return STATE_NAMES[this.#policy.state];
  }

  /** Failures that are remembered. */
  get failures(): number {
    return this.#window.failures;
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
    this.#policy.isolate().dispose();
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

/**
 * Opens at `threshold` failures among the last 2 × threshold outcomes. Not the consecutive breaker of the package, which
 * "every second stream dies" never opens; not a bare count, which a busy hour with one failure in a hundred opens.
 */
class FailureWindow implements IBreaker {
  /** What the policy would save and restore; nothing here outlives the process. */
  state: unknown = undefined;
  readonly #threshold: number;
  readonly #windowMs: number;
  #outcomes: { readonly failed: boolean; readonly at: number }[] = [];

  constructor(threshold: number, windowMs: number) {
    this.#threshold = threshold;
    this.#windowMs = windowMs;
  }

  get failures(): number {
    const since = Date.now() - this.#windowMs;
    return this.#outcomes.filter(({ failed, at }) => failed && at > since).length;
  }

  success(state: CircuitState): void {
    if (state === CircuitState.HalfOpen) this.clear();
    this.#add(false);
  }

  failure(state: CircuitState): boolean {
    this.#add(true);
    return state !== CircuitState.Closed || this.failures >= this.#threshold;
  }

  clear(): void {
    this.#outcomes = [];
  }

  #add(failed: boolean): void {
    this.#outcomes.push({ failed, at: Date.now() });
    if (this.#outcomes.length > 2 * this.#threshold) this.#outcomes.shift();
  }
}

/** Always the same pause, but none after a probe that was abandoned. */
function recovery(recoveryMs: number): { next(context: { readonly result: object }): IBackoff<never> } {
  const next = ({ result }: { readonly result: object }) => ({
    duration: "error" in result && result.error instanceof ProbeAbandoned ? 0 : recoveryMs,
    next,
  });
  return { next };
}

export interface RetryOptions {
  /** Calls in all, the first one included. */
  readonly maxAttempts: number;
  /** The first pause; each further one is twice as long, up to `waitMaxMs`, all ± 25 %. */
  readonly waitMinMs: number;
  readonly waitMaxMs: number;
  readonly isRetryable: (error: unknown) => boolean;
  /** What the other side asked for; a pause is never shorter. */
  readonly retryAfterMsOf?: (error: unknown) => number | undefined;
  /** Before a pause. `attempt` is the one that failed, from 1. */
  readonly onRetry: (retry: { attempt: number; delayMs: number; error: unknown }) => void;
  /** From 0 to below 1, as Math.random. */
  readonly random?: () => number;
}

/** Calls `work` until it succeeds, its error is not retryable, or the attempts are used up. */
export function retrying<T>(work: () => Promise<T>, options: RetryOptions, signal: AbortSignal): Promise<T> {
  const { maxAttempts, waitMinMs, waitMaxMs, random = Math.random } = options;
  const backoff = new DelegateBackoff<{ attempt: number; result: object }>(({ attempt, result }) => {
    const nominalMs = Math.min(waitMinMs * 2 ** (attempt - 1), waitMaxMs);
    const askedMs = "error" in result ? (options.retryAfterMsOf?.(result.error) ?? 0) : 0;
    const spread = random() / 2;
    // Those who were told the same time shall not all come back in the same moment.
    return Math.round(Math.max(nominalMs * (0.75 + spread), askedMs + (askedMs && spread * waitMinMs)));
  });
  const isRetryable = (error: unknown) => !signal.aborted && options.isRetryable(error);
  const policy = retry(handleWhen(isRetryable), { maxAttempts: maxAttempts - 1, backoff }).dangerouslyUnref();
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

/** `work`, or the signal's reason as soon as it aborts, whatever `work` does about it. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([aborted.promise, work]);
  } catch (error) {
    // Work that failed because of the abort fails with the reason, too.
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
