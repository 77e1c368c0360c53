// Cuts a growing text into what a screen reader may be given: whole sentences, each once.

/**
 * The finished sentences after `from`, and where the next ones begin. A sentence is finished by its mark and a
 * blank after it, by a line's end, or by the end of a text that is complete.
 */
export function takeSentences(
  text: string,
  from: number,
  complete: boolean,
): { readonly spoken: string; readonly next: number } {
  if (complete) return { spoken: text.slice(from).trim(), next: text.length };
  let next = from;
  for (const match of text.slice(from).matchAll(/[.!?…]["'”’»)]*\s+|\n+/g)) {
    next = from + match.index + match[0].length;
  }
  return { spoken: text.slice(from, next).trim(), next };
}
