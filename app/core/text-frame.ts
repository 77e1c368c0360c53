// Encodes one unmasked, uncompressed WebSocket text frame as a single buffer (RFC 6455, 5.2). Pure.
// Why not ws: it writes header and payload apart and corks them together. One write instead took 5.3 to 6.0 microseconds
// of processor time a frame against 6.3 to 7.4 (50 sockets, 120 bytes, two shared cores).

const FINAL_TEXT = 0x81;

/** One whole text message. A lone surrogate becomes U+FFFD, as in every UTF-8 encoder of the platform. */
export function encodeTextFrame(text: string): Buffer {
  const byteLength = Buffer.byteLength(text);
  const headerLength = byteLength < 126 ? 2 : byteLength < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerLength + byteLength);
  frame[0] = FINAL_TEXT;
  if (headerLength === 2) {
    frame[1] = byteLength;
  } else if (headerLength === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(byteLength, 2);
  } else {
    frame[1] = 127;
    // A string cannot be longer than 2^32 bytes here, so the upper half of the 64-bit length stays 0.
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(byteLength, 6);
  }
  frame.write(text, headerLength);
  return frame;
}
