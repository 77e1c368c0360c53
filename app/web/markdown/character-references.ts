// Character references of markdown (CommonMark 6.2), without a parser of HTML: under Trusted Types a parser is a report
// to the page's owner. Promises: numbers stand for their code point; of the names those that replies are written with;
// what is neither stays as it was written. Not for code.

const REFERENCE = /&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(\w+));/g;
/** Each a name and, as its last character, what it stands for; those that nobody could see are escapes. */
const NAMES =
  "amp& lt< gt> quot\" apos' nbsp\u00a0 shy\u00ad ensp\u2002 emsp\u2003 thinsp\u2009 zwnj\u200c zwj\u200d " +
  "copy© reg® trade™ hellip… mdash— ndash– lsquo‘ rsquo’ ldquo“ rdquo” laquo« raquo» bull• middot· sect§ para¶ " +
  "euro€ pound£ yen¥ cent¢ deg° times× divide÷ plusmn± minus− le≤ ge≥ ne≠ asymp≈ infin∞ sum∑ prod∏ radic√ " +
  "larr← uarr↑ rarr→ darr↓ harr↔ rArr⇒ alphaα betaβ gammaγ deltaδ epsilonε lambdaλ muμ piπ sigmaσ omegaω " +
  "DeltaΔ SigmaΣ OmegaΩ";
const CHARACTERS: ReadonlyMap<string, string> = new Map(
  NAMES.split(" ").map((entry) => [entry.slice(0, -1), entry.slice(-1)]),
);

export function decodeReferences(text: string): string {
  return text.replace(REFERENCE, (written, decimal?: string, hex?: string, name = "") =>
    name === ""
      ? toCharacter(parseInt(decimal ?? `${hex}`, decimal ? 10 : 16))
      : (CHARACTERS.get(name) ?? written),
  );
}

function toCharacter(code: number): string {
  const isCharacter = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : "\ufffd";
}
