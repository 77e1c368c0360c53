// The makers of the environment's fields: text as it stands in the environment, to a value with a rule.
// Promises: an error says what is allowed and never repeats the value, because it may be a secret.

import { z } from "zod";

/** A whole number of a unit; digits only, so that `1e3`, `0x10` and `-0` are typing errors. */
export function integer(unit: string, min: number, max: number) {
  const error = `must be a whole number${unit && " of "}${unit} from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,12}$/, { error })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error });
}

/** Seconds with at most three decimals. */
export function seconds(min: number, max: number) {
  const error = `must be a number of seconds from ${min} to ${max}, such as 1.5`;
  return z
    .string()
    .regex(/^\d{1,9}(?:\.\d{1,3})?$/, { error })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error });
}

export function choice<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, { error: `must be one of ${values.join(", ")}` });
}

export function flag() {
  return z.stringbool({ error: "must be true or false" });
}

/** Entries of a comma list; empty entries are dropped, so a comma at the end does no harm. */
export function entriesOf(list: string): string[] {
  return list
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}
