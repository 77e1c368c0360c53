// What has happened lately, heard from the log's own lines: runs, first tokens, errors, minute by minute.
// Promises: bounded memory; nothing of what visitors wrote gets in, because only codes, counts and times are taken.

import { z } from "zod";
import { LatencyWindow } from "#app/core/latency-window.ts";
import { MinuteHistory, type MinuteHistoryOptions } from "#app/core/minute-history.ts";
import { isOurError, RecentErrors } from "#app/core/recent-errors.ts";

/** The part of a `run_finished` line that counts. */
const runSchema = z.object({
  outcome: z.string(),
  firstTokenMs: z.number().nullable(),
  totalMs: z.number(),
  usage: z.object({ inputTokens: z.number(), outputTokens: z.number() }).optional(),
});

/** Lines that tell of an error, and where it was met, if the line itself does not say. */
const ERROR_ROUTES: Readonly<Record<string, string>> = {
  request_failed: "unknown",
  request_refused: "unknown",
  websocket_refused: "websocket",
  frame_failed: "websocket",
  frame_refused: "websocket",
  run_finished: "run",
};

export class Activity {
  readonly errors = new RecentErrors();
  readonly firstToken = new LatencyWindow();
  readonly total = new LatencyWindow();
  readonly history: MinuteHistory;
  #connections = () => 0;

  constructor(options: Omit<MinuteHistoryOptions, "connections">) {
    this.history = new MinuteHistory({ ...options, connections: () => this.#connections() });
  }

  /** Where the number of open connections is read: the log begins before there can be any. */
  readConnectionsFrom(read: () => number): void {
    this.#connections = read;
  }

  /** A line of the log; see tapLogger. */
  readonly hear = (event: string, fields: Readonly<Record<string, unknown>>): void => {
    if (event === "websocket_connected") this.history.noteConnections();
    if (event === "run_finished") this.#hearRun(fields);
    const route = Object.hasOwn(ERROR_ROUTES, event) ? ERROR_ROUTES[event] : undefined;
    if (route !== undefined && isOurError(fields.code)) {
      this.history.addError();
      this.errors.add(
        fields.code,
        textOf(fields.route) ?? route,
        textOf(fields.requestId ?? fields.runId) ?? "",
      );
    }
  };

  #hearRun(fields: Readonly<Record<string, unknown>>): void {
    const { data: run } = runSchema.safeParse(fields);
    if (run === undefined) return;
    const { firstTokenMs, totalMs, usage } = run;
    const tokens = usage ? usage.inputTokens + usage.outputTokens : 0;
    this.history.addRun({ failed: run.outcome === "error", firstTokenMs, tokens });
    if (firstTokenMs !== null) this.firstToken.add(firstTokenMs);
    this.total.add(totalMs);
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
