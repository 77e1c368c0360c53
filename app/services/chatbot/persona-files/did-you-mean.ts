// The listed name nearest to a mistyped one, for the "did you mean" of a message.

/** Longer names are not typing errors of ours; comparing them would only cost time. */
const MAX_LENGTH = 40;

/** ` (did you mean "x"?)` when a candidate is at most a third of its letters away, otherwise an empty string. */
export function didYouMean(typed: string, candidates: readonly string[]): string {
  if (typed.length > MAX_LENGTH) return "";
  let best: { name: string; distance: number } | undefined;
  for (const name of candidates) {
    const distance = editDistance(typed.toLowerCase(), name.toLowerCase());
    const near = distance <= Math.max(1, Math.floor(name.length / 3));
    if (near && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best === undefined ? "" : ` (did you mean "${best.name}"?)`;
}

/** Levenshtein distance over UTF-16 units, with two rows. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const removed = (previous[column] ?? 0) + 1;
      const added = (current[column - 1] ?? 0) + 1;
      current.push(Math.min(replaced, removed, added));
    }
    previous = current;
  }
  return previous[b.length] ?? a.length;
}
