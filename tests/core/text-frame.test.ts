// One WebSocket text frame as bytes, held against RFC 6455.

import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeTextFrame } from "#app/core/text-frame.ts";

/** Takes a frame apart by RFC 6455, 5.2, independently of the encoder. */
function decode(frame: Buffer): { first: number; masked: boolean; headerLength: number; text: string } {
  const short = frame.readUInt8(1) & 0x7f;
  const headerLength = short === 127 ? 10 : short === 126 ? 4 : 2;
  const length =
    short === 127 ? Number(frame.readBigUInt64BE(2)) : short === 126 ? frame.readUInt16BE(2) : short;
  assert.equal(frame.length, headerLength + length);
  return {
    first: frame.readUInt8(0),
    masked: frame.readUInt8(1) >= 0x80,
    headerLength,
    text: frame.subarray(headerLength).toString(),
  };
}

test("the length field is the shortest that holds the length", () => {
  const cases = [
    [0, 2],
    [1, 2],
    [125, 2],
    [126, 4],
    [65_535, 4],
    [65_536, 10],
    [1_000_000, 10],
  ] as const;
  for (const [length, headerLength] of cases) {
    const text = "x".repeat(length);
    assert.deepEqual(decode(encodeTextFrame(text)), { first: 0x81, masked: false, headerLength, text });
  }
});

test("the length counts bytes, not characters", () => {
  for (const text of ["é".repeat(63), "語".repeat(42), "🙂".repeat(32), "🙂".repeat(16_384)]) {
    assert.equal(decode(encodeTextFrame(text)).text, text);
  }
});

test("half a surrogate pair becomes a replacement character, never invalid UTF-8", () => {
  assert.equal(decode(encodeTextFrame("a\ud83d")).text, "a\ufffd");
});
