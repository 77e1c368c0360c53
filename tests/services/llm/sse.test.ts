// The parser of server-sent events: the standard's rules, packets cut anywhere, and a bound.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { EventTooLongError, SseParser } from "#app/services/llm/sse.ts";

function parse(packets: readonly (Buffer | string)[], maxChars?: number): string[] {
  const events: string[] = [];
  const parser = new SseParser((data) => events.push(data), maxChars);
  for (const packet of packets) parser.push(Buffer.from(packet));
  parser.end();
  return events;
}

/** The same bytes, cut at the given places. */
function cut(text: string, places: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text);
  const at = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted(
    (a, b) => a - b,
  );
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

describe("the parser of server-sent events", () => {
  for (const [what, text, expected] of [
    ["one event", "data: a\n\n", ["a"]],
    ["events without a blank after the colon", "data:a\n\ndata:  b\n\n", ["a", " b"]],
    ["data over several lines", "data: a\ndata:b\ndata\n\n", ["a\nb\n"]],
    ["an empty event", "data\n\ndata:\n\n", ["", ""]],
    ["nothing in comments, other fields and blank lines", ": hi\n\nevent: x\nid: 1\n\nretry: 3\n\n\n", []],
    ["a name that only begins like data", "database: x\n\ndata2: y\n\n", []],
    ["every line end", "data: a\r\n\r\ndata: b\r\rdata: c\n\n", ["a", "b", "c"]],
    ["a colon in the data", 'data: {"a": 1}\n\n', ['{"a": 1}']],
    ["a byte-order mark at the start, and only there", "\uFEFFdata: \uFEFFa\n\n", ["\uFEFFa"]],
    ["a last event without its blank line", "data: a\n\ndata: b", ["a", "b"]],
  ] as const) {
    it(`reads ${what}`, () => assert.deepEqual(parse([text]), expected));
  }

  it("reads the same however the packets are cut, in characters and line ends, too", () => {
    const lines = fc.array(fc.constantFrom("data: é😀", "data:x", "data", ": c", "", "event: y"), {
      maxLength: 12,
    });
    const ends = fc.constantFrom("\n", "\r\n", "\r");
    fc.assert(
      fc.property(lines, ends, fc.array(fc.nat(), { maxLength: 8 }), (given, end, places) => {
        const text = given.map((line) => line + end).join("");
        assert.deepEqual(parse(cut(text, places)), parse([text]));
      }),
    );
  });

  it("refuses an event that grows beyond its bound, in one line or in many", () => {
    assert.throws(() => parse([`data: ${"x".repeat(2_000)}`], 1_000), EventTooLongError);
    assert.throws(
      () =>
        parse(
          Array.from({ length: 200 }, () => "data: 0123456789\n"),
          1_000,
        ),
      EventTooLongError,
    );
    assert.deepEqual(parse([`data: ${"x".repeat(900)}\n\n`], 1_000), ["x".repeat(900)]);
  });

  it("says nothing after it was stopped, not even of the same packet", () => {
    const events: string[] = [];
    const parser = new SseParser((data) => {
      events.push(data);
      parser.stop();
    });
    parser.push(Buffer.from("data: a\n\ndata: b\n\n"));
    parser.push(Buffer.from("data: c\n\n"));
    parser.end();
    assert.deepEqual(events, ["a"]);
  });
});
