// The one door of pino. Promises: one JSON line an event, named; secrets, message text and prompts are never logged.
// Does not decide what is worth a line: the callers name their events (architecture, "Log events").

import { type DestinationStream, type Logger as PinoLogger, pino } from "pino";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** What the rest of the product may do with a log: an event name, and fields beside it. */
export interface Logger {
  debug(fields: object, event: string): void;
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  error(fields: object, event: string): void;
  /** A logger that adds these fields (`requestId`, `connectionId`, `conversationId`, `runId`) to every line. */
  child(fields: object): Logger;
}

export interface LoggingOptions {
  readonly level: LogLevel;
  /** Coloured lines for people instead of JSON. */
  readonly pretty: boolean;
  /** Where lines go; standard output by default. */
  readonly destination?: DestinationStream;
}

/** Fields that must never reach a log, however deep in a line they stand. */
const REDACTED = [
  "text",
  "content",
  "prompt",
  "token",
  "resumeToken",
  "accessToken",
  "apiKey",
  "authorization",
  "cookie",
  "password",
];
const REDACTED_NAMES: ReadonlySet<string> = new Set(REDACTED);
const CENSOR = "[redacted]";
/** What lies deeper is left out: it also ends a circle. */
const MAX_DEPTH = 6;

/** Makes the process's logger. pino-pretty is loaded by pino, in a worker, only when `pretty` is set. */
export function createLogger(options: LoggingOptions): Logger {
  const settings = {
    level: options.level,
    base: null,
    messageKey: "event",
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: withoutSecrets },
    // Errors are done by then; pino's own serializer would describe the description.
    serializers: { err: (particulars: unknown) => particulars },
    // Only for the fields of child(), which no formatter sees. With wildcards here a line costs 34 µs instead of 3.
    redact: { paths: REDACTED, censor: CENSOR },
  };
  const logger: PinoLogger = options.pretty
    ? pino({
        ...settings,
        formatters: { log: withoutSecrets },
        transport: { target: "pino-pretty", options: { messageKey: "event", colorize: true } },
      })
    : options.destination
      ? pino(settings, options.destination)
      : pino(settings);
  return logger;
}

/** A copy without the secrets. An error becomes its particulars; what knows its own JSON (a Date) stays as it is. */
function withoutSecrets(fields: object, depth = 0): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    copy[name] = REDACTED_NAMES.has(name) ? CENSOR : withoutNestedSecrets(value, depth + 1);
  }
  return copy;
}

function withoutNestedSecrets(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH) return "[too deep]";
  // Type, message, stack (the causes' too) and the error's own fields, such as `code`.
  if (value instanceof Error) return withoutSecrets(pino.stdSerializers.err(value), depth);
  if ("toJSON" in value) return value;
  if (Array.isArray(value)) return value.map((entry) => withoutNestedSecrets(entry, depth + 1));
  return withoutSecrets(value, depth);
}
