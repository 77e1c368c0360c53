// Values that can be handed out without fear: frozen through and through, without a prototype to pollute, and hashed.

import { createHash } from "node:crypto";

/** An object without a prototype, so that `constructor` or `__proto__` is a key like any other. */
export function toBareRecord<Value>(entries: Iterable<readonly [string, Value]>): Record<string, Value> {
  const record: Record<string, Value> = Object.create(null);
  for (const [key, value] of entries) record[key] = value;
  return record;
}

/** Freezes a tree of plain objects and arrays, and returns it. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

/** First 12 hex digits of the SHA-256 of a value's JSON with sorted keys: the same for the same content. */
export function revisionOf(value: unknown): string {
  const json = JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    const sorted = Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1));
    return toBareRecord(sorted);
  });
  return createHash("sha256").update(json).digest("hex").slice(0, 12);
}
