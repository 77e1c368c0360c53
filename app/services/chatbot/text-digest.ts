// What a text is known by where the text itself is not kept.

import { createHash } from "node:crypto";

/** 132 bits of SHA-256, 22 characters of base64url: tells two texts apart, also of one who chooses both. */
export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}
