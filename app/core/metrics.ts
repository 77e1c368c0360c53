// The one door of prom-client: what an app counts, as text for a scraper.
// Promises: an instance has a registry of its own and no global state; counting never throws and never fails what is
// being counted; a label outside its bounds (metric-names.ts) is `other`. Does not answer requests.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import {
  COUNTERS,
  type CounterName,
  GAUGES,
  type GaugeName,
  HISTOGRAMS,
  type HistogramName,
  type LabelRule,
  type MetricRow,
} from "./metric-names.ts";

export type Labels = Readonly<Record<string, string>>;

export interface GaugeSample {
  readonly labels: Labels;
  readonly value: number;
}

/** What a gauge is read from: a number, one for each labels, or undefined where there is nothing to say now. */
export type GaugeReading = number | readonly GaugeSample[] | undefined;

export interface MetricsOptions {
  /** The values that a label of `few` may have, by label: the configured models, say. Without: the first that come. */
  readonly known?: Readonly<Record<string, readonly string[]>>;
}

const PREFIX = "parley_";
/** Different values of one label that has no list. Far more than there are routes or models. */
const MAX_VALUES = 64;
const MAX_VALUE_CHARS = 128;
const OTHER = "other";
/** A label that was not given. */
const NONE = "none";

export class Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #readers = new Map<string, () => GaugeReading | Promise<GaugeReading>>();
  readonly #seen = new Map<string, Set<string>>();
  readonly #known: Readonly<Record<string, readonly string[]>>;
  #hasProcess = false;

  constructor({ known = {} }: MetricsOptions = {}) {
    this.#known = known;
    const registers = [this.#registry];
    for (const [name, row] of Object.entries(COUNTERS)) {
      const config = { name: `${PREFIX}${name}`, help: row.help, labelNames: namesOf(row), registers };
      this.#counters.set(name, new Counter(config));
    }
    for (const [name, row] of Object.entries(HISTOGRAMS)) {
      const config = { name: `${PREFIX}${name}`, help: row.help, labelNames: namesOf(row), registers };
      this.#histograms.set(name, new Histogram({ ...config, buckets: [...row.buckets] }));
    }
    for (const [name, row] of Object.entries(GAUGES)) this.#addGauge(name, row);
  }

  /** Counts one, or `by`. What is no positive number is not counted. */
  count(name: CounterName, labels: Labels = {}, by = 1): void {
    if (by > 0 && Number.isFinite(by))
      this.#counters.get(name)?.inc(this.#bounded(COUNTERS[name], labels), by);
  }

  /** Takes a time in seconds. */
  observe(name: HistogramName, value: number, labels: Labels = {}): void {
    if (Number.isFinite(value))
      this.#histograms.get(name)?.observe(this.#bounded(HISTOGRAMS[name], labels), value);
  }

  /** Says what a gauge is read from, at each scrape. One that fails, or has nothing to say, is left out of that scrape. */
  gauge(name: GaugeName, read: () => GaugeReading | Promise<GaugeReading>): void {
    this.#readers.set(name, read);
  }

  /** Everything in the text format of Prometheus, version 0.0.4; what the process itself takes, too. */
  text(): Promise<string> {
    // Not before somebody asks: they come with observers that live as long as the process.
    if (!this.#hasProcess) collectDefaultMetrics({ register: this.#registry });
    this.#hasProcess = true;
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  #addGauge(name: string, row: MetricRow): void {
    const gauge: Gauge = new Gauge({
      name: `${PREFIX}${name}`,
      help: row.help,
      labelNames: namesOf(row),
      registers: [this.#registry],
      collect: async () => {
        const reading = await this.#read(name);
        gauge.reset();
        // A reset gauge without labels says 0, which would be a statement.
        if (row.labels === undefined) gauge.remove();
        if (typeof reading === "number") gauge.set(reading);
        else for (const { labels, value } of reading ?? []) gauge.set(this.#bounded(row, labels), value);
      },
    });
  }

  async #read(name: string): Promise<GaugeReading> {
    try {
      return await this.#readers.get(name)?.();
    } catch {
      // Absent in the text: whoever watches sees that it could not be read.
      return undefined;
    }
  }

  /** Every label of the row, each with a value within its bounds. */
  #bounded(row: MetricRow, given: Labels): Record<string, string> {
    const labels: Record<string, string> = {};
    for (const [label, rule] of Object.entries(row.labels ?? {}))
      labels[label] = this.#admit(label, rule, given[label]);
    return labels;
  }

  #admit(label: string, rule: LabelRule, value: string | undefined): string {
    if (value === undefined) return NONE;
    const list = rule === "few" ? this.#known[label] : rule;
    if (list instanceof RegExp) return list.test(value) ? value : OTHER;
    if (list !== undefined) return list.includes(value) ? value : OTHER;
    const seen = this.#seen.get(label) ?? new Set();
    this.#seen.set(label, seen);
    if (seen.has(value)) return value;
    if (seen.size >= MAX_VALUES || value.length > MAX_VALUE_CHARS) return OTHER;
    seen.add(value);
    return value;
  }
}

function namesOf(row: MetricRow): string[] {
  return Object.keys(row.labels ?? {});
}
