// The close codes: the protocol's, each with the advice that its range gives.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CLOSE_CODES } from "#app/core/close-codes.ts";

const rows = Object.values(CLOSE_CODES);

test("exactly the codes of the protocol are there, each once", () => {
  const codes = rows.map(({ code }) => code).sort((a, b) => a - b);
  assert.deepEqual(
    codes,
    [
      1001, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 4001, 4003, 4006, 4500, 4501, 4503, 4504, 4505, 4506,
      4508,
    ],
  );
});

test("the range of a private code says whether to come back", () => {
  for (const { code, comeBack } of rows) {
    if (code >= 4000 && code < 4500) assert.equal(comeBack, true, String(code));
    if (code >= 4500) assert.notEqual(comeBack, true, String(code));
  }
});

test("only an idle time-out leaves coming back to the visitor", () => {
  const later = rows.filter(({ comeBack }) => comeBack === "later").map(({ code }) => code);
  assert.deepEqual(later, [4505]);
});

test("every reason fits into a close frame", () => {
  for (const { reason } of rows) {
    assert.ok(reason.length > 0);
    assert.ok(Buffer.byteLength(reason) <= 123, reason);
  }
});
