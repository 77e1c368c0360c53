// What the load client understands of both servers.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ParleyDialect, RawDialect } from "./dialects.ts";

const content = (seq: number) => JSON.stringify({ type: "TEXT_MESSAGE_CONTENT", delta: "a", seq });

describe("Parley's protocol", () => {
  test("text, the end and the join are told apart from everything else", () => {
    const dialect = new ParleyDialect();
    const heard = [
      { type: "CUSTOM", name: "hello", value: {} },
      { type: "CUSTOM", name: "joined", value: {} },
      { type: "RUN_STARTED", seq: 1 },
      { type: "TEXT_MESSAGE_CONTENT", delta: "a", seq: 2 },
      { type: "RUN_FINISHED", outcome: { type: "success" }, seq: 3 },
    ].map((frame) => dialect.hear(JSON.stringify(frame)).type);
    assert.deepEqual(heard, ["nothing", "joined", "nothing", "text", "end"]);
  });

  test("a gap and a repeat in the numbers are failures", () => {
    const gap = new ParleyDialect();
    gap.hear(content(1));
    assert.deepEqual(gap.hear(content(3)), { type: "failure", reason: "event 3 after 1" });
    const repeat = new ParleyDialect();
    repeat.hear(content(1));
    assert.equal(repeat.hear(content(1)).type, "failure");
  });

  test("a failed run, a cancelled one and a refused frame are failures with their code", () => {
    for (const [frame, reason] of [
      [{ type: "RUN_ERROR", code: "llm_timeout", seq: 1 }, "llm_timeout"],
      [{ type: "RUN_FINISHED", outcome: { type: "cancelled" }, seq: 1 }, "cancelled"],
      [{ type: "CUSTOM", name: "error", value: { code: "rate_limited" } }, "rate_limited"],
    ] as const)
      assert.deepEqual(new ParleyDialect().hear(JSON.stringify(frame)), { type: "failure", reason });
  });

  test("every 32 events an acknowledgement is due, once", () => {
    const dialect = new ParleyDialect();
    for (let seq = 1; seq <= 31; seq += 1) dialect.hear(content(seq));
    assert.equal(dialect.owed(), undefined);
    dialect.hear(content(32));
    assert.equal(dialect.owed(), '{"type":"ack","seq":32}');
    assert.equal(dialect.owed(), undefined);
  });
});

describe("RAW's protocol", () => {
  test("has deltas, an end and failures", () => {
    const dialect = new RawDialect();
    assert.deepEqual(dialect.hear('{"delta":"a"}'), { type: "text", text: "a" });
    assert.deepEqual(dialect.hear('{"done":true}'), { type: "end" });
    assert.deepEqual(dialect.hear('{"failed":"refused"}'), { type: "failure", reason: "refused" });
  });
});
