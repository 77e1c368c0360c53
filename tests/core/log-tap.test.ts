// The logger that lets somebody read along.

import assert from "node:assert/strict";
import { test } from "node:test";
import { tapLogger } from "#app/core/log-tap.ts";
import { createRecordingLogger } from "../support/recording-logger.ts";

test("several listeners are called in their order", () => {
  const heard: string[] = [];
  const logger = tapLogger(
    createRecordingLogger(),
    (event) => void heard.push(`first ${event}`),
    (event) => void heard.push(`second ${event}`),
  );
  logger.info({}, "a");
  assert.deepEqual(heard, ["first a", "second a"]);
});

test("the log gets every line as it was, and the listener sees it with the fields of its children", () => {
  const log = createRecordingLogger();
  const heard: unknown[] = [];
  const logger = tapLogger(log, (event, fields) => void heard.push([event, fields]));
  logger.info({ a: 1 }, "first");
  const child = logger.child({ runId: "r" }).child({ b: 2 });
  child.debug({ c: 3 }, "second");
  child.warn({ b: 4 }, "third");
  logger.error({}, "fourth");
  const expected = [
    ["first", { a: 1 }],
    ["second", { runId: "r", b: 2, c: 3 }],
    ["third", { runId: "r", b: 4 }],
    ["fourth", {}],
  ];
  assert.deepEqual(heard, expected);
  assert.deepEqual(
    log.lines.map(({ level, event, fields }) => [level, event, fields]),
    expected.map(([event, fields], index) => [["info", "debug", "warn", "error"][index], event, fields]),
  );
});
