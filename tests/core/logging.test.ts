// The log as an operator reads it: one JSON line an event, and never a secret or what a visitor said.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { createLogger, type Logger, type LogLevel } from "#app/core/logging.ts";

/** A logger and the lines it has written so far. */
function recordingLogger(level: LogLevel = "debug"): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return { logger: createLogger({ level, pretty: false, destination }), lines };
}

/** The one line that `write` logs, parsed. */
function loggedBy(write: (logger: Logger) => void): Record<string, unknown> {
  const { logger, lines } = recordingLogger();
  write(logger);
  assert.equal(lines.length, 1);
  return JSON.parse(lines[0] ?? "");
}

test("a line is one JSON object with level, time and event, and ends in a newline", () => {
  const { logger, lines } = recordingLogger();
  logger.info({ port: 8000, note: "two\nlines" }, "application_starting");
  assert.equal(lines.length, 1);
  const [line = ""] = lines;
  assert.equal(line.indexOf("\n"), line.length - 1);
  const { time, ...rest } = JSON.parse(line);
  assert.deepEqual(rest, { level: "info", port: 8000, note: "two\nlines", event: "application_starting" });
  assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000, "time is now, in ISO 8601");
});

test("levels below the configured one are not written", () => {
  const { logger, lines } = recordingLogger("warn");
  logger.debug({}, "a");
  logger.info({}, "b");
  logger.warn({}, "c");
  logger.error({}, "d");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).level),
    ["warn", "error"],
  );
});

test("silent writes nothing", () => {
  const { logger, lines } = recordingLogger("silent");
  logger.error({ err: new Error("unheard") }, "lost");
  assert.deepEqual(lines, []);
});

test("a child adds its fields to every line, a child's child adds to those, and the parent stays as it was", () => {
  const { logger, lines } = recordingLogger();
  const connection = logger.child({ connectionId: "c1" });
  const run = connection.child({ runId: "r1" });
  run.info({ tokens: 3 }, "run_finished");
  connection.info({}, "websocket_disconnected");
  logger.info({}, "draining");
  const ids = lines
    .map((line) => JSON.parse(line))
    .map(({ connectionId, runId }) => ({ connectionId, runId }));
  assert.deepEqual(ids, [
    { connectionId: "c1", runId: "r1" },
    { connectionId: "c1", runId: undefined },
    { connectionId: undefined, runId: undefined },
  ]);
});

const SECRET_FIELDS = [
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

for (const name of SECRET_FIELDS) {
  test(`the field ${name} is redacted wherever it stands`, () => {
    const secret = "must not be seen";
    const holder = { [name]: secret };
    const line = loggedBy((logger) =>
      logger
        .child(holder)
        .info({ ...holder, frame: holder, request: { messages: [{ parts: [holder] }] } }, "x"),
    );
    assert.ok(!JSON.stringify(line).includes(secret), JSON.stringify(line));
    assert.deepEqual(line.frame, { [name]: "[redacted]" });
  });
}

test("redaction leaves the caller's object as it was", () => {
  const frame = { type: "message", text: "hello", parts: [{ text: "hello" }] };
  loggedBy((logger) => logger.info({ frame }, "x"));
  assert.deepEqual(frame, { type: "message", text: "hello", parts: [{ text: "hello" }] });
});

test("counts and ids whose names resemble secrets are kept", () => {
  const line = loggedBy((logger) => logger.info({ tokens: 7, textLength: 5, contentType: "json" }, "x"));
  assert.equal(line.tokens, 7);
  assert.equal(line.textLength, 5);
  assert.equal(line.contentType, "json");
});

test("an error shows its type, message, code, stack and cause under whatever name, without secret details", () => {
  const error = new AppError("llm_timeout", {
    cause: new Error("socket hang up"),
    details: { frame: { text: "what a visitor said" } },
  });
  for (const name of ["err", "reason"]) {
    const line = loggedBy((logger) => logger.error({ [name]: error }, "llm_call_retry"));
    const shown = line[name];
    assert.ok(typeof shown === "object" && shown !== null);
    assert.partialDeepStrictEqual(shown, { type: "AppError", code: "llm_timeout", status: 503 });
    assert.match(String(Reflect.get(shown, "stack")), /caused by: Error: socket hang up/);
    assert.ok(!JSON.stringify(line).includes("visitor said"));
  }
});

test("a circle, a Date and a null are logged without harm", () => {
  const circle: Record<string, unknown> = { when: new Date(0), nothing: null };
  circle.self = circle;
  const line = loggedBy((logger) => logger.warn({ circle }, "x"));
  assert.match(JSON.stringify(line), /\[too deep\]/);
  assert.partialDeepStrictEqual(line.circle, { when: "1970-01-01T00:00:00.000Z", nothing: null });
});

test("pretty lines are for people: no JSON, the event by its name, still no secret", () => {
  const loggingModule = join(import.meta.dirname, "../../app/core/logging.ts");
  const program = `
    const { createLogger } = await import(${JSON.stringify(loggingModule)});
    createLogger({ level: "info", pretty: true }).info({ port: 8000, frame: { text: "SECRET" } }, "application_starting");`;
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
  });
  assert.equal(status, 0);
  assert.match(stdout, /application_starting/);
  assert.match(stdout, /port/);
  assert.ok(!stdout.includes("SECRET"));
  assert.throws(() => JSON.parse(stdout));
});
