// What alerts say, held against the README's table for the night.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ALERT_TEXTS, alertTextOf } from "#app/core/alert-texts.ts";
import { tableBelow } from "../support/documentation.ts";

test("the README's table of alerts is what alerts say, word for word", () => {
  const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
  const expected = Object.entries(ALERT_TEXTS).map(([name, { visitors, command }]) => [
    name,
    visitors,
    command,
  ]);
  assert.deepEqual(tableBelow(readme, "When it breaks at night"), expected);
});

test("a check that the table does not know has the general advice", () => {
  assert.match(alertTextOf("toString").command, /health\/detailed$/);
  assert.match(alertTextOf("another").visitors, /Not known/);
});
