// Reads the text format of Prometheus (version 0.0.4) as strictly as a scraper does, for tests.
// Promises: a line of no known form, a sample without a TYPE before it, or one series twice is an error.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Scrape {
  readonly samples: readonly Sample[];
  /** `counter`, `gauge` or `histogram`, by name. */
  readonly types: ReadonlyMap<string, string>;
  /** Every series of that name. */
  of(name: string): Sample[];
  /** The value of the one series with these labels, all of them; 0 where it is not there, as `increase` has it. */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
}

const HEAD = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/;
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
const NUMBERS: Readonly<Record<string, number>> = {
  "+Inf": Number.POSITIVE_INFINITY,
  "-Inf": Number.NEGATIVE_INFINITY,
  Nan: Number.NaN,
  NaN: Number.NaN,
};

export function parseMetrics(text: string): Scrape {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  const known = new Set<string>();
  if (!text.endsWith("\n")) throw new Error("the text does not end in a line feed");
  for (const line of text.split("\n")) {
    const [, kind, named = "", rest = ""] = HEAD.exec(line) ?? [];
    if (kind === "TYPE") types.set(named, rest);
    if (line === "" || kind !== undefined) continue;
    const sample = parseSample(line);
    const family = sample.name.replace(/_(?:bucket|sum|count)$/, "");
    if (!types.has(sample.name) && types.get(family) !== "histogram") throw new Error(`no TYPE: ${line}`);
    const series = seriesOf(sample.name, sample.labels);
    if (known.has(series)) throw new Error(`twice: ${series}`);
    known.add(series);
    samples.push(sample);
  }
  return {
    samples,
    types,
    of: (name) => samples.filter((sample) => sample.name === name),
    value(name, labels = {}) {
      const series = seriesOf(name, labels);
      return samples.find((sample) => seriesOf(sample.name, sample.labels) === series)?.value ?? 0;
    },
  };
}

function parseSample(line: string): Sample {
  const [, name, labels = "", number = ""] = SAMPLE.exec(line) ?? [];
  const value = NUMBERS[number] ?? Number(number);
  if (name === undefined || (Number.isNaN(value) && !(number in NUMBERS)))
    throw new Error(`no sample: ${line}`);
  return { name, labels: parseLabels(labels), value };
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, name, value] = LABEL.exec(text) ?? [];
    if (name === undefined || value === undefined) throw new Error(`no labels: ${text}`);
    labels[name] = value.replace(/\\(["\\n])/g, (_, char: string) => (char === "n" ? "\n" : char));
  }
  return labels;
}

function seriesOf(name: string, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([name, Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
}
