// Cutting text into sentences: Intl.Segmenter, with what it gets wrong put right: "Mr. Babbage", "vol. 3", "A. A. L.",
// Turkish ordinals ("2. Fark Makinesi"). Every sentence is a verbatim piece of its paragraph, lines joined by a space.

const ABBREVIATION =
  /(?:^|[\s(“"'])(?:mr|mrs|ms|dr|prof|st|sr|jr|rev|hon|vol|vols|no|nos|nr|p|pp|ch|ed|eds|fig|cf|ca|vs|e\.g|i\.e|op|cit|bkz|yy|çev|sf|doç|hz|mad|örn|vb|vd)\.$/iu;
/** After a capitalised word or another initial: "Charles E. Dodgson", "A. A. L."; "lettered A to G." ends a sentence. */
const INITIAL = /(?:^|\p{Lu}[\p{L}\p{M}]*\s|\p{Lu}\.\s)(?!I\.)\p{Lu}\.$/u;
/** Unicode's rules see no end before a figure that a small letter follows: "… yazdım. 1843'te …". */
const BEFORE_FIGURE = /(?<=\p{L}{2}["”’')]?[.!?]["”’')]?)\s+(?=\d)/u;
const TURKISH_ORDINAL = /(?:^|[\s(])\d{1,2}\.$/u;
const LIST_ITEM = /^\s*(?:[-*+]|\d{1,2}[.)])\s+/u;

/** Making a segmenter costs a hundred times its use. English rules serve every language but Turkish. */
const ENGLISH = new Intl.Segmenter("en", { granularity: "sentence" });
const TURKISH = new Intl.Segmenter("tr", { granularity: "sentence" });

/** The sentences of markdown text, in order, trimmed and never empty. List markers and heading lines are left out. */
export function splitSentences(text: string, language: string): string[] {
  return paragraphs(text).flatMap((paragraph) => splitParagraph(paragraph, language));
}

function splitParagraph(paragraph: string, language: string): string[] {
  const sentences: string[] = [];
  let open = "";
  for (const segment of segments(paragraph, language)) {
    open = open === "" || /\s$/.test(open) ? open + segment : `${open} ${segment}`;
    if (endsInAbbreviation(open.trimEnd(), language)) continue;
    if (open.trim() !== "") sentences.push(open.trim());
    open = "";
  }
  if (open.trim() !== "") sentences.push(open.trim());
  return sentences;
}

function segments(paragraph: string, language: string): string[] {
  const segmenter = language === "tr" ? TURKISH : ENGLISH;
  return Array.from(segmenter.segment(paragraph), ({ segment }) => segment.split(BEFORE_FIGURE)).flat();
}

function endsInAbbreviation(text: string, language: string): boolean {
  return ABBREVIATION.test(text) || INITIAL.test(text) || (language === "tr" && TURKISH_ORDINAL.test(text));
}

/** Blank lines and list items part paragraphs; a single line break inside one is a wrapped line. */
function paragraphs(text: string): string[] {
  const found: string[] = [];
  let open: string[] = [];
  const close = () => {
    if (open.length > 0) found.push(open.join(" "));
    open = [];
  };
  for (const line of text.split(/\r?\n/)) {
    const isHeading = /^#{1,6}\s/.test(line);
    if (line.trim() === "" || isHeading || LIST_ITEM.test(line)) close();
    if (line.trim() !== "" && !isHeading) open.push(line.replace(LIST_ITEM, "").trim());
  }
  close();
  return found;
}
