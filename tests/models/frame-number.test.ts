// The number of an encoded frame: read from its end, where encodeEvent puts it, and from nowhere else.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  ERASED_FRAME,
  encodeConnectionFrame,
  encodeEvent,
  encodeSnapshot,
  seqOf,
} from "#app/models/server-event.ts";

describe("the number of a frame", () => {
  it("is that of the event, whatever the event says", () => {
    for (const delta of ["x", '"seq":7}', ',"seq":7}', "}".repeat(40), "\u2028\n"])
      for (const seq of [1, 42, Number.MAX_SAFE_INTEGER])
        assert.equal(
          seqOf(encodeEvent({ type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta }, seq, 1)),
          seq,
        );
  });

  it("is none of a frame of the connection, of a snapshot, and of the last word", () => {
    const error = { code: "internal_error", retryable: true, requestId: "r" } as const;
    for (const frame of [
      encodeConnectionFrame("replayed", { lastSeq: 7 }),
      encodeConnectionFrame("error", { ...error, message: ',"seq":7}' }),
      encodeConnectionFrame("error", { ...error, message: "x", details: { a: 1, seq: 7 } }),
      encodeSnapshot([], 7),
      ERASED_FRAME,
    ])
      assert.equal(seqOf(frame), undefined, frame);
  });
});
