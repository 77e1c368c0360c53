// The process: reads the environment, builds, listens, drains on signals. The only file that touches `process`.

import { buildApp } from "#app/app.ts";
import { ConfigError, parseConfig } from "#app/core/config.ts";
import { PersonaLibraryError } from "#app/services/chatbot/persona-library.ts";
import { ModelUnavailableError } from "#app/services/llm/factory.ts";

/** sysexits.h, EX_CONFIG: what was configured cannot work; starting again would not help. */
const EXIT_CONFIGURATION = 78;
/** The last resort: whatever hangs, the process is gone 30 s after it was asked to. */
const STOP_DEADLINE_MS = 29_000;

async function main(): Promise<void> {
  const config = parseConfig(process.env);
  const app = await buildApp(config);
  const { logger } = app;
  logger.info(
    { node: process.version, environment: config.environment, pid: process.pid },
    "application_starting",
  );

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

main().catch((error: unknown) => {
  const isConfiguration =
    error instanceof ConfigError ||
    error instanceof PersonaLibraryError ||
    error instanceof ModelUnavailableError;
  const text =
    error instanceof Error
      ? isConfiguration
        ? error.message
        : (error.stack ?? error.message)
      : String(error);
  process.stderr.write(`${text}\n`);
  process.exit(isConfiguration ? EXIT_CONFIGURATION : 1);
});
