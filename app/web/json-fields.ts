// What came from outside as JSON, before anybody trusts it: an object's fields, each of them unknown. Never throws.

export type Fields = Readonly<Record<string, unknown>>;

/** Undefined where the text is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A page of something in between, or nothing at all: no answer of ours.
    return undefined;
  }
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** None where the value is no object. */
export function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}

/** Undefined where it is no text. */
export function toText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Whether it is an object in which all of these are texts. */
export function hasStrings(value: unknown, ...names: readonly string[]): value is Fields {
  return isObject(value) && names.every((name) => typeof value[name] === "string");
}
