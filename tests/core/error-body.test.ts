// What of an error leaves the house over HTTP, and what stays.

import assert from "node:assert/strict";
import { test } from "node:test";
import { toErrorBody, toRetryAfterSeconds } from "#app/core/error-body.ts";
import { AppError } from "#app/core/errors.ts";

test("an error's public fields and the request's id make the body", () => {
  const error = new AppError("rate_limited", { retryAfterMs: 1_500, details: { limit: 3 } });
  assert.deepEqual(toErrorBody(error, "r-1"), {
    error: {
      code: "rate_limited",
      message: error.message,
      category: "rate_limit",
      retryable: true,
      retryAfterMs: 1_500,
      requestId: "r-1",
      details: { limit: 3 },
    },
  });
});

test("fields that are not known are left out", () => {
  const { error } = toErrorBody(new AppError("persona_not_found"), "r-2");
  assert.deepEqual(Object.keys(error), ["code", "message", "category", "retryable", "requestId"]);
});

test("the cause and the stack stay in the house", () => {
  const cause = new Error("password=hunter2");
  const text = JSON.stringify(toErrorBody(new AppError("internal_error", { cause }), "r-3"));
  assert.doesNotMatch(text, /hunter2|error-body\.test|stack|cause/);
});

test("Retry-After is in whole seconds, rounded up, and never 0", () => {
  const seconds = (retryAfterMs: number) => toRetryAfterSeconds(new AppError("draining", { retryAfterMs }));
  assert.deepEqual([seconds(0), seconds(1), seconds(1_000), seconds(1_001)], [1, 1, 1, 2]);
});

test("429 and 503 always carry Retry-After, other statuses only when the error knows a time", () => {
  assert.equal(toRetryAfterSeconds(new AppError("rate_limited")), 1);
  assert.equal(toRetryAfterSeconds(new AppError("overloaded")), 1);
  assert.equal(toRetryAfterSeconds(new AppError("persona_not_found")), undefined);
});
