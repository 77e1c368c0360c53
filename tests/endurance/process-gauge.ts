// Looks at a server process while it works: memory after a collection, open handles and files, event-loop lag.
// Promises: a slope is per minute and over the second half only, when caches have filled. Linux only, as /proc is.

import { readdir } from "node:fs/promises";
import { z } from "zod";
import type { Instance } from "../faults/instance.ts";
import { parseMetrics } from "../support/metrics-text.ts";
import { until } from "../support/until.ts";

export interface Measurement {
  readonly atMs: number;
  readonly rssMb: number;
  readonly heapMb: number;
  /** Timers and sockets that keep it alive. */
  readonly handles: number;
  readonly files: number;
}

const MB = 1024 * 1024;
const measuredSchema = z.object({ rss: z.number(), heapUsed: z.number(), handles: z.int() });

export class ProcessGauge {
  readonly measurements: Measurement[] = [];
  /** What each scrape told of the time since the one before, in milliseconds. */
  readonly #lags: number[] = [];
  readonly #instance: Instance;
  readonly #pid: number;

  constructor(instance: Instance) {
    this.#instance = instance;
    this.#pid = z.object({ pid: z.int() }).parse(instance.logged("application_starting")[0]).pid;
  }

  async measure(): Promise<Measurement> {
    const taken = (): number => this.#instance.logged("soak_measured").length;
    const before = taken();
    process.kill(this.#pid, "SIGUSR2");
    await until("a measurement", () => taken() > before, 20_000);
    const { rss, heapUsed, handles } = measuredSchema.parse(this.#instance.logged("soak_measured").at(-1));
    const files = (await readdir(`/proc/${this.#pid}/fd`)).length;
    const found = { atMs: performance.now(), rssMb: rss / MB, heapMb: heapUsed / MB, handles, files };
    this.measurements.push(found);
    return found;
  }

  async scrape() {
    const url = new URL("/metrics", this.#instance.socketUrl.replace("ws", "http"));
    const metrics = parseMetrics(await (await fetch(url)).text());
    this.#lags.push(1000 * metrics.value("parley_event_loop_lag_seconds"));
    return metrics;
  }

  /** @param share 0.5 is the median, 1 the worst */
  lagMs(share: number): number {
    const sorted = this.#lags.toSorted((one, other) => one - other);
    return sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  }

  /** Megabytes a minute: the line of least squares through the second half. */
  slope(of: "rssMb" | "heapMb"): number {
    const points = this.measurements.slice(Math.floor(this.measurements.length / 2));
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    const minutes = points.map(({ atMs }) => atMs / 60_000);
    const [x, y] = [mean(minutes), mean(points.map((point) => point[of]))];
    const dx = minutes.map((minute) => minute - x);
    const spread = dx.reduce((sum, each) => sum + each * each, 0);
    const covered = dx.reduce((sum, each, index) => sum + each * ((points[index]?.[of] ?? y) - y), 0);
    return spread === 0 ? 0 : covered / spread;
  }
}
