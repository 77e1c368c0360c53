// The ring of the last errors: what belongs in it, what never does.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOurError, RecentErrors } from "#app/core/recent-errors.ts";

describe("the last errors", () => {
  test("are at most fifty, newest first, and of each only code, category, route, time and id", () => {
    const errors = new RecentErrors();
    for (let count = 1; count <= 60; count += 1) errors.add("internal_error", "/api/v1/chat", `r${count}`);
    const list = errors.list();
    assert.equal(list.length, 50);
    assert.deepEqual([list[0]?.requestId, list.at(-1)?.requestId], ["r60", "r11"]);
    const { at, ...rest } = list[0] ?? { at: "" };
    assert.match(at, /^\d{4}-\d\d-\d\dT/);
    assert.deepEqual(rest, {
      code: "internal_error",
      category: "internal",
      route: "/api/v1/chat",
      requestId: "r60",
    });
  });

  test("are those of our side: not a visitor's mistake, not a refusal, not what is no code at all", () => {
    for (const code of ["internal_error", "llm_timeout", "storage_unavailable", "llm_rejected"]) {
      assert.ok(isOurError(code), code);
    }
    const others = ["invalid_json", "rate_limited", "unauthorized", "overloaded", "draining"];
    for (const code of [...others, "toString", "", undefined, 500])
      assert.ok(!isOurError(code), String(code));
  });
});
