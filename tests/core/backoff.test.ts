// The pause before the next attempt, as a function.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backoffMs } from "#app/core/backoff.ts";

const OPTIONS = { waitMinMs: 1_000, waitMaxMs: 10_000 };

test("a pause is twice the one before, up to the longest", () => {
  const pauses = [1, 2, 3, 4, 5, 50].map((attempt) =>
    backoffMs(attempt, 0, { ...OPTIONS, random: () => 0.5 }),
  );
  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

test("a pause is within a quarter of its nominal length, and never shorter than asked for", () => {
  const given = fc.record({
    attempt: fc.integer({ min: 1, max: 10 }),
    askedMs: fc.nat(20_000),
    random: fc.double({ min: 0, max: 0.999_999, noNaN: true }),
  });
  fc.assert(
    fc.property(given, ({ attempt, askedMs, random }) => {
      const pauseMs = backoffMs(attempt, askedMs, { ...OPTIONS, random: () => random });
      const nominalMs = Math.min(1_000 * 2 ** (attempt - 1), 10_000);
      assert.ok(pauseMs >= askedMs && pauseMs >= nominalMs * 0.75, `${pauseMs} ms is too short`);
      assert.ok(pauseMs <= Math.max(nominalMs * 1.25, askedMs + 500), `${pauseMs} ms is too long`);
    }),
  );
});

test("those who were asked for the same pause do not come back together", () => {
  const [soon, late] = [0, 0.9].map((random) => backoffMs(1, 7_000, { ...OPTIONS, random: () => random }));
  assert.deepEqual([soon, late], [7_000, 7_450]);
});
