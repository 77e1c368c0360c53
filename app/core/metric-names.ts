// The closed table of what the product counts and measures: name, help, labels, buckets.
// Promises: every label is bounded, so that no visitor can make a time series; a value outside its set is `other`.
// The names here stand without the prefix `parley_` that they have in the text. Does not count anything.

import { CIRCUIT_NAMES } from "./config-circuits.ts";
import { ERROR_TABLE } from "./errors.ts";

/** What a label may hold: one of a list, text of a form that has few members, or any `few` different values. */
export type LabelRule = readonly string[] | RegExp | "few";

export interface MetricRow {
  readonly help: string;
  readonly labels?: Readonly<Record<string, LabelRule>>;
}

interface HistogramRow extends MetricRow {
  /** Upper bounds in seconds. */
  readonly buckets: readonly number[];
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const CATEGORIES = [...new Set(Object.values(ERROR_TABLE).map(({ category }) => category))];
/** As in `TEXT_MESSAGE_END.metadata.source`; `none` for a run that ended before its first word. */
const SOURCES = ["model", "fallback-model", "offline", "scripted", "none"];

export const COUNTERS = {
  connections_total: { help: "WebSocket connections that were accepted." },
  requests_total: {
    help: "HTTP requests that were answered, by route pattern, method and status.",
    labels: { route: "few", method: METHODS, status: /^[1-5]\d\d$/ },
  },
  errors_total: {
    help: "Errors that were answered, by route pattern (`ws` for error frames) and category of the code.",
    labels: { route: "few", category: CATEGORIES },
  },
  runs_total: {
    help: "Replies that ended, by how and by whose words they were.",
    labels: { outcome: ["success", "cancelled", "error"], source: SOURCES },
  },
  tokens_total: {
    help: "Tokens of the calls of models, by direction; estimated where a provider sent no bill.",
    labels: { model: "few", direction: ["input", "output"] },
  },
  cost_total: {
    help: "What the tokens cost, in the unit of the configured prices.",
    labels: { model: "few" },
  },
  retries_total: {
    help: "Calls that were made again, by circuit.",
    labels: { circuit: CIRCUIT_NAMES },
  },
  limits_total: { help: "What was refused by a limit.", labels: { limit: "few" } },
  resumes_total: {
    help: "Clients that came back with a position, by whether they could go on from it.",
    labels: { recovered: ["true", "false"] },
  },
  takeovers_total: { help: "Runs of an instance that died, taken over by this one." },
  health_degraded_total: { help: "Alarms of the self-watch.", labels: { check: "few" } },
  ladder_steps_total: {
    help: "Replies that left the configured model, by whose words came instead and why.",
    labels: { source: SOURCES, reason: "few" },
  },
  budget_refusals_total: { help: "Runs that a budget kept from the model.", labels: { scope: "few" } },
} as const satisfies Readonly<Record<string, MetricRow>>;

export const HISTOGRAMS = {
  run_first_token_seconds: {
    help: "From the start of a run to its first word.",
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 30],
  },
  run_duration_seconds: {
    help: "From the start of a run to its end.",
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 30, 60, 120, 180],
  },
} as const satisfies Readonly<Record<string, HistogramRow>>;

export const GAUGES = {
  connections: { help: "Open connections: WebSockets and event streams." },
  circuit_state: {
    help: "0 closed, 1 half open, 2 open.",
    labels: { circuit: CIRCUIT_NAMES },
  },
  llm_calls: {
    help: "Calls of a model that are under way, and that wait for a place.",
    labels: { circuit: ["llm", "fallback-llm"], state: ["running", "waiting"] },
  },
  redis_latency_seconds: { help: "One round trip to Redis, made for this scrape." },
  storage_mode: {
    help: "1 for where new conversations are kept at this moment.",
    labels: { mode: ["redis", "memory"] },
  },
  event_loop_lag_seconds: { help: "99th percentile of the event loop's delay since the last scrape." },
  running_runs: { help: "Replies that are being written." },
  waiting_runs: { help: "Replies that wait for a place." },
} as const satisfies Readonly<Record<string, MetricRow>>;

export type CounterName = keyof typeof COUNTERS;
export type HistogramName = keyof typeof HISTOGRAMS;
export type GaugeName = keyof typeof GAUGES;
