// Random tokens and their hashes. A token is stored only as its hash and compared in constant time.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** 128 random bits in base64url, 22 characters. */
export function createToken(): string {
  return randomBytes(16).toString("base64url");
}

/** SHA-256 in hex. Enough for a token of 128 random bits; a password would need a slow hash. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** Whether `token` is the one that `hash` was made of. Takes the same time whatever differs. */
export function tokenMatches(token: string, hash: string): boolean {
  const expected = Buffer.from(hash, "hex");
  const actual = createHash("sha256").update(token).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
