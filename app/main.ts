// The process: reads the environment, builds, listens, drains on signals. The only file that touches `process`.

import { buildApp } from "#app/app.ts";
import { ConfigError, parseConfig } from "#app/core/config.ts";
import { createLogger } from "#app/core/logging.ts";
import { PersonaLibraryError } from "#app/services/chatbot/persona-library.ts";

/** sysexits.h, EX_CONFIG: what was configured cannot work; starting again would not help. */
const EXIT_CONFIGURATION = 78;
/** The last resort: whatever hangs, the process is gone 30 s after it was asked to. */
const STOP_DEADLINE_MS = 29_000;

async function main(): Promise<void> {
  const config = parseConfig(process.env);
  const logger = createLogger({ level: config.logLevel, pretty: config.debug });
  const { environment } = config;
  logger.info({ node: process.version, environment, pid: process.pid }, "application_starting");
  const app = await buildApp(config, { logger });

  const stop = (exitCode: number): void => {
    // A second signal changes nothing: the first one's stop goes on.
    setTimeout(() => process.exit(exitCode || 1), STOP_DEADLINE_MS).unref();
    app.close().then(
      () => process.exit(exitCode),
      () => process.exit(1),
    );
  };
  process.on("SIGTERM", () => stop(0));
  process.on("SIGINT", () => stop(0));
  process.on("uncaughtException", (error) => {
    logger.error({ err: error }, "uncaught_exception");
    stop(1);
  });

  const { url } = await app.listen();
  logger.info({ url, readyMs: Math.round(performance.now()) }, "application_ready");
}

/** What the terminal says, and the exit code: advice for what the operator can mend, a stack for what is our fault. */
function explain(error: unknown): { text: string; exitCode: number } {
  const isConfiguration = error instanceof ConfigError || error instanceof PersonaLibraryError;
  if (isConfiguration) return { text: error.message, exitCode: EXIT_CONFIGURATION };
  if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
    return {
      text: `${error.message}\nAnother program has this port. Choose one: PORT=8001 npm start`,
      exitCode: 1,
    };
  }
  return { text: error instanceof Error ? (error.stack ?? error.message) : String(error), exitCode: 1 };
}

main().catch((error: unknown) => {
  const { text, exitCode } = explain(error);
  process.stderr.write(`${text}\n`);
  process.exit(exitCode);
});
