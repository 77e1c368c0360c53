// The last hours, minute by minute: what happened, and how long visitors waited for the first token.
// Promises: bounded memory, whatever comes: the open minute keeps at most 256 durations, a minute that is over keeps its
// figures only, and the oldest one leaves. A minute in which nothing happened is listed with zeros.

import { LatencyWindow, type Percentiles } from "./latency-window.ts";

export interface MinuteFigures {
  /** The minute's beginning, ISO 8601. */
  readonly minute: string;
  readonly runs: number;
  /** Runs that ended with an error. */
  readonly failedRuns: number;
  /** Errors of our side, those of runs included. */
  readonly errors: number;
  /** Milliseconds. */
  readonly firstToken: Percentiles;
  readonly connectionsPeak: number;
  /** In and out. */
  readonly tokens: number;
}

export interface MinuteHistoryOptions {
  /** Minutes that are kept, the open one included. */
  readonly retentionMinutes: number;
  /** Open connections at this moment. */
  readonly connections: () => number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

const MINUTE_MS = 60_000;
const DURATIONS_A_MINUTE = 256;

interface OpenMinute {
  readonly index: number;
  readonly firstToken: LatencyWindow;
  runs: number;
  failedRuns: number;
  errors: number;
  connectionsPeak: number;
  tokens: number;
}

export class MinuteHistory {
  readonly #options: MinuteHistoryOptions;
  readonly #now: () => number;
  readonly #closed: MinuteFigures[] = [];
  #open: OpenMinute;

  constructor(options: MinuteHistoryOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#open = emptyMinute(Math.floor(this.#now() / MINUTE_MS), 0);
  }

  addRun(run: { failed: boolean; firstTokenMs: number | null; tokens: number }): void {
    const minute = this.#minute();
    minute.runs += 1;
    if (run.failed) minute.failedRuns += 1;
    if (run.firstTokenMs !== null) minute.firstToken.add(run.firstTokenMs);
    minute.tokens += run.tokens;
  }

  addError(): void {
    this.#minute().errors += 1;
  }

  /** To be called when a connection has opened: the peak is seen then. */
  noteConnections(): void {
    const minute = this.#minute();
    minute.connectionsPeak = Math.max(minute.connectionsPeak, this.#options.connections());
  }

  /** Oldest first; the last one is the open minute. */
  list(): readonly MinuteFigures[] {
    this.noteConnections();
    return [...this.#closed, toFigures(this.#open)];
  }

  /** Of the last so many minutes, the open one included. */
  sum(minutes: number): { readonly runs: number; readonly failedRuns: number } {
    const recent = this.list().slice(-minutes);
    return {
      runs: recent.reduce((sum, { runs }) => sum + runs, 0),
      failedRuns: recent.reduce((sum, { failedRuns }) => sum + failedRuns, 0),
    };
  }

  /** The minute that is now; those before it are closed. A clock that is set back goes on in the open one. */
  #minute(): OpenMinute {
    const index = Math.floor(this.#now() / MINUTE_MS);
    if (index <= this.#open.index) return this.#open;
    const { retentionMinutes, connections } = this.#options;
    // After a long silence only the minutes that will be kept are made.
    const first = Math.max(this.#open.index + 1, index - retentionMinutes);
    this.#closed.push(toFigures(this.#open));
    for (let quiet = first; quiet < index; quiet += 1) {
      this.#closed.push(toFigures(emptyMinute(quiet, connections())));
    }
    this.#closed.splice(0, this.#closed.length - (retentionMinutes - 1));
    this.#open = emptyMinute(index, connections());
    return this.#open;
  }
}

function emptyMinute(index: number, connectionsPeak: number): OpenMinute {
  const firstToken = new LatencyWindow(DURATIONS_A_MINUTE);
  return { index, firstToken, runs: 0, failedRuns: 0, errors: 0, connectionsPeak, tokens: 0 };
}

function toFigures({ index, firstToken, ...counts }: OpenMinute): MinuteFigures {
  const minute = new Date(index * MINUTE_MS).toISOString();
  return { minute, ...counts, firstToken: firstToken.percentiles() };
}
