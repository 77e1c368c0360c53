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

/** Fields that must never reach a log, whatever object they arrive in. */
const REDACTED = ["text", "content", "prompt", "token", "resumeToken", "accessToken", "apiKey", "authorization"];

/** Makes the process's logger. pino-pretty is loaded by pino, in a worker, only when `pretty` is set. */
export function createLogger(options: LoggingOptions): Logger {
  const settings = {
    level: options.level,
    base: null,
    messageKey: "event",
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: "[redacted]" },
  };
  const logger: PinoLogger = options.pretty
    ? pino({
        ...settings,
        formatters: {},
        transport: { target: "pino-pretty", options: { messageKey: "event", colorize: true } },
      })
    : options.destination
      ? pino(settings, options.destination)
      : pino(settings);
  return logger;
}
