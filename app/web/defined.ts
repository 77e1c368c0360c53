// An object without its undefined fields, for types whose optional fields are absent rather than undefined.

/** What may be undefined in `Given` may be absent, and is not undefined. */
type Defined<Given> = {
  [Key in keyof Given as undefined extends Given[Key] ? never : Key]: Given[Key];
} & {
  [Key in keyof Given as undefined extends Given[Key] ? Key : never]?: Exclude<Given[Key], undefined>;
};

export function defined<const Given extends object>(given: Given): Defined<Given> {
  const fields = Object.entries(given).filter(([, value]) => value !== undefined);
  // The undefined ones are filtered out above, which is all that the type says.
  return Object.fromEntries(fields) as Defined<Given>;
}
