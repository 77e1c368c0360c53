// Tells people that something is wrong, and that it is well again: by webhook, by mail, or both.
// Promises: never throws, never makes anybody wait; the same check is told at most once in 15 minutes, a recovery only of
// what was told. What cannot be delivered is a line in the log. Does not judge what is bad.

import type { AlertText } from "./alert-texts.ts";
import type { Logger } from "./logging.ts";
import { type CircuitBreaker, type RetryOptions, resilient } from "./resilience.ts";

export interface Alert {
  readonly event: "health_degraded" | "health_recovered";
  readonly check: string;
  readonly finding: string;
  /** What visitors notice. */
  readonly visitors: string;
  readonly command: string;
  /** ISO 8601. */
  readonly at: string;
  /** The alert in one line, as chat services show it. */
  readonly text: string;
}

/** One way out. */
export interface AlertChannel {
  /** `webhook`, `mail`. */
  readonly name: string;
  /** Its own: a way out that is dead must not close the others. */
  readonly breaker?: CircuitBreaker;
  /** Rejects when it was not taken, and when the signal aborts. */
  send(alert: Alert, signal: AbortSignal): Promise<void>;
}

export interface AlertsOptions {
  readonly channels: readonly AlertChannel[];
  readonly textOf: (check: string) => AlertText;
  readonly retry: Pick<RetryOptions, "maxAttempts" | "waitMinMs" | "waitMaxMs">;
  readonly logger: Logger;
  readonly timeoutMs?: number;
  readonly quietMs?: number;
  /** Milliseconds, of any clock that only goes forward. */
  readonly now?: () => number;
}

const QUIET_MS = 15 * 60_000;
const TIMEOUT_MS = 10_000;

interface Told {
  readonly atMs: number;
  /** Whether it has been said since that it is over. */
  over: boolean;
}

export class Alerts {
  readonly #options: AlertsOptions;
  readonly #told = new Map<string, Told>();
  readonly #stopped = new AbortController();
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: AlertsOptions) {
    this.#options = options;
  }

  /** It is bad. To be called as long as it is: an alert that had to keep quiet is told when its time has come. */
  degraded(check: string, finding: string): void {
    const nowMs = this.#nowMs();
    const last = this.#told.get(check);
    if (last && (!last.over || nowMs - last.atMs < (this.#options.quietMs ?? QUIET_MS))) return;
    this.#told.set(check, { atMs: nowMs, over: false });
    this.#tell("health_degraded", check, finding);
  }

  /** It is well again. */
  recovered(check: string, finding: string): void {
    const last = this.#told.get(check);
    if (!last || last.over) return;
    last.over = true;
    this.#tell("health_recovered", check, finding);
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#underWay);
  }

  #nowMs(): number {
    return (this.#options.now ?? performance.now.bind(performance))();
  }

  #tell(event: Alert["event"], check: string, finding: string): void {
    const { visitors, command } = this.#options.textOf(check);
    const text =
      event === "health_degraded"
        ? `Parley: ${check} is bad: ${finding}. Visitors: ${visitors} Look: ${command}`
        : `Parley: ${check} is well again: ${finding}.`;
    const alert: Alert = { event, check, finding, visitors, command, at: new Date().toISOString(), text };
    for (const channel of this.#options.channels) {
      const sending = this.#send(channel, alert).finally(() => this.#underWay.delete(sending));
      this.#underWay.add(sending);
    }
  }

  /** Never rejects. */
  async #send(channel: AlertChannel, alert: Alert): Promise<void> {
    const { retry, logger, timeoutMs = TIMEOUT_MS } = this.#options;
    const { breaker } = channel;
    const facts = { channel: channel.name, alert: alert.event, check: alert.check };
    const circuit = breaker && { circuit: breaker.name };
    const onRetry = ({ attempt, delayMs }: { attempt: number; delayMs: number }): void =>
      logger.info({ ...facts, ...circuit, attempt, delayMs }, "alert_retry");
    try {
      await resilient(({ signal }) => channel.send(alert, signal), {
        ...(breaker && { breaker }),
        retry: { ...retry, isRetryable: () => true, onRetry },
        timeoutMs,
        signal: this.#stopped.signal,
      });
      logger.info(facts, "alert_sent");
    } catch (error) {
      // The error's own words may name the address, which may hold a password.
      const reason = error instanceof Error ? error.name : "unknown";
      logger.warn({ ...facts, reason }, "alert_failed");
    }
  }
}
