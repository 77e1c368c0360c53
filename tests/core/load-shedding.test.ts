// Refusing newcomers, for as long as there is a reason.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "#app/core/errors.ts";
import { LoadShedding } from "#app/core/load-shedding.ts";

test("newcomers are refused until the last reason is gone, and told when to come back, not all at once", () => {
  const shedding = new LoadShedding();
  shedding.assertRoom();
  shedding.begin("memory");
  shedding.begin("memory");
  shedding.begin("event_loop_lag");
  shedding.end("memory");
  assert.deepEqual(shedding.reasons, ["event_loop_lag"]);
  const waits = new Set<number>();
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      shedding.assertRoom();
      assert.fail("there was room");
    } catch (error) {
      assert.ok(error instanceof AppError && error.code === "overloaded");
      assert.ok(
        error.retryAfterMs !== undefined && error.retryAfterMs >= 10_000 && error.retryAfterMs <= 20_000,
      );
      waits.add(error.retryAfterMs);
    }
  }
  assert.ok(waits.size > 1);
  shedding.end("event_loop_lag");
  shedding.end("never begun");
  shedding.assertRoom();
});
