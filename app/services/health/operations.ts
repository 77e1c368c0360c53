// Everything that looks after the running product, as one: the watch, what it may do, and what operators may see.

import type { DiagnosticCheck } from "#app/core/diagnosis.ts";
import { LoadShedding } from "#app/core/load-shedding.ts";
import type { MinuteFigures } from "#app/core/minute-history.ts";
import { StallWatch } from "#app/core/stall-watch.ts";
import { readDetails } from "./details.ts";
import { createDiagnostics } from "./diagnostics.ts";
import type { HealthSources } from "./sources.ts";
import { createWatch, type WatchOptions } from "./watch.ts";

export interface Operations {
  /** Asked before newcomers are let in. */
  readonly shedding: LoadShedding;
  readonly diagnostics: readonly DiagnosticCheck[];
  /** Whether something has been bad three times in a row. */
  readonly isDegraded: () => boolean;
  readonly details: () => Promise<object>;
  readonly minutes: () => readonly MinuteFigures[];
  /** Begins to watch. */
  readonly start: () => void;
  /** Ends the watch, and alerts that are under way. */
  readonly close: () => Promise<void>;
}

export type OperationsOptions = Omit<WatchOptions, "shedding" | "stalls">;

export function createOperations(sources: HealthSources, options: OperationsOptions): Operations {
  const { activity } = options;
  const shedding = new LoadShedding();
  activity.readConnectionsFrom(() => sources.connections().open);
  // One for each reader: whoever takes the longest stall resets it.
  const [watched, shown] = [new StallWatch(), new StallWatch()];
  const watch = createWatch(sources, { ...options, shedding, stalls: watched });
  const { selfWatch } = watch;
  return {
    shedding,
    diagnostics: createDiagnostics(sources),
    isDegraded: () => selfWatch.degraded.length > 0,
    details: () => readDetails({ ...sources, activity, shedding, stalls: shown, watch: selfWatch }),
    minutes: () => activity.history.list(),
    start() {
      watched.start();
      shown.start();
      selfWatch.start();
    },
    async close() {
      watched.stop();
      shown.stop();
      await watch.close();
    },
  };
}
