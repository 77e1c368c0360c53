// A Logger that keeps its lines, for tests that ask what was logged.

import type { Logger } from "#app/core/logging.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface RecordingLogger extends Logger {
  readonly lines: readonly LogLine[];
  /** The lines of one event. */
  named(event: string): LogLine[];
}

/** Its children write into the same lines. */
export function createRecordingLogger(): RecordingLogger {
  const lines: LogLine[] = [];
  const make = (inherited: object): Logger => {
    const write = (level: LogLine["level"]) => (fields: object, event: string) => {
      lines.push({ level, event, fields: { ...inherited, ...fields } });
    };
    return {
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      child: (fields) => make({ ...inherited, ...fields }),
    };
  };
  return { ...make({}), lines, named: (event) => lines.filter((line) => line.event === event) };
}
