// The table of error codes and the error that carries one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError, ERROR_TABLE, type ErrorCode, toAppError } from "#app/core/errors.ts";

const rows = Object.entries(ERROR_TABLE);

test("an AppError takes status, category, retry advice and wording from the table", () => {
  const error = new AppError("queue_full");
  assert.equal(error.status, 409);
  assert.equal(error.category, "conflict");
  assert.equal(error.retryable, true);
  assert.equal(error.message, ERROR_TABLE.queue_full.message);
  assert.equal(error.retryAfterMs, undefined);
  assert.equal(error.details, undefined);
});

test("an AppError is an Error with its own name and a stack that points at its maker", () => {
  const error = new AppError("internal_error");
  assert.ok(error instanceof Error);
  assert.equal(error.name, "AppError");
  assert.match(error.stack ?? "", /errors\.test\.ts/);
});

test("a caller's wording, wait, details and cause are kept, and the code's row is not changed by them", () => {
  const cause = new Error("ECONNREFUSED");
  const error = new AppError("rate_limited", {
    message: "Slow down.",
    retryAfterMs: 1500,
    details: { limit: 60 },
    cause,
  });
  assert.equal(error.message, "Slow down.");
  assert.equal(error.retryAfterMs, 1500);
  assert.deepEqual(error.details, { limit: 60 });
  assert.equal(error.cause, cause);
  assert.equal(error.status, 429);
  assert.notEqual(ERROR_TABLE.rate_limited.message, "Slow down.");
});

test("without a cause there is no cause property at all", () => {
  assert.equal("cause" in new AppError("draining"), false);
});

test("toAppError hands an AppError through untouched", () => {
  const error = new AppError("forbidden");
  assert.equal(toAppError(error), error);
});

for (const thrown of [
  new TypeError("x is not a function"),
  "text",
  null,
  undefined,
  42,
  { code: "forbidden" },
]) {
  test(`toAppError turns ${thrown instanceof Error ? thrown.name : JSON.stringify(thrown)} into internal_error without showing it`, () => {
    const error = toAppError(thrown);
    assert.equal(error.code, "internal_error");
    assert.equal(error.message, ERROR_TABLE.internal_error.message);
    assert.equal(error.cause, thrown);
  });
}

test("every code is snake_case, has an HTTP error status and a sentence for people", () => {
  for (const [code, { status, message }] of rows) {
    assert.match(code, /^[a-z]+(_[a-z]+)*$/);
    assert.ok(Number.isInteger(status) && status >= 400 && status <= 599, `${code}: ${status}`);
    assert.match(message, /^[A-Z].*\.$/, `${code}: a sentence`);
    assert.doesNotMatch(message, /undefined|stack|node_modules|\s[/\\]/, `${code}: no internals`);
  }
});

test("a category and its statuses agree", () => {
  const statusesOf: Record<string, RegExp> = {
    validation: /^4(00|05|13|15)$/,
    authentication: /^401$/,
    authorization: /^403$/,
    not_found: /^404$/,
    conflict: /^409$/,
    rate_limit: /^429$/,
    external_service: /^50[23]$/,
    storage: /^503$/,
    internal: /^50[03]$/,
  };
  for (const [code, { status, category }] of rows) {
    assert.match(String(status), statusesOf[category] ?? /never/, code);
  }
});

test("what the visitor got wrong is never worth repeating unchanged", () => {
  const visitors = ["validation", "authentication", "authorization", "not_found"];
  const wrong = rows
    .filter(([, row]) => visitors.includes(row.category) && row.retryable)
    .map(([code]) => code);
  assert.deepEqual(wrong, []);
});

test("every code makes an AppError", () => {
  const isCode = (name: string): name is ErrorCode => Object.hasOwn(ERROR_TABLE, name);
  const codes = Object.keys(ERROR_TABLE).filter(isCode);
  assert.equal(codes.length, rows.length);
  for (const code of codes) assert.equal(new AppError(code).code, code);
});
